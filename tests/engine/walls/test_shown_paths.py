"""Layouts in which secrets lie below what the sandbox shows, each built for real, and a thief that looks everywhere."""

import dataclasses
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from course_utils.engine import INSTRUCTORS_ROOMS
from course_utils.engine.grading import cluster, worker_state
from course_utils.engine.grading.task import Task
from course_utils.engine.making.units import find_units
from course_utils.engine.proving import sample, selftest, toy
from course_utils.engine.proving.hostile import TELLTALE, Hostile, stealing
from course_utils.engine.proving.toy import ROWS
from course_utils.engine.walls import shown_paths
from course_utils.engine.walls.proofs import ask_sources, self_test
from course_utils.engine.walls.sandbox import Sandbox
from course_utils.engine.walls.shown_paths import PACKAGE, Secret, SecretShown, lay_out
from course_utils.engine.walls.unavailable import SandboxUnavailable
from course_utils.instructor import doctor

AsUser = Callable[[int, list[str], dict[str, str]], list[str]]
LIGHT = {"serve": "__main__:run_sources", "imports": ()}

# folders that hold nothing there
ROOMS = ("course_utils/instructor", *(f"course_utils/engine/{room}" for room in INSTRUCTORS_ROOMS))

# What runs in a layout, as `python -c`: secrets to hide, then a thief that walks over all that there is to see.
THIEF = """
import json, os
answer = []
for folder, folders, files in os.walk("/", followlinks=False):
    if folder == "/":
        folders[:] = [name for name in folders if name not in ("proc", "sys", "dev")]
    for name in files:
        if name.startswith("secret-"):
            path = os.path.join(folder, name)
            try:
                answer.append([path, open(path).read()])
            except OSError as error:
                answer.append([path, str(error)])
    if folder.endswith(ROOMS):
        answer += [[folder, name] for name in folders + files]
""".replace("ROOMS", repr(ROOMS))
RUN = f"""
import json, sys
from pathlib import Path
from course_utils.engine.walls import proofs
from course_utils.engine.walls.sandbox import Sandbox
from course_utils.engine.walls.shown_paths import PACKAGE, Secret
secrets = [Secret(Path(path), "a secret") for path in json.loads(sys.argv[1])]
with Sandbox("bwrap", serve="__main__:run_sources", imports=(), secrets=secrets) as box, box.spawn() as child:
    found = proofs.ask_sources(child, {THIEF!r}, 120)
print(json.dumps([str(PACKAGE), found, proofs.self_test(secrets)]))
"""


@pytest.fixture(scope="module", autouse=True)
def behind_walls(walls: str) -> None:
    """All claims here are about a sandbox."""


@dataclasses.dataclass
class Place:
    """A folder below one of the machine's own, in which a test may build."""

    folder: Path
    python: str = sys.executable
    as_user: AsUser | None = None

    def course(self, name: str = "course", *more: str) -> Path:
        """The package and solutions, with files whose names a thief looks for."""
        checkout = self.folder / name
        shutil.copytree(PACKAGE, checkout / "course_utils", ignore=shutil.ignore_patterns("__pycache__"))
        (checkout / "course_utils" / "instructor" / "secret-module.py").write_text("secret")
        return self.with_secrets(checkout, "solutions/01", "build/results", *more)

    @staticmethod
    def with_secrets(root: Path, *folders: str) -> Path:
        for folder in folders:
            (root / folder).mkdir(parents=True, exist_ok=True)
            (root / folder / f"secret-{folder.replace('/', '-')}").write_text("secret")
        return root

    def environment(self, folder: Path) -> None:
        """A virtual environment; what is started here from now on runs in it."""
        command = [sys.executable, "-m", "venv", "--without-pip", "--system-site-packages", str(folder)]
        subprocess.run(command, check=True)
        self.python = str(folder / "bin" / "python")

    def steal(self, cwd: Path, *secrets: Path, user: int | None = None) -> tuple[str, list[list[str]], int]:
        """Where the package lay, what a thief found in a sandbox started there, and how many names were tried."""
        subprocess.run(["chmod", "-R", "a+rX", str(self.folder)], check=True)
        words = [self.python, "-c", RUN, json.dumps([str(path) for path in secrets])]
        environment = {"PATH": os.environ["PATH"], "HOME": str(Path.home()), "PYTHONDONTWRITEBYTECODE": "1"}
        if user is not None:
            words = self.as_user(user, words, environment)
        run = subprocess.run(words, cwd=cwd, env=environment, capture_output=True, text=True, check=False)
        assert run.returncode == 0, run.stderr
        package, found, tried = json.loads(run.stdout)
        return package, found, tried


