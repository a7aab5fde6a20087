"""Training on film reviews: the laboratory report's way and the course's, in one run, with the same model.

The report's way tokenises a review each time it is asked for, pads every review to max_length, and computes in
float32. The course's way tokenises the corpus once, pads to the longest of a batch of reviews of about one length, and
computes in bfloat16 where the processor is fast in it. Both take turns, so that other work on the machine hits both.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from statistics import median
from typing import TYPE_CHECKING, Any

from ...batches import Batches
from ...corpora import DataError, Split, load_reviews
from ...studies.reviews import ReviewPlan, make_optimizer
from ...tokens import learn_tokenizer, tokenize
from ...training import choose_precision, train

if TYPE_CHECKING:
    import torch

    from ...studies.classifier import TextEncoder

ROUNDS = 3  # turns of each way; the median counts
REVIEWS = 320  # of one turn
# The encoder as unit 04 has learners write it: the sizes of its exercise, and an attention that keeps its weights.
PLAN = ReviewPlan(
    vocab_size=30_000,
    max_length=400,
    sizes=dict(d_model=128, num_heads=4, d_ff=256, num_layers=2, dropout=0.1),
)
PEAK_SIZE = 2048  # rows and columns of the matrices whose product is timed
PEAK_REPEATS = 5  # the fastest counts: a peak is what the machine can do, not what it does on average

Tell = Callable[[int, int], None]


@dataclass(frozen=True)
class Speeds:
    """What was measured."""

    report_per_second: float  # reviews
    course_per_second: float
    peaks: dict[str, float]  # precision -> floating-point operations per second of a large matrix product
    reached: dict[str, float] = field(default_factory=dict)  # way -> operations per second in training
    precision: str = "float32"  # in which the course's way computes

    def part(self) -> dict[str, float]:
        """What build/bench.json holds."""
        return {
            "report_per_second": round(self.report_per_second, 1),
            "course_per_second": round(self.course_per_second, 1),
            "ratio": round(self.course_per_second / self.report_per_second, 2),
        }


def _silent(done: int, total: int) -> None:
    """Tells nobody."""


def find_reviews() -> Split | None:
    """IMDB's training reviews, None where no local folder has them."""
    try:
        return load_reviews("local").train
    except DataError:
        return None


def measure(reviews: Split, tell: Tell = _silent, rounds: int = ROUNDS, plan: ReviewPlan = PLAN) -> Speeds:
    """Reviews per second of both ways on a sample of the reviews."""
    import torch

    from ...studies.classifier import TextEncoder

    sample = pick(reviews, min(REVIEWS, len(reviews)))
    tokenizer = learn_tokenizer(sample.texts, plan.vocab_size)
    sizes = plan.encoder_sizes()
    models = [TextEncoder(plan.vocab_size, 2, sizes, keep_weights=True) for _ in range(2)]
    models[1].load_state_dict(models[0].state_dict())
    dataset: Any = ReportDataset(sample, tokenizer, plan.max_length)
    items: Any = torch.utils.data.DataLoader(dataset, batch_size=plan.batch_size, shuffle=True)
    tokens = tokenize(sample.texts, tokenizer, plan.max_length, plan.keep)
    batches = Batches(tokens, sample.labels, plan.batch_size, shuffle=True)
    peaks = {str(precision).removeprefix("torch."): peak(precision) for precision in (torch.float32, torch.bfloat16)}
    seconds: dict[str, list[float]] = {"report": [], "course": []}
    for turn in range(rounds + 1):  # the first turn warms up
        ways: dict[str, Callable[[], None]] = {
            "report": partial(train_as_the_report, models[0], items, plan),
            "course": partial(train_as_the_course, models[1], batches, plan),
        }
        for way, run in ways.items():
            start = time.perf_counter()
            run()
            if turn:
                seconds[way].append(time.perf_counter() - start)
        tell(turn + 1, rounds + 1)
    speeds = {way: len(sample) / median(times) for way, times in seconds.items()}
    work = {
        "report": work_of_a_review(models[0], [plan.max_length] * len(sample), plan),
        "course": work_of_a_review(models[1], [int(length) for length in tokens.lengths], plan),
    }
    return Speeds(
        report_per_second=speeds["report"],
        course_per_second=speeds["course"],
        peaks=peaks,
        reached={way: speeds[way] * work[way] for way in speeds},
        precision=choose_precision("auto", torch.device("cpu")),
    )


