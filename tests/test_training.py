"""The training loop: what it computes, what it keeps, and what is left when it is stopped or killed."""

import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from course_utils.batches import Batches
from course_utils.tokens import Tokens
from course_utils.training import CheckpointError, Predictions, Recipe, predict, train

VOCABULARY = 23


class Tiny(nn.Module):
    """A masked mean of embeddings with dropout, and one layer."""

    def __init__(self, seed: int = 5, width: int = 6, classes: int = 3) -> None:
        super().__init__()
        torch.manual_seed(seed)
        self.embedding = nn.Embedding(VOCABULARY, width)
        self.norm = nn.LayerNorm(width)
        self.dropout = nn.Dropout(0.3)
        self.out = nn.Linear(width, classes)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        mask = attention_mask[..., None].float()
        mean = (self.embedding(input_ids) * mask).sum(dim=1) / mask.sum(dim=1)
        return self.out(self.dropout(self.norm(mean)))


def make_batches(count: int = 26, batch_size: int = 4, shuffle: bool = True, seed: int = 2) -> Batches:
    """Texts whose label is told by their first token."""
    draw = np.random.default_rng(seed)
    labels = draw.integers(0, 3, size=count)
    texts = [np.r_[4 + label, draw.integers(7, VOCABULARY, size=draw.integers(2, 9))] for label in labels]
    offsets = np.cumsum([0, *map(len, texts)]).astype(np.int64)
    return Batches(Tokens(np.concatenate(texts).astype(np.int32), offsets), labels.tolist(), batch_size, shuffle, seed)


EXACT = Recipe(epochs=3, precision="float32", seed=11)


def weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().clone() for name, value in model.state_dict().items()}


