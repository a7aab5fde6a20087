"""An instructor's desk: notebooks with answers in them, downloads as platforms write them, a class on its way."""

import csv
import json
import os
import zipfile
from concurrent.futures import Executor, Future
from datetime import UTC, datetime

from typer.testing import CliRunner

from course_utils.engine.course import current
from course_utils.engine.grading.classfile import read_class
from course_utils.engine.grading.collect.gather import collect
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample
from course_utils.instructor.cli import app

UNITS = {unit.name: unit for unit in find_units(current().folder, ["01_positional_encoding", "02_attention"])}
FIRST, SECOND = UNITS
ROSTER = """\
id,name,email,login,SIS user id,Canvas id,GitHub,section,extension
mueller,"Müller, Anna-Lena",anna-lena.mueller@example.org,al.mueller,0012,101,anna-gh,A,
wang,王小明,wxm@example.org,wxm,0013,102,xiaoming-w,B,
oneil,"O'Neil, Seán",sean@example.org,soneil,0014,103,,A,3
"""


def notebook(unit=FIRST, remark="", filled=True, **sources):
    """The bytes of a notebook; a remark makes it another one."""
    found = UNITS[unit]
    made = sample.filled(found, sample.reference(found) | sources) if filled else sample.released(found)
    if remark:
        cell = next(cell for cell in made["cells"] if cell["metadata"].get("nbgrader", {}).get("solution"))
        cell["source"] += f"\n# {remark}"
    return json.dumps(made, ensure_ascii=False).encode()


def run_again(data):
    """The same notebook with other outputs."""
    made = json.loads(data)
    for number, cell in enumerate(cell for cell in made["cells"] if cell["cell_type"] == "code"):
        cell["execution_count"], cell["outputs"] = number, [{"output_type": "stream", "name": "stdout", "text": "1\n"}]
    return json.dumps(made, indent=2).encode()


def zipped(path, content, when="2026-10-05 10:00:00", encoding=None):
    """A zip file; encoding: of names without the flag for UTF-8."""
    moment = datetime.fromisoformat(when)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            info = zipfile.ZipInfo(name, moment.timetuple()[:6])
            info.compress_type = zipfile.ZIP_DEFLATED
            if encoding:
                info = _Named(name, moment.timetuple()[:6], encoding)
            archive.writestr(info, data)
    return path


class _Named(zipfile.ZipInfo):
    """A member whose name stands in an encoding that nobody tells."""

    def __init__(self, name, date, encoding):
        super().__init__(name, date)
        self.encoding = encoding

    def _encodeFilenameFlags(self):
        return self.filename.encode(self.encoding), self.flag_bits


def laid(folder, content, when="2026-10-05 10:00:00"):
    """A folder with files in it."""
    for name, data in content.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        moment = datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp()
        os.utime(path, (moment, moment))
    return folder


class Desk:
    """A class and its files."""

    def __init__(self, root):
        self.root, self.submitted, self.results = root, root / "submitted", root / "results"
        self.downloads = root / "downloads"
        self.downloads.mkdir()
        self.write_class()

    def write_class(self, text="", roster=ROSTER):
        (self.root / "roster.csv").write_text(roster, encoding="utf-8")
        (self.root / "class.toml").write_text(f'roster = "roster.csv"\n{text}', encoding="utf-8")
        return self.root / "class.toml"

    @property
    def class_(self):
        return read_class(self.root / "class.toml", [unit.name for unit in find_units(current().folder)])

    def collect(self, *sources, class_=True):
        return collect(sources, self.submitted, self.class_ if class_ else None)

    def handed_in(self):
        """The files that are there to be graded, below the folder of submissions."""
        found = (path.relative_to(self.submitted) for path in self.submitted.rglob("*") if path.is_file())
        names = ("timestamp.txt", "collect.csv")
        return {str(path) for path in found if path.parts[0] != ".attempts" and path.name not in names}

    def table(self):
        """The rows of collect.csv."""
        with (self.submitted / "collect.csv").open(encoding="utf-8-sig", newline="") as file:
            return list(csv.DictReader(file))

    def graded(self, student, unit=FIRST):
        """The bytes of the notebook that is there to be graded."""
        return (self.submitted / student / unit / f"{unit}.ipynb").read_bytes()

    def run(self, *words):
        """A command of the course, which must succeed."""
        result = CliRunner().invoke(app, [str(word) for word in words])
        assert result.exit_code == 0, result.output + result.stderr
        return " ".join(result.output.split())

    def grade(self, *options):
        return self.run("grade", self.submitted, "--results", self.results, "--sandbox", "none", *options)

    def scores(self):
        """(student, unit) -> the row of scores.csv."""
        with (self.results / "scores.csv").open(encoding="utf-8", newline="") as file:
            return {(row["student"], row["unit"]): row for row in csv.DictReader(file)}

    def page(self, student, unit=FIRST):
        return (self.results / "feedback" / student / f"{unit}.html").read_text(encoding="utf-8")

    def exported(self, form, *options, name="marks.csv"):
        """The rows of an exported table."""
        self.run("export", "--format", form, "--results", self.results, "--out", self.root / name, *options)
        with (self.root / name).open(encoding="utf-8-sig", newline="") as file:
            return list(csv.reader(file))


class Here(Executor):
    """Runs each task at once, in this process."""

    def submit(self, function, task):
        future = Future()
        try:
            future.set_result(function(task))
        except Exception as error:
            future.set_exception(error)
        return future
