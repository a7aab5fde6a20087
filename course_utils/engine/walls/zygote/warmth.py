"""What the zygote does once, so that each child has it for nothing: imports, fonts, libraries in memory, a tidy heap.

Stops: marks of a blind child on libraries, since all their pages are in memory before the first child runs; fonts that
a blind child would need of a file. Does not stop: a child that reads or changes its own copy of all that is warm, the
modules that serve it too; no other child sees that.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import os
import socket
import sys
from collections.abc import Callable
from typing import Any

from .kernel import MIB, libc

HOLES_MIB = 16  # at most; the imports of units 01 to 03 leave 3
# runs in a child: the channel to the trusted side, and for a blind child what covers its files
Serve = Callable[[socket.socket, "Callable[[], None] | None"], None]
KEPT: dict[str, bytes] = {}  # files that a blind child has a copy of, by their paths


def warm(imports: list[str], serve: str) -> Serve:
    """Imports what submissions import, once, modules or names in them; returns the function that serves them.

    A submission that imports what that function is made of gets a second copy: what it changes there is not used.
    """
    module_name, function_name = serve.split(":")
    course, _, inside = module_name.partition(".")
    ours = [name for name in imports if inside and name.partition(".")[0] == course]
    for name in imports:
        if name not in ours:
            import_once(name)
    function: Serve = getattr(warmed(module_name), function_name)
    if inside:
        for name in [name for name in sys.modules if name.startswith(f"{course}.")]:
            del sys.modules[name]
        warmed(module_name)
    for name in ours:
        import_once(name)
    return function


def import_once(name: str) -> None:
    """Imports a module, or the module that a name stands in."""
    parent, _, last = name.rpartition(".")
    if parent in sys.modules and hasattr(sys.modules[parent], last):
        return
    module = importlib.import_module(name)
    if name == "torch":
        module.set_num_threads(1)  # before any parallel work: its threads would not survive a fork


def warmed(name: str) -> Any:
    """The imported module, after it has done what it does once."""
    module = importlib.import_module(name)
    if hasattr(module, "warm_up"):
        module.warm_up()
    return module


def keep_fonts() -> None:
    """Keeps the fonts that a plot needs: one in a learner's own cell draws in a blind child too."""
    matplotlib = sys.modules.get("matplotlib")
    if matplotlib is not None:
        for name in ("DejaVuSans", "DejaVuSans-Bold", "LastResortHE-Regular"):
            path = os.path.join(matplotlib.get_data_path(), "fonts", "ttf", f"{name}.ttf")
            with contextlib.suppress(OSError), open(path, "rb") as file:
                KEPT[path] = file.read()


def make_libraries_resident() -> None:
    """Has the kernel read all of the libraries that are mapped here.

    Touching a page that is not in memory yet is the one mark that a blind child could leave on them. What a run before
    this one left there is gone when every page is in memory; nobody reads there while another may write, see
    `grade_all` in `grading/run.py`.
    """
    piece = 128 * 1024  # the kernel reads no more at one wish than its read-ahead allows
    with open("/proc/self/maps") as file:
        paths = {line.split(maxsplit=5)[5].strip() for line in file if "/" in line}
    for path in sorted(paths):
        with contextlib.suppress(OSError), open(path, "rb") as library:
            for start in range(0, os.fstat(library.fileno()).st_size, piece):
                os.posix_fadvise(library.fileno(), start, piece, os.POSIX_FADV_WILLNEED)


def fill_holes() -> None:
    """Has children allocate behind the warm heap, on fresh huge pages: there one fault brings 2 MiB.

    malloc takes a hole first, and those that the imports left lie on a thousand pages, each one for a child to copy.
    They are filled from the largest to the smallest, by asking for one size until it comes from behind them all.
    """
    libc.malloc.argtypes, libc.malloc.restype = [ctypes.c_size_t], ctypes.c_void_p
    behind = max(libc.malloc(120_000) or 0 for _ in range(8))  # still below what malloc takes from elsewhere
    size, left = 60_000, HOLES_MIB * MIB
    while size >= 16 and left > 0:  # another malloc than glibc's may never go behind
        left -= size
        if (libc.malloc(size) or behind + 1) > behind:
            size = size * 7 // 8 if size > 1024 else size - 16


def fold_into_huge_pages() -> None:
    """Makes the fork cheap, where the kernel can (Linux 6.1): it copies one entry for 2 MiB instead of 512."""
    huge, wish, collapse = 2 * MIB, 14, 25  # MADV_HUGEPAGE, MADV_COLLAPSE
    libc.madvise.argtypes = [ctypes.c_ulong, ctypes.c_ulong, ctypes.c_int]
    with open("/proc/self/maps") as file:
        regions = [line.split() for line in file]
    for span, rights, _, _, _, *name in regions:
        if rights != "rw-p" or name not in ([], ["[heap]"]):
            continue
        start, end = (int(address, 16) for address in span.split("-"))
        for address in range(-(-start // huge) * huge, end // huge * huge, huge):
            libc.madvise(address, huge, wish)
            libc.madvise(address, huge, collapse)