def equal(one: dict[str, Tensor], other: dict[str, Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


class Stops:
    """Batches that raise in the place of the n-th batch of all epochs together."""

    def __init__(self, inner: Batches, at: int, error: type[BaseException]) -> None:
        self.inner, self.at, self.error, self.count = inner, at, error, 0

    def __len__(self) -> int:
        return len(self.inner)

    def set_epoch(self, epoch: int) -> None:
        self.inner.set_epoch(epoch)

    def __iter__(self):
        for batch in self.inner:
            if self.count == self.at:
                raise self.error
            self.count += 1
            yield batch


# --- what it computes ---------------------------------------------------------------------------------------------


def test_a_step_is_that_of_a_loop_written_by_hand():
    batches = make_batches(shuffle=False)
    ours, theirs = Tiny(), Tiny()
    ours.dropout.p = theirs.dropout.p = 0.0
    recipe = Recipe(epochs=2, learning_rate=0.02, warmup_share=0.0, schedule="constant", precision="float32")
    history = train(ours, batches, recipe, progress=False)
    optimizer = torch.optim.AdamW(
        [
            {"params": [p for p in theirs.parameters() if p.ndim > 1], "weight_decay": 0.01},
            {"params": [p for p in theirs.parameters() if p.ndim == 1], "weight_decay": 0.0},
        ],
        lr=0.02,
    )
    losses: list[float] = []
    for _ in range(2):
        total = 0.0
        for batch in batches:
            loss = nn.functional.cross_entropy(theirs(batch["input_ids"], batch["attention_mask"]), batch["labels"])
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(theirs.parameters(), 1.0)
            optimizer.step()
            total += loss.item() * len(batch["labels"])
        losses.append(total / 26)
    # The fused AdamW adds in another order than the plain one.
    for name, value in weights(theirs).items():
        torch.testing.assert_close(ours.state_dict()[name], value, atol=1e-5, rtol=1e-4)
    assert [row["loss"] for row in history.rows] == pytest.approx(losses, rel=1e-4)


def test_it_learns():
    model, batches = Tiny(), make_batches(60)
    history = train(model, batches, Recipe(epochs=12, learning_rate=0.05), validation=batches, progress=False)
    assert history.rows[-1]["validation_accuracy"] > 0.9
    assert history.rows[-1]["loss"] < 0.6 * history.rows[0]["loss"]


def test_the_learning_rate_rises_and_falls_to_zero():
    model, batches = Tiny(), make_batches(40)  # 10 steps an epoch
    rates: list[float] = []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.4)
    optimizer.register_step_pre_hook(lambda *_: rates.append(optimizer.param_groups[0]["lr"]))
    train(model, batches, Recipe(epochs=2, warmup_share=0.15), optimizer=optimizer, progress=False)
    rise = [0.1, 0.2, 0.3]
    fall = [0.4 * (1 - step / 17) for step in range(17)]
    assert rates == pytest.approx(rise + fall)


def test_a_level_schedule_stays_where_it_is():
    model, batches = Tiny(), make_batches(40)
    rates: list[float] = []
    optimizer = torch.optim.SGD(model.parameters(), lr=0.4)
    optimizer.register_step_pre_hook(lambda *_: rates.append(optimizer.param_groups[0]["lr"]))
    train(model, batches, Recipe(epochs=1, warmup_share=0.1, schedule="constant"), optimizer=optimizer, progress=False)
    assert rates == pytest.approx([0.2] + [0.4] * 9)


def test_equal_seeds_give_equal_weights_and_other_seeds_do_not():
    models = [Tiny() for _ in range(3)]
    for model, seed in zip(models, (1, 1, 2), strict=True):
        train(model, make_batches(), Recipe(epochs=1, seed=seed), progress=False)
    assert equal(weights(models[0]), weights(models[1]))
    assert not equal(weights(models[0]), weights(models[2]))


def test_gradients_left_over_from_before_do_not_matter():
    fresh, used = Tiny(), Tiny()
    for parameter in used.parameters():
        parameter.grad = torch.full_like(parameter, 100.0)
    for model in (fresh, used):
        train(model, make_batches(), EXACT, progress=False)
    assert equal(weights(fresh), weights(used))


def test_bfloat16_keeps_float32_weights_and_learns():
    model, batches = Tiny(), make_batches(60)
    recipe = Recipe(epochs=8, learning_rate=0.05, precision="bfloat16")
    history = train(model, batches, recipe, progress=False)
    assert {value.dtype for value in weights(model).values()} == {torch.float32}
    assert history.rows[-1]["loss"] < 0.8 * history.rows[0]["loss"]


def test_a_model_that_answers_as_transformers_do_is_trained():
    class Wrapped(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = Tiny()

        def forward(self, input_ids: Tensor, attention_mask: Tensor):
            return type("Output", (), {"logits": self.inner(input_ids, attention_mask)})()

    plain, wrapped = Tiny(), Wrapped()
    for model in (plain, wrapped):
        train(model, make_batches(), EXACT, progress=False)
    assert equal(weights(plain), weights(wrapped.inner))


def test_a_list_of_batches_is_enough():
    batches = list(make_batches())
    assert len(train(Tiny(), batches, EXACT, progress=False).rows) == 3


def test_validation_changes_nothing_that_is_learnt():
    plain, watched = Tiny(), Tiny()
    train(plain, make_batches(), EXACT, progress=False)
    train(watched, make_batches(), EXACT, validation=make_batches(9, shuffle=False, seed=8), progress=False)
    assert equal(weights(plain), weights(watched))


def test_a_history_is_a_table_with_a_row_for_each_epoch():
    frame = train(Tiny(), make_batches(), EXACT, validation=make_batches(9, seed=8), progress=False).frame()
    assert frame["epoch"].tolist() == [1, 2, 3]
    assert frame["learning_rate"].iloc[-1] == pytest.approx(0.0, abs=1e-9)
    assert (frame["examples_per_second"] > 0).all()
    assert frame["validation_accuracy"].between(0, 1).all()


def test_each_epoch_prints_a_line(capsys: pytest.CaptureFixture[str]):
    train(Tiny(), make_batches(), EXACT)
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(":")[0] for line in lines] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(epochs=0), "epochs must be at least 1, got 0"),
        (dict(learning_rate=-1.0), "learning_rate must be positive"),
        (dict(warmup_share=1.5), "warmup_share must lie between 0 and 1"),
        (dict(schedule="cosine"), "schedule must be one of linear, constant, got 'cosine'"),
        (dict(precision="half"), "precision must be one of"),
        (dict(clip_norm=0.0), "clip_norm must be positive or None"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(change: dict, message: str):
    with pytest.raises(ValueError, match=message):
        Recipe(**change)


def test_no_batches_are_refused():
    with pytest.raises(ValueError, match="at least one batch"):
        train(Tiny(), [], EXACT)


def test_batches_without_a_length_are_refused():
    with pytest.raises(ValueError, match="must tell how many they are, got generator"):
        train(Tiny(), (batch for batch in make_batches()), EXACT)


# --- predictions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("shuffle", [False, True])
def test_predictions_stand_in_the_order_of_the_corpus(shuffle: bool):
    model, batches = Tiny().eval(), make_batches(shuffle=shuffle)
    found = predict(model, batches, precision="float32")
    for number in range(len(batches.tokens)):
        ids = torch.from_numpy(batches.tokens[number].astype(np.int64))[None]
        expected = model(ids, torch.ones_like(ids)).detach()[0]
        # Padding to the longest of a batch adds zeros in another order.
        np.testing.assert_allclose(found.logits[number], expected, atol=1e-5)
    assert found.labels.tolist() == batches.labels.tolist()


@pytest.mark.parametrize("training", [True, False])
def test_predicting_leaves_the_mode_of_the_model_and_uses_no_dropout(training: bool):
    model = Tiny().train(training)
    first, second = (predict(model, make_batches()).logits for _ in range(2))
    assert model.training is training
    assert np.array_equal(first, second)
    assert torch.is_grad_enabled()


def test_accuracy_and_loss_by_hand():
    logits = np.log(np.array([[0.5, 0.25, 0.25], [0.2, 0.2, 0.6]], dtype=np.float32))
    found = Predictions(logits, np.array([0, 1]))
    assert found.predicted.tolist() == [0, 2]
    assert found.correct.tolist() == [True, False]
    assert found.accuracy == 0.5
    assert found.loss == pytest.approx((np.log(2) + np.log(5)) / 2)


# --- resuming -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("at", [1, 3, 7, 12, 20])  # 7 steps an epoch, 21 in all; 7 is the first step of the second
def test_a_run_that_was_taken_up_again_ends_where_an_undisturbed_one_ends(tmp_path: Path, at: int):
    undisturbed = Tiny()
    history = train(undisturbed, make_batches(), EXACT, progress=False)
    keep = dict(checkpoint=tmp_path / "run.pt", checkpoint_seconds=0.0, progress=False)
    with pytest.raises(OSError):  # noqa: PT011 - whatever a batch raises comes through
        train(Tiny(), Stops(make_batches(), at, OSError), EXACT, **keep)
    random.seed(99)
    np.random.seed(99)
    torch.manual_seed(99)
    resumed = Tiny(seed=77)
    again = train(resumed, make_batches(), EXACT, **keep)
    assert equal(weights(undisturbed), weights(resumed))
    assert [row["loss"] for row in again.rows] == [row["loss"] for row in history.rows]


def test_a_run_that_is_over_is_not_run_again(tmp_path: Path):
    first, second = Tiny(), Tiny(seed=6)
    train(first, make_batches(), EXACT, checkpoint=tmp_path / "run.pt", progress=False)
    history = train(second, Stops(make_batches(), 0, OSError), EXACT, checkpoint=tmp_path / "run.pt", progress=False)
    assert len(history.rows) == 3
    assert equal(weights(first), weights(second))


def test_a_checkpoint_is_read_without_running_code(tmp_path: Path):
    train(Tiny(), make_batches(), EXACT, checkpoint=tmp_path / "run.pt", progress=False)
    kept = torch.load(tmp_path / "run.pt", weights_only=True)
    assert kept["epoch"] == 3
    assert {"model", "optimizer", "schedule", "random", "step"} <= kept.keys()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (dict(recipe=Recipe(epochs=3, precision="float32", seed=11, learning_rate=0.5)), "its learning_rate was 0.001"),
        (dict(batches=make_batches(40)), "its epoch had 7 steps and has 10 now"),
        (dict(model=Tiny(width=8)), "belongs to another model"),
    ],
)
def test_the_checkpoint_of_another_training_is_refused(tmp_path: Path, change: dict, message: str):
    train(Tiny(), make_batches(), EXACT, checkpoint=tmp_path / "run.pt", progress=False)
    call = {"model": Tiny(), "batches": make_batches(), "recipe": EXACT} | change
    with pytest.raises(CheckpointError, match=message):
        train(**call, checkpoint=tmp_path / "run.pt", progress=False)


