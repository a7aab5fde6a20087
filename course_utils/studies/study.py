"""What a study gets, what it gives, and where its results go.

Notable choices:
- results are a JSON file with all that another person needs to repeat the run, a CSV table and a PNG figure, each
  written whole or not at all;
- what costs minutes is a piece, kept as soon as it is finished under a key made of its settings: a study that was
  stopped goes on with the first piece that is missing, and a changed setting never finds an old piece;
- within a piece the training loop's own checkpoint is kept, so that a kill costs at most a minute;
- where nothing is written, as in a lesson, this process keeps the pieces of a study that was stopped until it is done;
- with several processes (`accelerate launch`) all of them compute and only the first one writes.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import importlib
import io
import json
import math
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from course_utils.engine.files import write_whole
from course_utils.engine.judging.sentences import Text
from course_utils.engine.texts import language, source_of
from course_utils.runtime import describe_machine, report_versions
from course_utils.studies.progress import RunLine

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from course_utils.corpora import Corpus
    from course_utils.training import History

# Modules of this package that register studies, in the order of the units.
MODULES = (
    "film_reviews",
    "ablation",
    "text_length",
    "data_paths",
    "news_pooling",
    "news_data_paths",
    "attention_maps",
    "sentence_context",
    "learning_rates",
)

# What decides whether two runs of a study can be compared.
REPORTED = (
    "course_utils",
    "torch",
    "transformers",
    "tokenizers",
    "accelerate",
    "numpy",
    "scipy",
    "statsmodels",
    "scikit-learn",
    "matplotlib",
)


def our_result(name: str) -> dict[str, Any] | None:
    """What this course's own run of a study gave: results/<name>.json of a folder above; None where none is near."""
    for folder in (Path.cwd(), *Path.cwd().parents):
        try:
            return dict(json.loads((folder / "results" / f"{name}.json").read_text(encoding="utf-8")))
        except FileNotFoundError:
            continue
    return None


STOPPED: dict[str, Text] = {
    "kept": {
        "en": "interrupted; what is finished is kept, the same command goes on from there",
        "zh": "已中断；做完的部分已保留，再次运行同一命令会从那里继续",
    },
    "cell": {
        "en": "Stopped. What is finished is kept; run the cell again and it goes on from there.",
        "zh": "已停止。做完的部分已保留，再运行一次这个单元格就会从那里继续。",
    },
}


class StudyStopped(KeyboardInterrupt):
    """A study was interrupted. What was finished is kept."""

    def _render_traceback_(self) -> list[str]:
        """What a notebook shows: the sentence alone."""
        return [STOPPED["cell"][language()]]


P = ParamSpec("P")
R = TypeVar("R")


