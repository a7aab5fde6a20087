"""What a submission sees of this machine's files: what Python needs, and over each secret below that an empty folder.

    layout = lay_out([Secret(Path("submitted"), "the submissions")])
    layout.words          # bubblewrap's options
    layout.names(path)    # every name that a file outside could have inside

Stops: the sight of files that are no part of Python, of installed packages or of what students have of the course.
Does not stop: the sight of whatever an installed package holds, and of the names of folders above what is shown.

Notable choices:
- shown are parts of a prefix, never a prefix: a virtual environment may stand in the checkout, a checkout below conda;
- what is secret is covered wherever it would show: below a shown folder, below its translated name, through a link or
  a second mount; what cannot be covered, since Python itself lies in it, is refused;
- folders of the environment are shown also where they lie in a secret folder, as that of a checkout does in it; a
  secret folder that lies in them in turn is covered again.
"""

from __future__ import annotations

import dataclasses
import functools
import glob
import itertools
import os
import re
import site
import sys
import sysconfig
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from .. import INSTRUCTORS_ROOMS
from ..course import IN_A_BUNDLE

PACKAGE = Path(__file__).resolve().parents[2]
INSIDE = Path("/course")  # where the environment stands in the sandbox
# of a prefix: programs, libraries with the packages, and the tables that Python and matplotlib read
PARTS = (
    "bin", "sbin", "lib", "lib32", "lib64", "libx32", "pyvenv.cfg", "etc/fonts",
    "share/fontconfig", "share/fonts", "share/locale", "share/terminfo", "share/zoneinfo",
)  # fmt: skip
SINGLE = (
    "/etc/ld.so.cache", "/etc/ld.so.conf", "/etc/ld.so.conf.d", "/etc/localtime", "/etc/alternatives",
    # torch asks there which instructions it may use, and malloc whether there are huge pages
    "/sys/devices/system/cpu", "/sys/kernel/mm/transparent_hugepage",
)  # fmt: skip
OF_CHECKOUT = ("solutions", "build", "tests", ".git", "submitted", "results")
OF_INSTALLED = ("build/results", "build/demo", "build/nbgrader")  # beside it other packages may have a `build`
PROOFS = 12  # files of one secret that the self-test tries
LOOKED_AT = 200  # entries of one folder among which these files are looked for
LOOKED_INTO = 10  # its folders that are looked into, in turn


class SecretShown(ValueError):
    """One sentence: which secret cannot be hidden, why, and what to try."""


@dataclasses.dataclass(frozen=True)
class Secret:
    """A folder, or a file, that no submission may read."""

    path: Path
    what: str  # words for a sentence
    firm: bool = True  # refused where it cannot be covered; else it holds more than secrets, and is shown there


@dataclasses.dataclass(frozen=True)
class Show:
    """A folder or file that stands in the sandbox, read-only."""

    source: Path  # outside
    target: Path  # inside

    @functools.cached_property
    def real(self) -> Path:
        """The source without links."""
        return Path(os.path.realpath(self.source))

    def translated(self, path: Path) -> Iterator[Path]:
        """What a path outside is called inside, through this."""
        for source in {self.source, self.real}:
            if within(path, source):
                yield self.target / path.relative_to(source)