def pick(reviews: Split, count: int) -> Split:
    """Every n-th review, so that both classes and all lengths are there."""
    numbers = [number * len(reviews) // count for number in range(count)]
    return Split([reviews.texts[number] for number in numbers], [reviews.labels[number] for number in numbers])


class ReportDataset:
    """The report's dataset: every item is tokenised when it is asked for, and padded to max_length."""

    def __init__(self, reviews: Split, tokenizer: Any, max_length: int) -> None:
        self.reviews, self.tokenizer, self.max_length = reviews, tokenizer, max_length

    def __len__(self) -> int:
        return len(self.reviews)

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        import torch

        ids = self.tokenizer.encode(self.reviews.texts[number]).ids[: self.max_length]
        missing = self.max_length - len(ids)
        return {
            "input_ids": torch.tensor(ids + [0] * missing),
            "attention_mask": torch.tensor([1] * len(ids) + [0] * missing),
            "labels": torch.tensor(self.reviews.labels[number]),
        }


def train_as_the_report(model: TextEncoder, items: Any, plan: ReviewPlan) -> None:
    """An epoch of the report's loop."""
    import torch

    criterion = torch.nn.CrossEntropyLoss()
    optimizer = make_optimizer(model, plan)
    model.train()
    for batch in items:
        optimizer.zero_grad()
        loss = criterion(model(batch["input_ids"], batch["attention_mask"]), batch["labels"])
        loss.backward()
        optimizer.step()
        loss.item()


def train_as_the_course(model: TextEncoder, batches: Batches, plan: ReviewPlan) -> None:
    """An epoch of the course's loop."""
    recipe = replace(plan.recipe, epochs=1)
    train(model, batches, recipe, device="cpu", optimizer=make_optimizer(model, plan), progress=False)


def work_of_a_review(model: TextEncoder, lengths: Sequence[int], plan: ReviewPlan) -> float:
    """Floating-point operations of forward and backward of a review, on average, in matrix products only.

    A weight of a linear layer is used once for each token: two operations forward, four backward. Attention multiplies
    queries with keys and weights with values: 4 seq d_model operations a token forward, twice that backward.
    """
    sizes = plan.encoder_sizes()
    weights = sum(p.numel() for name, p in model.named_parameters() if p.ndim == 2 and name.startswith("layers"))
    total = 0.0
    for length in lengths:
        seq = length * (1 - sizes.word_dropout)
        total += 6 * weights * seq + 12 * sizes.num_layers * seq * seq * sizes.d_model
    return total / len(lengths)


def peak(precision: torch.dtype) -> float:
    """Operations per second of the product of two large matrices."""
    import torch

    a, b = (torch.randn(PEAK_SIZE, PEAK_SIZE).to(precision) for _ in range(2))
    times = []
    for _ in range(PEAK_REPEATS + 1):
        start = time.perf_counter()
        torch.mm(a, b)
        times.append(time.perf_counter() - start)
    return 2 * PEAK_SIZE**3 / min(times[1:])


def lines(speeds: Speeds) -> Iterator[list[str]]:
    """The rows of a table: way, reviews per second, operations per second, share of each peak."""
    for way, per_second in (("report", speeds.report_per_second), ("course", speeds.course_per_second)):
        reached = speeds.reached[way]
        computes = "float32" if way == "report" else speeds.precision
        shares = [f"{reached / value:.1%}" for value in speeds.peaks.values()]
        yield [f"the {way}'s way, {computes}", f"{per_second:.1f}", f"{reached / 1e9:.1f}", *shares]


def measure_bert(tell: Tell = _silent, steps: int = 8) -> dict[str, float] | None:
    """Texts per second of fine-tuning a pretrained encoder on news in both ways; None where no encoder is at hand.

    On AG News where a local folder has it, else on the embedded headlines; with whichever encoder needs no network.
    """
    from ...corpora import load_headlines
    from ...models import EncoderError, load_encoder
    from ...studies import Study, news_data_paths
    from ...studies.headlines import fast_plan

    try:
        encoder = load_encoder("embedded")
    except EncoderError:
        return None
    try:
        corpus = load_headlines("local")
    except DataError:
        corpus = load_headlines("embedded")
    speeds = news_data_paths.measure_paths(corpus, encoder, fast_plan(Study()), steps, tell=tell)
    return {name: round(value, 2) for name, value in speeds.items()}