def stoppable(function: Callable[P, R]) -> Callable[P, R]:
    """The same function, which raises StudyStopped where it is interrupted: one sentence, no lines of torch."""

    @functools.wraps(function)
    def run_until_stopped(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except StudyStopped:
            raise
        except KeyboardInterrupt:
            raise StudyStopped(STOPPED["kept"][language()]) from None

    return run_until_stopped


def fingerprint_of_maker(maker: Any) -> str:
    """A short hash of a learner's class or function and of all others that its notebook defines: it may call them."""
    functions = [maker, *(vars(maker).values() if isinstance(maker, type) else ())]
    names: dict[str, Any] = next((each.__globals__ for each in functions if hasattr(each, "__globals__")), {})
    own = [value for value in names.values() if getattr(value, "__module__", "") == maker.__module__]
    sources = {source_of(value) for value in [maker, *own] if callable(value)}
    return hashlib.blake2b("\0".join(sorted(sources)).encode(), digest_size=6).hexdigest()


@dataclass(frozen=True)
class Study:
    """What is asked of a study, and where it keeps what is finished."""

    place: str = "auto"  # of the corpus and the encoder: "auto", "local", "hub", "embedded"
    seeds: int = 3  # runs that differ in nothing but their seed: 0, 1, ...
    quick: bool = True  # sizes for two cores and a few minutes; otherwise those of a real result
    out: Path | None = None  # the folder of results; None keeps nothing
    data_folder: Path | None = None  # where "local" looks; None takes COURSE_DATA_DIR
    device: str = "auto"  # as in training.train
    progress: bool = True  # print what is being done
    name: str = ""  # of the study, set by run()
    started: float = field(default_factory=time.monotonic, compare=False)
    line: RunLine = field(default_factory=RunLine, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.seeds < 1:
            raise ValueError(f"seeds must be at least 1, got {self.seeds}.")

    @property
    def seed_numbers(self) -> range:
        """The seeds of the runs."""
        return range(self.seeds)

    @property
    def command(self) -> str:
        """The command that repeats the study; a data folder is named by COURSE_DATA_DIR, never by its path."""
        size = "--quick" if self.quick else "--full"
        processes = int(os.environ.get("WORLD_SIZE", "1"))  # accelerate launch sets it; each has a batch of its own
        course = f"accelerate launch --num_processes {processes} -m course_utils" if processes > 1 else "course"
        return f"{course} experiment {self.name} --place {self.place} --seeds {self.seeds} {size}"

    @property
    def shows_training(self) -> bool:
        """Whether a training shows its own progress: not below the line of the study."""
        return self.progress and not self.line.is_shown

    def expect(self, runs: int) -> None:
        """Tell of how many pieces the study is made from here on."""
        self.line.start(runs)

    def say(self, text: str) -> None:
        """Print a line, with the minutes since the start; where one line tells how far the study is, that is enough."""
        if self.progress and _writes() and not self.line.is_shown:
            print(f"[{(time.monotonic() - self.started) / 60:5.1f} min] {text}", flush=True)

    def piece(self, key: str, make: Callable[[Path | None], dict[str, Any]], **settings: Any) -> dict[str, Any]:
        """What `make` returns, from the file where it was kept if this very piece was finished before.

        key:      names the piece within the study, such as "seed 0"
        make:     gets the path of a checkpoint to train with (None if nothing is kept); returns plain numbers, text,
                  lists and dicts
        settings: all that the result depends on beside place and size
        """
        content = {"name": self.name, "key": key, "place": self.place, "quick": self.quick, "settings": settings}
        mark = hashlib.blake2b(json.dumps(content, sort_keys=True, default=str).encode(), digest_size=6).hexdigest()
        self.line.begin(key, self.progress and _writes())
        try:
            kept = self._kept(key, mark)
            result = kept if kept is not None else self._made(key, mark, content, make)
        except BaseException:  # a Stop, too
            self.line.stop()
            raise
        self.line.end(made=kept is None)
        if self.line.is_complete:
            _in_memory.clear()  # a study that is done is computed anew when it is asked for again
        return result

    def _kept(self, key: str, mark: str) -> dict[str, Any] | None:
        """A piece that was finished before."""
        if self.out is None:
            return _in_memory.get(mark)
        path = self._file(key, mark)
        if not path.exists():
            return None
        self.say(f"{key}: kept from before")
        return dict(json.loads(path.read_text(encoding="utf-8"))["result"])

    def _made(
        self, key: str, mark: str, content: dict[str, Any], make: Callable[[Path | None], dict[str, Any]]
    ) -> dict[str, Any]:
        """A piece that is computed now, and kept."""
        if self.out is None:
            result = make(None)
            if self.line.is_counted:  # otherwise nobody would know when to forget it
                _in_memory[mark] = result
            return result
        path = self._file(key, mark)
        checkpoint = path.with_suffix(".pt")
        path.parent.mkdir(parents=True, exist_ok=True)
        result = make(checkpoint)
        if _writes():
            write_whole(path, _to_json({**content, "result": result}), synced=True)
            checkpoint.unlink(missing_ok=True)
        return dict(json.loads(_to_json(result)))

    def _file(self, key: str, mark: str) -> Path:
        return (self.out or Path()) / f".{self.name}" / f"{_slug(key)}-{mark}.json"

    def head(self, corpus: Corpus | None, *, epochs: int | None = None, encoder: str | None = None) -> dict[str, Any]:
        """What every result file begins with."""
        about: dict[str, Any] = {"study": self.name}
        if corpus is not None:
            about |= {
                "corpus": corpus.name,
                "corpus_source": corpus.source,
                "train_size": len(corpus.train),
                "test_size": len(corpus.test),
            }
        if epochs is not None:
            about["epochs"] = epochs
        about["seeds"] = list(self.seed_numbers)
        if encoder is not None:
            about["encoder"] = encoder
        return about | {
            "command": self.command,
            "machine": asdict(describe_machine()),
            "versions": report_versions(REPORTED),
            "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
        }


@dataclass(frozen=True)
class Findings:
    """What a study found."""

    head: dict[str, Any]  # the JSON file: corpus, sizes, seeds, command, machine, versions, date, and the results
    table: pd.DataFrame  # the CSV file
    figure: Figure  # the PNG file; its title names corpus and encoder

    def write(self, folder: Path, name: str) -> list[Path]:
        """The paths of the JSON, CSV and PNG files, each written whole."""
        image = io.BytesIO()
        self.figure.savefig(image, format="png", dpi=150)
        contents: dict[str, str | bytes] = {
            "json": _to_json(self.head) + "\n",
            "csv": self.table.to_csv(index=False, lineterminator="\n"),
            "png": image.getvalue(),
        }
        paths = [folder / f"{name}.{ending}" for ending in contents]
        for path, content in zip(paths, contents.values(), strict=True):
            write_whole(path, content, synced=True)
        return paths


Function = Callable[[Study], Findings]

_in_memory: dict[str, dict[str, Any]] = {}  # pieces of studies that write nothing and were stopped


@dataclass(frozen=True)
class Registered:
    """A study that can be asked for by name."""

    name: str
    unit: str  # the unit whose lesson shows it
    about: str  # one line: the question that it answers
    function: Function


_studies: dict[str, Registered] = {}


def register(name: str, *, unit: str) -> Callable[[Function], Function]:
    """Register a function as a study; the first line of its docstring says what it is about."""

    def keep(function: Function) -> Function:
        known = _studies.get(name)
        if known is not None and known.function.__module__ != function.__module__:
            raise ValueError(f"There are two studies named {name}, in {known.function.__module__} and here.")
        about = (function.__doc__ or "").strip().partition("\n")[0]
        _studies[name] = Registered(name, unit, about, function)
        return function

    return keep


def list_studies() -> list[Registered]:
    """All studies, by unit and name."""
    for module in MODULES:
        importlib.import_module(f"course_utils.studies.{module}")
    return sorted(_studies.values(), key=lambda found: (found.unit, found.name))


def find_study(name: str) -> Registered:
    """The study of that name.

    Raises ValueError where there is none, naming those that are there.
    """
    found = {each.name: each for each in list_studies()}
    if name not in found:
        raise ValueError(f"There is no study named {name}. There are: {', '.join(found)}.")
    return found[name]


def run(name: str, settings: Study = Study()) -> Findings:
    """What a study finds; with `settings.out` its files are written there.

    Raises StudyStopped where it was interrupted; what is finished is kept, and the same call goes on from there.
    """
    asked = replace(settings, name=name, started=time.monotonic(), line=RunLine())
    findings = stoppable(find_study(name).function)(asked)
    if asked.out is not None and _writes():
        asked.expect(0)  # the line has ended
        for path in findings.write(asked.out, name):
            asked.say(f"wrote {path}")
    return findings


def finished(history: History) -> History:
    """The history, once it is sure that the training came to its end: half a run is no result.

    Raises KeyboardInterrupt for one that was interrupted, so that the study stops.
    """
    if history.interrupted:
        raise KeyboardInterrupt
    return history


def _writes() -> bool:
    """Whether this process is the one that prints and writes."""
    return os.environ.get("RANK", "0") == "0"


def _slug(key: str) -> str:
    return "".join(letter if letter.isalnum() else "_" for letter in key)


def _to_json(content: Any) -> str:
    return json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False)


def _plain(value: Any) -> Any:
    """The value in JSON's own types; a number that is not finite becomes null."""
    if hasattr(value, "tolist"):  # numpy's numbers and arrays
        value = value.tolist()
    if isinstance(value, dict):
        return {str(key): _plain(each) for key, each in value.items()}
    if isinstance(value, (list, tuple, range)):
        return [_plain(each) for each in value]
    if isinstance(value, Path):
        return value.as_posix()
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