@dataclasses.dataclass(frozen=True)
class Layout:
    """The files of a sandbox."""

    shows: tuple[Show, ...]
    secrets: tuple[Secret, ...]
    python: Path  # the executable, inside
    words: tuple[str, ...]  # options of bubblewrap that make it

    def names(self, path: Path) -> set[Path]:
        """Every name that a path outside could have inside, whether it is there or not."""
        outside = {path, *_aliases(path)}
        return outside | {name for each in outside for show in self.shows for name in show.translated(each)}

    def proofs(self) -> dict[Path, set[Path]]:
        """Of each secret some files, found outside, with every name that each could have inside."""
        return {
            file: {name for way in (file, real / file.relative_to(base)) for name in self.names(way)}
            for secret in self.secrets
            for base, real in [(secret.path, Path(os.path.realpath(secret.path)))]
            for file in self._files_in(base, real)
        }

    def _files_in(self, base: Path, real: Path) -> list[Path]:
        """Files of a secret, but for those of the environment in it, the nearest to the top first."""
        if not os.path.isdir(real):
            return [base] if os.path.exists(real) else []
        shown = {str(show.real) for show in self.shows if within(show.real, real)}
        files: list[Path] = []
        folders = [real]
        for folder in folders:  # it grows meanwhile
            try:
                with os.scandir(folder) as entries:
                    found = [entry for entry in itertools.islice(entries, LOOKED_AT) if entry.path not in shown]
                plain = [Path(entry.path) for entry in found if entry.is_file(follow_symlinks=False)]
                inner = [Path(entry.path) for entry in found if entry.is_dir(follow_symlinks=False)]
            except OSError:
                continue
            files += [base / path.relative_to(real) for path in plain]
            if len(files) >= PROOFS or len(folders) > LOOKED_AT:
                break
            folders += inner[:LOOKED_INTO]
        return files[:PROOFS]


def within(path: Path, folder: Path) -> bool:
    """Whether a path is a folder or lies below it; Path.is_relative_to() parses both, which takes longer."""
    inner, outer = str(path), str(folder)
    return inner == outer or inner.startswith(outer if outer == "/" else outer + "/")


def lay_out(secrets: Sequence[Secret] = ()) -> Layout:
    """The files of a sandbox in which none of the secrets, and none of the course's own, can be read.

    Raises SecretShown for one that cannot be hidden.
    """
    needed, python = _needed_by_python()
    own = [(PACKAGE, INSIDE / "lib" / PACKAGE.name), (Path(__file__).with_name("zygote"), INSIDE / "zygote")]
    shows = [Show(source, target) for source, target in [*needed, *own]]
    by_target = {show.target: show for show in shows if os.path.exists(show.source)}
    links = {show.target: text for show in by_target.values() if (text := _kept_link(show, by_target))}
    shown = [show for show in by_target.values() if links.keys().isdisjoint([show.target, *show.target.parents])]
    covers: set[Path] = set()
    hidden: list[Secret] = []
    for secret in _all_secrets(secrets):
        found = _covers(secret, shown)
        if found is not None:
            covers |= found
            hidden.append(secret)
    return Layout(tuple(by_target.values()), tuple(hidden), python, tuple(_words(shown, links, covers)))


# what is shown --------------------------------------------------------------------------------------------------------


@functools.cache
def _needed_by_python() -> tuple[tuple[tuple[Path, Path], ...], Path]:
    """What must be readable for this Python to run inside, as (path outside, path inside), and its executable inside.

    A virtual environment moves to /course/venv. Its base cannot move; each stop of the executable's chain of links is
    shown where it is.
    """
    executable, inside = Path(sys.executable), Path(sys.executable)
    shows: list[tuple[Path, Path]] = []
    if is_virtual := sys.prefix != sys.base_prefix:
        shows += [(Path(sys.prefix, part), INSIDE / "venv" / part) for part in PARTS]
        inside = INSIDE / "venv" / executable.relative_to(sys.prefix)
    prefixes = [Path("/"), Path("/usr"), Path("/usr/local"), Path(sys.base_prefix), Path(sys.base_exec_prefix)]
    single = [Path(path) for path in SINGLE] + _linker_folders()
    hop, absolute = executable, not is_virtual
    for _ in range(10):
        of_venv = is_virtual and within(hop, Path(sys.prefix))
        if absolute or not of_venv:
            single.append(hop)
        if not of_venv and hop.parent.name == "bin":
            prefixes.append(hop.parent.parent)
        if not hop.is_symlink():
            break
        text = os.readlink(hop)
        hop, absolute = Path(os.path.normpath(hop.parent / text)), text.startswith("/")
    single += [folder for folder in _package_folders() if not (is_virtual and within(folder, Path(sys.prefix)))]
    for path in [*(prefix / part for prefix in dict.fromkeys(prefixes) for part in PARTS), *single]:
        shows.append((path, path))
    return tuple(shows), inside