@pytest.mark.parametrize("length", [0, 1000])
def test_half_a_checkpoint_is_refused_in_one_sentence(tmp_path: Path, length: int):
    path = tmp_path / "run.pt"
    train(Tiny(), make_batches(), EXACT, checkpoint=path, progress=False)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(CheckpointError, match=r"is not a whole checkpoint .* Delete it to start again"):
        train(Tiny(), make_batches(), EXACT, checkpoint=path, progress=False)


def test_a_full_disk_keeps_the_old_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    path = tmp_path / "run.pt"
    with pytest.raises(OSError):  # noqa: PT011
        train(Tiny(), Stops(make_batches(), 9, OSError), EXACT, checkpoint=path, progress=False)
    before = path.read_bytes()

    def full(content: object, file: object) -> None:
        file.write(b"half of it")  # type: ignore[attr-defined]
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(torch, "save", full)
    with pytest.raises(CheckpointError, match="cannot be written: No space left on device"):
        train(Tiny(), make_batches(), EXACT, checkpoint=path, progress=False)
    assert path.read_bytes() == before
    assert [entry.name for entry in tmp_path.iterdir()] == ["run.pt"]


def test_what_a_killed_process_left_is_cleared_away(tmp_path: Path):
    stale = tmp_path / ".writing-run.pt-abc"
    stale.write_bytes(b"half")
    os.utime(stale, (time.time() - 9000,) * 2)
    train(Tiny(), make_batches(), EXACT, checkpoint=tmp_path / "run.pt", progress=False)
    assert not stale.exists()