@pytest.fixture
def below(as_user: AsUser) -> Iterator[Callable[[str], Place]]:
    """Makes a folder below one of the system's own, where this user may."""
    made: list[str] = []

    def make(parent: str) -> Place:
        if not os.access(parent, os.W_OK):
            pytest.skip(f"{parent} may not be written by this user; run as root")
        made.append(tempfile.mkdtemp(prefix="course-test-", dir=parent))
        return Place(Path(made[-1]), as_user=as_user)

    yield make
    for folder in made:
        shutil.rmtree(folder)


USERS = [
    None,
    pytest.param(1000, marks=pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")),
]


@pytest.mark.parametrize("user", USERS, ids=["as this user", "as an ordinary user"])
@pytest.mark.parametrize(
    "parent", ["/usr/src", "/usr/lib", "/usr/local/lib", sys.base_prefix + "/lib", "/usr/share/fonts"]
)
def test_a_checkout_below_a_folder_of_the_system_is_hidden(below: Callable[[str], Place], parent: str, user) -> None:
    place = below(parent)
    checkout = place.course("course", ".git", "tests", "submitted")
    package, found, tried = place.steal(checkout, user=user)
    assert package == str(checkout / "course_utils")
    assert found == []
    assert tried >= 5


@pytest.mark.parametrize("user", USERS, ids=["as this user", "as an ordinary user"])
@pytest.mark.parametrize("parent", ["/usr/local/share", "/usr/lib", "/usr/local/lib"])
def test_submissions_and_results_below_a_folder_of_the_system_are_hidden(
    below: Callable[[str], Place], course: Path, tmp_path: Path, parent: str, user
) -> None:
    place = below(parent)
    place.with_secrets(place.folder, "exchange/ann/01", "results/feedback/ann")
    with tempfile.TemporaryDirectory() as folder:
        checkout = Place(Path(folder)).course()
        os.chmod(folder, 0o755)
        package, found, tried = place.steal(checkout, place.folder / "exchange", place.folder / "results", user=user)
    assert package == str(checkout / "course_utils")
    assert found == []
    assert tried >= 2


def test_an_environment_made_in_the_checkout_itself_shows_nothing_of_it(below: Callable[[str], Place]) -> None:
    place = below(tempfile.gettempdir())
    checkout = place.course()
    place.with_secrets(checkout, "lib/solutions/01", "submitted/ann/01", "share/submitted")
    place.environment(checkout)
    _, found, _ = place.steal(checkout, checkout / "submitted")
    assert found == []


def test_submissions_among_the_packages_are_hidden_under_the_translated_name_too(below: Callable[[str], Place]) -> None:
    place = below(tempfile.gettempdir())
    place.environment(place.folder / "venv")
    packages = next((place.folder / "venv" / "lib").glob("python3*/site-packages"))
    place.with_secrets(packages, "submitted/ann")
    checkout = place.course()
    _, found, tried = place.steal(checkout, packages / "submitted")
    assert found == []
    assert tried > place.steal(checkout)[2]


def test_a_checkout_among_the_packages_of_its_environment_is_hidden(below: Callable[[str], Place]) -> None:
    place = below(tempfile.gettempdir())
    place.environment(place.folder / "venv")
    checkout = place.course("venv/lib/checkout")
    _, found, _ = place.steal(checkout)
    assert found == []


def test_an_installed_copy_shows_no_instructors_part_under_any_name(below: Callable[[str], Place]) -> None:
    place = below(tempfile.gettempdir())
    place.environment(place.folder / "venv")
    packages = next((place.folder / "venv" / "lib").glob("python3*/site-packages"))
    place.course(str(packages.relative_to(place.folder)))  # with solutions beside it
    place.with_secrets(packages.parent, "solutions/02")
    package, found, _ = place.steal(Path("/"))
    assert package == str(packages / "course_utils")
    assert found == []


def test_an_installed_copy_beside_the_checkout_that_grades_shows_no_instructors_part(
    below: Callable[[str], Place],
) -> None:
    place = below(tempfile.gettempdir())
    place.environment(place.folder / "venv")
    packages = next((place.folder / "venv" / "lib").glob("python3*/site-packages"))
    place.course(str(packages.relative_to(place.folder)))
    checkout = place.course()
    package, found, _ = place.steal(checkout)
    assert package == str(checkout / "course_utils")
    assert found == []


def test_an_environment_below_a_covered_folder_still_runs(below: Callable[[str], Place]) -> None:
    place = below("/usr/lib")
    checkout = place.course()
    place.environment(checkout / "first")
    outer = place.python
    place.environment(checkout / "second")
    second = Path(place.python)
    for link in ("python", "python3"):  # a chain: second -> first -> base
        (second.parent / link).unlink(missing_ok=True)
        (second.parent / link).symlink_to(outer)
    package, found, _ = place.steal(checkout)
    assert package == str(checkout / "course_utils")
    assert found == []


def test_a_secret_that_a_link_leads_to_is_covered_where_it_lies(below: Callable[[str], Place], tmp_path: Path) -> None:
    place = below("/usr/lib")
    place.with_secrets(place.folder, "real/ann")
    (tmp_path / "submitted").symlink_to(place.folder / "real")
    (place.folder / "link").symlink_to(place.folder / "real")
    checkout = Place(tmp_path).course()
    with tempfile.TemporaryDirectory() as folder:  # nobody may enter tmp_path
        checkout = Place(Path(folder)).course()
        os.chmod(folder, 0o755)
        (Path(folder) / "submitted").symlink_to(place.folder / "real")
        _, found, tried = place.steal(checkout, Path(folder) / "submitted")
    assert found == []
    assert tried > 2


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount")
def test_a_secret_that_is_mounted_a_second_time_is_covered_there(below: Callable[[str], Place]) -> None:
    place, volume = below("/usr/lib"), below(tempfile.gettempdir())
    volume.with_secrets(volume.folder, "submitted/ann", "submitted/ben")
    (place.folder / "all").mkdir()
    (place.folder / "one").mkdir()
    checkout = volume.course()
    submitted = volume.folder / "submitted"
    mounts = f"mount --bind {submitted} {place.folder}/all; mount --bind {submitted}/ben {place.folder}/one"
    words = [place.python, "-c", RUN, json.dumps([str(submitted)])]
    subprocess.run(["chmod", "-R", "a+rX", str(volume.folder), str(place.folder)], check=True)
    run = subprocess.run(
        ["unshare", "-m", "sh", "-c", f'{mounts}; exec "$@"', "sh", *words],
        cwd=checkout, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert json.loads(run.stdout)[1] == []


def test_a_file_may_be_a_secret(below: Callable[[str], Place]) -> None:
    place = below("/usr/lib")
    (place.folder / "secret-list").write_text("secret")
    with (
        Sandbox("bwrap", **LIGHT, secrets=[Secret(place.folder / "secret-list", "a list")]) as box,
        box.spawn() as child,
    ):
        with pytest.raises(RuntimeError, match="PermissionError"):
            ask_sources(child, f"answer = open({str(place.folder / 'secret-list')!r}).read()")


# what is shown --------------------------------------------------------------------------------------------------------


def words_after(layout: shown_paths.Layout, option: str) -> set[str]:
    return {layout.words[n + 1] for n, word in enumerate(layout.words) if word == option}


def test_no_prefix_is_shown_as_a_whole() -> None:
    bound = words_after(lay_out(), "--ro-bind")
    prefixes = {"/", "/usr", "/usr/local", "/usr/share", "/usr/src", "/usr/local/share", sys.prefix, sys.base_prefix}
    assert prefixes & bound == set()


def test_usr_and_its_local_part_show_programs_libraries_and_tables_only() -> None:
    with Sandbox("bwrap", **LIGHT) as box, box.spawn() as child:
        usr, shared = ask_sources(child, "import os; answer = [os.listdir('/usr'), os.listdir('/usr/share')]")
    assert set(usr) <= {"bin", "sbin", "lib", "lib32", "lib64", "libx32", "local", "share"}
    assert set(shared) <= {"fontconfig", "fonts", "locale", "terminfo", "zoneinfo"}


def test_time_zones_and_fonts_can_be_read() -> None:
    source = "import zoneinfo; answer = str(zoneinfo.ZoneInfo('Asia/Shanghai'))"
    if not Path("/usr/share/zoneinfo/Asia/Shanghai").exists():
        pytest.skip("this machine has no table of time zones")
    with Sandbox("bwrap", **LIGHT) as box, box.spawn() as child:
        assert ask_sources(child, source) == "Asia/Shanghai"


def test_the_folders_that_the_linker_is_told_of_are_found(tmp_path: Path) -> None:
    (tmp_path / "more.conf").write_text("/opt/libraries  # of a vendor\n/\n")
    (tmp_path / "start.conf").write_text(f"include {tmp_path}/*.conf\n/usr/local/lib\n")
    assert shown_paths._linker_folders(str(tmp_path / "start.conf")) == [Path("/usr/local/lib"), Path("/opt/libraries")]


def venv_of(python: Path, folder: Path) -> Path:
    subprocess.run([str(python), "-m", "venv", "--without-pip", str(folder)], check=True)
    return folder / "bin" / "python"


def is_new_enough(python: Path) -> bool:
    words = [str(python), "-c", "import sys, venv; sys.exit(sys.version_info < (3, 11))"]
    return python.exists() and subprocess.run(words, check=False).returncode == 0


@pytest.mark.parametrize("kind", ["the system's", "of the system's", "of one behind a link"])
def test_walls_stand_for_other_pythons(below: Callable[[str], Place], kind: str) -> None:
    place = below(tempfile.gettempdir())
    checkout = place.course()
    system = Path("/usr/bin/python3")
    if "system" in kind and not is_new_enough(system):
        pytest.skip("the system has no Python 3.11")
    if kind == "the system's":
        place.python = str(system)
    else:
        found = system
        if "link" in kind:  # not in /tmp, of which each child has its own
            link = below("/opt").folder / "link"
            link.parent.chmod(0o755)
            link.symlink_to(sys.base_prefix)
            found = link / "bin" / f"python3.{sys.version_info[1]}"
        place.python = str(venv_of(found, place.folder / "venv"))
    package, found_by_thief, tried = place.steal(checkout)
    assert (package, found_by_thief) == (str(checkout / "course_utils"), [])
    assert tried >= 5


# what is refused ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("folder", ["/usr/lib", os.path.dirname(os.__file__), "/usr/bin"])
def test_a_secret_folder_that_python_needs_is_refused_in_one_sentence(folder: str) -> None:
    words = f"^{folder} \\(the submissions\\) cannot be hidden from submissions, since Python needs /.* there; move it"
    with pytest.raises(SecretShown, match=words):
        lay_out([Secret(Path(folder), "the submissions")])


def test_a_secret_that_is_not_there_yet_is_refused_where_it_would_show() -> None:
    words = "^/usr/lib/not-yet \\(the results\\) is not to be found, and below /usr/lib, .*; make it first"
    with pytest.raises(SandboxUnavailable, match=words):
        Sandbox("bwrap", **LIGHT, secrets=[Secret(Path("/usr/lib/not-yet"), "the results")])


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
def test_a_secret_in_a_folder_that_is_closed_to_this_user_stops_nothing(
    below: Callable[[str], Place], tmp_path: Path
) -> None:
    tmp_path.chmod(0o700)
    (tmp_path / "submitted").mkdir()
    place = below(tempfile.gettempdir())
    assert place.steal(place.course(), tmp_path / "submitted", user=1000)[1] == []


def test_a_secret_that_is_not_there_yet_costs_nothing_elsewhere(tmp_path: Path) -> None:
    assert lay_out([Secret(tmp_path / "not-yet", "the results")]).words == lay_out().words


@pytest.mark.parametrize("home", ["/", "/usr/sbin", "/nonexistent", "/usr/lib"])
def test_a_home_folder_that_is_the_systems_own_stops_nothing(monkeypatch: pytest.MonkeyPatch, home: str) -> None:
    monkeypatch.setenv("HOME", home)
    assert self_test() > 0


# the self-test --------------------------------------------------------------------------------------------------------


def test_every_name_of_a_secret_is_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "venv" / "lib" / "submitted").mkdir(parents=True)
    (tmp_path / "venv" / "lib" / "submitted" / "ann.ipynb").write_text("")
    (tmp_path / "link").symlink_to(tmp_path / "venv" / "lib" / "submitted")
    show = shown_paths.Show(tmp_path / "venv" / "lib", Path("/course/venv/lib"))
    layout = dataclasses.replace(lay_out(), shows=(show,), secrets=(Secret(tmp_path / "link", "the submissions"),))
    assert layout.proofs() == {
        tmp_path / "link" / "ann.ipynb": {
            tmp_path / "link" / "ann.ipynb",
            tmp_path / "venv" / "lib" / "submitted" / "ann.ipynb",
            Path("/course/venv/lib/submitted/ann.ipynb"),
        }
    }


def test_files_are_found_in_a_large_class(tmp_path: Path) -> None:
    for number in range(300):
        (tmp_path / f"student {number}" / "01").mkdir(parents=True)
        (tmp_path / f"student {number}" / "01" / "01.ipynb").write_text("")
    layout = dataclasses.replace(lay_out(), secrets=(Secret(tmp_path, "the submissions"),))
    assert len(layout.proofs()) >= 5


def test_the_self_test_notices_a_cover_that_is_missing(
    below: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = below("/usr/lib")
    place.with_secrets(place.folder, "submitted/ann")
    monkeypatch.setattr(shown_paths, "_covers", lambda secret, shows: set())
    with pytest.raises(SandboxUnavailable, match=r"instructor's files are invisible.*"):
        self_test([Secret(place.folder / "submitted", "the submissions")])


def test_the_self_test_notices_one_cover_that_is_missing(
    below: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = below("/usr/lib")
    place.with_secrets(place.folder, "submitted/ann")
    covers = shown_paths._covers

    def all_but_one(secret, shows):
        found = covers(secret, shows)
        return set() if secret.what == "the submissions" else found

    monkeypatch.setattr(shown_paths, "_covers", all_but_one)
    place.folder.chmod(0o755)
    name = place.folder / "submitted" / "ann" / "secret-submitted-ann"
    with pytest.raises(SandboxUnavailable, match=f"instructor's files are invisible.*{name}"):
        self_test([Secret(place.folder / "submitted", "the submissions")])


def test_the_doctor_tells_how_many_names_it_tried() -> None:
    finding = doctor._sandbox()
    assert finding.good
    assert re.search(r"none of [1-9]\d+ names of files of the course, this folder or your home is there", finding.found)


def test_the_doctor_tells_of_a_name_in_the_current_folder_that_shows(
    below: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = below("/usr/lib").folder
    (folder / "marks.csv").write_text("secret")
    folder.chmod(0o755)
    monkeypatch.chdir(folder)
    covers = shown_paths._covers
    monkeypatch.setattr(
        shown_paths, "_covers", lambda secret, shows: set() if secret.path == folder else covers(secret, shows)
    )
    finding = doctor._sandbox()
    assert not finding.good
    assert str(folder / "marks.csv") in finding.remedy


# what the bank of hostile notebooks would notice ----------------------------------------------------------------------

WALKS = [attack for attack in stealing.FILES if stealing.BELOW in "".join(attack.extra)]


def loot_of(attack: Hostile) -> list[str]:
    with Sandbox("bwrap", **LIGHT) as box, box.spawn() as child:
        return ask_sources(child, f"{attack.extra[0]}\nanswer = loot", 60)


def show_too_much(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> None:
    shown_paths._needed_by_python.cache_clear()
    monkeypatch.setattr(shown_paths, "SINGLE", (*shown_paths.SINGLE, *map(str, folders)))
    monkeypatch.setattr(shown_paths, "_covers", lambda secret, shows: set())


@pytest.fixture
def afresh() -> Iterator[None]:
    yield
    shown_paths._needed_by_python.cache_clear()


@pytest.mark.parametrize("attack", WALKS, ids=lambda attack: attack.name)
def test_a_hostile_notebook_that_walks_finds_nothing(attack: Hostile) -> None:
    assert loot_of(attack) == []


@pytest.mark.parametrize("attack", WALKS[:2], ids=lambda attack: attack.name)
def test_a_hostile_notebook_that_walks_would_find_what_is_not_covered(
    attack: Hostile, below: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch, afresh: None
) -> None:
    folder = below("/usr/src").folder
    for name in ("solutions/01/answers.py", "solutions/01/truth.py", "submitted/ann/01/01.ipynb"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("secret")
    folder.chmod(0o755)
    show_too_much(monkeypatch, Path("/usr/src"))
    assert [path for path in loot_of(attack) if str(folder) in path] != []


def test_a_hostile_notebook_would_find_the_checkout_that_the_environment_tells_of(
    need: Callable[[object, str], None], course: Path, monkeypatch: pytest.MonkeyPatch, afresh: None
) -> None:
    told = Path(sysconfig.get_path("purelib")).glob("__editable__*finder.py")
    installed = any(str(course) in file.read_text() for file in told)
    need(installed, "the environment holds no editable install of this checkout; make venv")
    if course.is_relative_to("/tmp"):
        pytest.skip("a checkout below /tmp lies behind each submission's own /tmp")
    show_too_much(monkeypatch, course)
    assert str(course / "solutions") in loot_of(WALKS[2])


@pytest.mark.slow
def test_thieves_get_no_points_from_a_project_and_a_class_below_folders_of_the_system(
    below: Callable[[str], Place], course: Path
) -> None:
    place, exchange = below("/usr/src"), below("/usr/local/share")
    checkout = place.course()
    for part in ("solutions", "notebooks"):
        shutil.copytree(toy.FOLDER / part, checkout / part, dirs_exist_ok=True)
    shutil.copy(course / "nbgrader_config.py", checkout)
    unit = find_units(toy.course().folder, [ROWS])[0]
    honest = sample.filled(unit, sample.reference(unit))
    sample.write(exchange.folder / "submitted", "honest", unit, honest)
    for number, attack in enumerate(stealing.FILES):
        data, _ = selftest._handed_in(attack, unit, exchange.folder)
        assert data is not None
        sample.write(exchange.folder / "submitted", f"thief {number}", unit, data)
    subprocess.run(["chmod", "-R", "a+rX", str(place.folder), str(exchange.folder)], check=True)
    results = exchange.folder / "results"
    words = [sys.executable, "-m", "course_utils", "grade", str(exchange.folder / "submitted")]
    run = subprocess.run([*words, "--results", str(results)], cwd=checkout, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stdout + run.stderr
    scores = json.loads((results / "scores.json").read_text())
    points = dict.fromkeys(("honest", *(f"thief {number}" for number in range(len(stealing.FILES)))), 0.0)
    for score in scores:
        if score["exercise"] == "powers":
            points[score["student"]] += score["points"]
    assert points.pop("honest") > 0
    assert set(points.values()) == {0.0}
    assert [score["message"] for score in scores if TELLTALE in str(score["message"])] == []


# a Dask worker --------------------------------------------------------------------------------------------------------


def work(
    monkeypatch: pytest.MonkeyPatch, local_directory: Path, function: Callable[[Task], object], mode: str
) -> object:
    worker = SimpleNamespace(address="tcp://10.0.0.7:1", local_directory=str(local_directory))
    monkeypatch.setattr("distributed.get_worker", lambda: worker)
    monkeypatch.setattr(worker_state, "_secrets", ())
    task = Task("ann", ROWS, None, "missing", "missing", "seed", mode, str(toy.course().folder))
    packed = cluster.parcel(task.solutions, ROWS)
    return cluster._work(function, task, packed, cluster.state_of_course())


@pytest.fixture
def new_worker() -> Iterator[None]:
    cluster._try_walls.cache_clear()
    cluster._unpacked.cache_clear()
    yield
    cluster._try_walls.cache_clear()
    cluster._unpacked.cache_clear()


def test_a_worker_tries_its_walls_once_and_before_its_first_task(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, new_worker: None
) -> None:
    done: list[str] = []
    monkeypatch.setattr(cluster, "self_test", lambda secrets: done.extend(str(secret.path) for secret in secrets))
    for _ in range(2):
        work(monkeypatch, tmp_path, lambda task: done.append("task"), "bwrap")
    assert done == [str(tmp_path), "task", "task"]


def test_a_worker_without_walls_refuses_each_task_until_it_has_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, new_worker: None
) -> None:
    def missing(secrets: object) -> None:
        raise SandboxUnavailable("bubblewrap is not on this machine")

    monkeypatch.setattr(cluster, "self_test", missing)
    for _ in range(2):
        with pytest.raises(SandboxUnavailable, match="bubblewrap is not on this machine"):
            work(monkeypatch, tmp_path, lambda task: "done", "bwrap")
    monkeypatch.setattr(cluster, "self_test", lambda secrets: 1)
    assert work(monkeypatch, tmp_path, lambda task: "done", "bwrap") == "done"


def test_a_worker_that_is_told_to_grade_without_walls_tries_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, new_worker: None
) -> None:
    monkeypatch.setattr(cluster, "self_test", lambda secrets: 1 / 0)
    assert work(monkeypatch, tmp_path, lambda task: "done", "none") == "done"


def test_parcels_of_all_workers_below_a_folder_of_the_system_are_hidden(
    below: Callable[[str], Place], monkeypatch: pytest.MonkeyPatch, new_worker: None
) -> None:
    place = below("/usr/lib")
    own = place.folder / "dask-scratch-space" / "worker-1"
    place.with_secrets(place.folder, "dask-scratch-space/worker-2/course-x/solutions")
    own.mkdir(parents=True)

    def thief(task: Task) -> list[list[str]]:
        assert Path(task.solutions).is_relative_to(own)
        (Path(task.solutions) / "secret-parcel").write_text("secret")
        subprocess.run(["chmod", "-R", "a+rX", str(place.folder)], check=True)
        with Sandbox("bwrap", **LIGHT, secrets=worker_state._secrets) as box, box.spawn() as child:
            return ask_sources(child, THIEF, 120)

    assert work(monkeypatch, own, thief, "bwrap") == []