@functools.cache
def _package_folders() -> tuple[Path, ...]:
    """Where this Python's modules and installed packages lie."""
    paths = [sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")]
    return tuple(Path(path) for path in dict.fromkeys([*paths, *site.getsitepackages()]) if path)


def _linker_folders(start: str = "/etc/ld.so.conf") -> list[Path]:
    """The folders of libraries that this machine's linker is told of, such as that of CUDA."""
    found: list[Path] = []
    files = [start]
    for file in files:  # it grows meanwhile
        try:
            lines = Path(file).read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            continue
        for words in (line.partition("#")[0].split() for line in lines):
            if words[:1] == ["include"]:
                files += [name for word in words[1:] for name in sorted(glob.glob(word)) if name not in files]
            elif words and words[0].startswith("/") and words[0] != "/":
                found.append(Path(words[0]))
    return found


def _kept_link(show: Show, shown: dict[Path, Show]) -> str:
    """The text of a link that can stay one, since it leads to what is shown anyway: /lib to /usr/lib; else ""."""
    if not show.source.is_symlink():
        return ""
    text = os.readlink(show.source)
    if show.source != show.target and "/" in text:
        return ""
    goal = Path(os.path.normpath(show.target.parent / text))
    holder = next((shown[place] for place in [goal, *goal.parents] if place in shown and place != show.target), None)
    try:
        if holder is not None and not holder.source.is_symlink():
            if os.path.samefile(show.source, holder.source / goal.relative_to(holder.target)):
                return text
    except OSError:  # what it leads to has another name outside
        pass
    return ""


# what is hidden -------------------------------------------------------------------------------------------------------


def _all_secrets(given: Iterable[Secret]) -> list[Secret]:
    """The given secrets and those of the course's own that exist, with absolute paths, each once."""
    # os.path: pathlib raises where this user may not look
    own = [secret for secret in _own_secrets() if os.path.exists(secret.path)]
    found: dict[Path, Secret] = {}
    for secret in [*given, *own]:
        path = Path(os.path.abspath(secret.path))
        found.setdefault(path, dataclasses.replace(secret, path=path))
    return list(found.values())


def _own_secrets() -> Iterator[Secret]:
    """What the course itself has that no submission may read."""
    project, installed = PACKAGE.parent, _package_folders()
    is_installed = any(os.path.realpath(folder) == str(project) for folder in installed)
    for folder in [project, *installed]:
        for room in ("instructor", *(f"engine/{name}" for name in INSTRUCTORS_ROOMS)):
            yield Secret(folder / PACKAGE.name / room, "the instructor's part of the course")
        # a bundle's course lies in the package, with solutions in it where it is for self-study
        yield Secret(folder / IN_A_BUNDLE, "the course of a bundle")
        for name in OF_INSTALLED:
            yield Secret(folder / name, f"the course's own {name}")
    for folder in dict.fromkeys(parent for place in [PACKAGE, *installed] for parent in [place, *place.parents]):
        if folder != Path("/"):
            yield Secret(folder / "solutions", "the solutions")
    if not is_installed:
        for name in OF_CHECKOUT:
            yield Secret(project / name, f"the course's own {name}")
        yield Secret(project, "the course's folder", firm=False)
    home = os.path.expanduser("~")
    if home != "~":
        yield Secret(Path(home), "the home folder", firm=False)


def _covers(secret: Secret, shows: Sequence[Show]) -> set[Path] | None:
    """The names inside over which something empty must lie for a secret to be hidden.

    None for one that is not firm and cannot be hidden. Raises SecretShown for any other.
    """
    places = _aliases(secret.path)
    above = [(place, show) for place in places for show in shows if within(place, show.real)]
    if above and not os.path.exists(secret.path):
        raise SecretShown(
            f"{secret.path} ({secret.what}) is not to be found, and below {above[0][1].source}, which submissions see, "
            "it could not be hidden later; make it first, or take another folder"
        )
    for place, show in above:
        own = [other.real for other in shows if within(other.real, place)]
        in_it = [path for path in _python_in(place) if not any(within(path, real) for real in own)]
        if place == show.real or in_it:
            if not secret.firm:
                return None
            raise SecretShown(
                f"{secret.path} ({secret.what}) cannot be hidden from submissions, since Python needs "
                f"{[*in_it, place][0]} there; move it to a folder of its own"
            )
    return {show.target / place.relative_to(show.real) for place, show in above}


def _python_in(place: Path) -> list[Path]:
    """What Python cannot do without and lies in a folder."""
    paths = [path for path in [Path(sys.executable), *_package_folders()] if os.path.exists(path)]
    return [real for path in paths if within(real := Path(os.path.realpath(path)), place)]


def _aliases(path: Path) -> set[Path]:
    """All names of a path, without links, and of those parts of it that are mounted elsewhere, too."""
    real = Path(os.path.realpath(path))
    mounts = _mounts()
    below = [mount for mount in mounts if within(real, mount.point)]
    names = {real}
    if not below:
        return names
    own = max(reversed(below), key=lambda mount: len(mount.point.parts))  # of two at one point, the later
    place = own.root / real.relative_to(own.point)
    for mount in mounts:
        if mount.device != own.device:
            continue
        if within(place, mount.root):
            name, origin = mount.point / place.relative_to(mount.root), real
        elif within(mount.root, place):
            name, origin = mount.point, real / mount.root.relative_to(place)
        else:
            continue
        try:
            if name not in names and os.path.samefile(name, origin):  # else another mount lies over it
                names.add(name)
        except OSError:
            continue
    return names


@dataclasses.dataclass(frozen=True)
class _Mount:
    device: str
    root: Path  # in the file system
    point: Path


def _mounts() -> tuple[_Mount, ...]:
    try:
        return _read_mounts(Path("/proc/self/mountinfo").read_text(encoding="utf-8", errors="surrogateescape"))
    except OSError:
        return ()


@functools.lru_cache(1)
def _read_mounts(text: str) -> tuple[_Mount, ...]:
    """The mounts that a text of /proc/self/mountinfo lists, the later over the earlier."""

    def unescaped(word: str) -> Path:
        return Path(re.sub(r"\\([0-7]{3})", lambda found: chr(int(found[1], 8)), word))

    lines = [line.split(" ") for line in text.splitlines()]
    return tuple(_Mount(words[2], unescaped(words[3]), unescaped(words[4])) for words in lines if len(words) > 4)


# bubblewrap's words ---------------------------------------------------------------------------------------------------


def _words(shows: Iterable[Show], links: dict[Path, str], covers: set[Path]) -> Iterator[str]:
    """Options that make all of it, each place before what lies in it; at last what was made empty is made read-only."""
    sources = {show.target: show.source for show in shows}
    mounted: dict[Path, Path | None] = {}  # target: what shows there, None where an empty folder lies over it
    made = {Path("/"), Path("/dev"), Path("/proc"), Path("/tmp")}
    for target in sorted({*sources, *links, *covers}, key=lambda path: path.parts):
        over = next((parent for parent in target.parents if parent in mounted), None)
        below = mounted[over] if over is not None else None
        visible = below / target.relative_to(over) if over is not None and below is not None else None
        if target in covers:
            if visible is not None and os.path.isdir(visible):
                yield from ("--perms", "0755", "--tmpfs", str(target))
                mounted[target] = None
            elif visible is not None:
                yield from ("--ro-bind", "/dev/null", str(target))
            continue
        if visible is not None and sources.get(target, visible) == visible:
            continue
        if visible is None:
            for parent in reversed(target.parents):
                if parent not in made and parent not in mounted:
                    made.add(parent)
                    yield from ("--perms", "0755", "--dir", str(parent))
        if target in links:
            yield from ("--symlink", links[target], str(target))
        else:
            yield from ("--ro-bind", str(sources[target]), str(target))
            mounted[target] = sources[target]
    for target, source in mounted.items():
        if source is None:
            yield from ("--remount-ro", str(target))