KILLED = """
    import sys
    from pathlib import Path
    import torch
    sys.path.insert(0, sys.argv[2])
    from test_training import EXACT, Tiny, make_batches
    from course_utils.training import train

    # Big enough that most of the time goes into writing.
    model = Tiny(width=6)
    model.register_buffer("ballast", torch.arange(3_000_000, dtype=torch.float64))
    train(model, make_batches(4000), EXACT, checkpoint=Path(sys.argv[1]), checkpoint_seconds=0.0, progress=False)
"""


@pytest.mark.slow
def test_a_checkpoint_is_whole_after_a_kill_while_it_is_written(tmp_path: Path):
    path = tmp_path / "run.pt"
    steps = []
    for delay in (0.05, 0.13, 0.22):
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(path), str(Path(__file__).parent)],
            stderr=subprocess.PIPE,
        )
        before = path.stat().st_mtime_ns if path.exists() else 0
        deadline = time.monotonic() + 120
        while not (path.exists() and path.stat().st_mtime_ns != before):
            assert process.poll() is None, process.stderr.read().decode()
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        kept = torch.load(path, weights_only=True)
        assert torch.equal(kept["model"]["ballast"], torch.arange(3_000_000, dtype=torch.float64))
        steps.append(kept["step"])
    assert steps == sorted(steps)  # each process went on from where the killed one had come to
    assert steps[0] < steps[-1]


# --- interruption -------------------------------------------------------------------------------------------------


def test_an_interrupted_training_keeps_what_was_learnt(capsys: pytest.CaptureFixture[str]):
    model, untouched = Tiny(), weights(Tiny())
    history = train(model, Stops(make_batches(), 9, KeyboardInterrupt), EXACT)
    assert history.interrupted
    assert [row["epoch"] for row in history.rows] == [1, pytest.approx(1 + 2 / 7, abs=1e-3)]
    assert not torch.equal(untouched["out.weight"], model.out.weight)
    assert "Stopped in epoch 2 of 3, at step 2 of 7. The model keeps what it learnt." in capsys.readouterr().out


class Interrupts(Stops):
    """Batches that send this process an interrupt with the n-th batch."""

    def __iter__(self):
        for batch in self.inner:
            if self.count == self.at:
                os.kill(os.getpid(), signal.SIGINT)
            self.count += 1
            yield batch


@pytest.fixture
def interruptible():
    """A process that was started in the background may ignore interrupts; not while this lasts."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_takes_effect_between_two_steps_and_the_run_goes_on_exactly(tmp_path: Path):
    undisturbed, model = Tiny(), Tiny()
    train(undisturbed, make_batches(), EXACT, progress=False)
    before = signal.getsignal(signal.SIGINT)
    history = train(
        model, Interrupts(make_batches(), 10, OSError), EXACT, checkpoint=tmp_path / "run.pt", progress=False
    )
    assert history.interrupted
    assert signal.getsignal(signal.SIGINT) is before
    history = train(model, make_batches(), EXACT, checkpoint=tmp_path / "run.pt", progress=False)
    assert not history.interrupted
    assert equal(weights(undisturbed), weights(model))


def test_training_works_outside_the_main_thread():
    found = []
    thread = threading.Thread(target=lambda: found.append(train(Tiny(), make_batches(), EXACT, progress=False)))
    thread.start()
    thread.join()
    assert len(found[0].rows) == 3


# --- several processes --------------------------------------------------------------------------------------------

LAUNCHED = """
    import os, sys
    from pathlib import Path
    import torch
    from tests.test_training import Tiny, make_batches
    from course_utils.training import Recipe, predict, train

    model = Tiny()
    train(model, make_batches(), Recipe(epochs=3, precision="float32", learning_rate=0.02), progress=False)
    folder = Path(sys.argv[1])
    torch.save(model.state_dict(), folder / f"weights-{os.environ['RANK']}.pt")
    torch.save(predict(model, make_batches(shuffle=False)).logits, folder / f"logits-{os.environ['RANK']}.pt")
"""


@pytest.mark.slow
def test_two_launched_processes_learn_one_model(tmp_path: Path):
    script = tmp_path / "script.py"
    script.write_text(textwrap.dedent(LAUNCHED), encoding="utf-8")
    root = str(Path(__file__).parents[1])
    # what accelerate launch starts for several GPUs; for processors alone it would want MPI
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", str(script)]
    environment = os.environ | {"OMP_NUM_THREADS": "1", "PYTHONPATH": root}
    done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    found = [torch.load(tmp_path / f"weights-{rank}.pt", weights_only=True) for rank in (0, 1)]
    assert equal(*found)
    assert not equal(found[0], weights(Tiny()))
    logits = [torch.load(tmp_path / f"logits-{rank}.pt", weights_only=False) for rank in (0, 1)]
    assert len(logits[0]) == 26
    np.testing.assert_array_equal(*logits)
