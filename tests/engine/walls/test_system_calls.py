"""The list of system calls: read as the kernel reads it, for both processors, and met by a child behind the walls."""

import errno
import fcntl
import mmap
import os
import platform
import re
import resource
import signal
import socket
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from course_utils.engine.walls.host import SandboxHost
from course_utils.engine.walls.proofs import ask_sources
from course_utils.engine.walls.sandbox import Child, Limits, Sandbox
from course_utils.engine.walls.shown_paths import INSIDE
from course_utils.engine.walls.zygote import kernel, processes, system_calls
from course_utils.engine.walls.zygote.system_calls import (
    AARCH64,
    ABSENT,
    ALLOW,
    ALLOWED,
    AUDIT_ARCH,
    CALLS,
    GRANT,
    GRANTED,
    LOOKED_AT,
    NO_SUCH_CALL,
    NO_SUCH_VALUE,
    NO_TERMINAL,
    NOT_HERE,
    REFUSE,
    REFUSED,
    UNSUPPORTED,
    X86_64,
    Block,
    number_of,
    seccomp_program,
)

LIGHT = {"serve": "__main__:run_sources", "imports": ()}
BOTH = pytest.mark.parametrize("machine", [X86_64, AARCH64], ids=["x86_64", "aarch64"])
HERE = system_calls.MACHINES.get(platform.machine(), X86_64)
on_linux = pytest.mark.skipif(platform.system() != "Linux", reason="names of Linux' own")
TABLES = {ALLOW: ALLOWED, GRANT: GRANTED, NOT_HERE: UNSUPPORTED, NO_SUCH_CALL: ABSENT, REFUSE: REFUSED}


def run(program: Block, arch: int, number: int, *arguments: int) -> tuple[int, int]:
    """What a program of classic BPF answers for a call, and after how many lines."""
    words = {system_calls.NUMBER_AT: number, system_calls.ARCH_AT: arch}
    for place, value in enumerate([*arguments, *[0] * (6 - len(arguments))]):
        words[system_calls.ARGUMENTS_AT + 8 * place] = value & 0xFFFFFFFF
        words[system_calls.ARGUMENTS_AT + 8 * place + 4] = value >> 32 & 0xFFFFFFFF
    at, loaded, steps = 0, 0, 0
    while True:
        code, yes, no, k = program[at]
        at, steps = at + 1, steps + 1
        if code == system_calls.ANSWER:
            return k, steps
        if code == system_calls.LOAD:
            loaded = words[k]
        elif code == system_calls.JUMP:
            at += k
        else:
            tests = {
                system_calls.EQUAL: loaded == k,
                system_calls.AT_LEAST: loaded >= k,
                system_calls.ANY_BIT: bool(loaded & k),
            }
            at += yes if tests[code] else no


def verdict(machine: int, name: str, *arguments: int) -> int:
    """What the filter answers for a call by name."""
    return run(seccomp_program(machine), AUDIT_ARCH[machine], number_of(name, machine), *arguments)[0]


# ----------------------------------------------------------------------------------------------------------- the tables


def test_no_call_stands_in_two_tables() -> None:
    assert sum(map(len, TABLES.values())) + len(LOOKED_AT) == len(CALLS)


@BOTH
def test_no_two_calls_have_one_number(machine: int) -> None:
    numbers = [both[machine] for both in CALLS.values() if both[machine] is not None]
    assert len(set(numbers)) == len(numbers)


@pytest.mark.parametrize(
    ("machine", "header"),
    [
        (X86_64, "/usr/include/x86_64-linux-gnu/asm/unistd_64.h"),
        (X86_64, "/usr/include/asm/unistd_64.h"),
        (AARCH64, "/usr/include/asm-generic/unistd.h"),
    ],
)
def test_the_numbers_are_those_of_the_kernels_own_headers(machine: int, header: str) -> None:
    if not Path(header).exists():
        pytest.skip("the kernel's headers are not installed here")
    known = {name: int(number) for name, number in re.findall(r"__NR(?:3264)?_(\w+)\s+(\d+)", Path(header).read_text())}
    known = {"newfstatat": known.get("fstatat", 0), **known}
    known.pop("syscalls", None)  # how many there are
    late = {name for name in CALLS if (CALLS[name][machine] or 0) > max(known.values())}  # older headers lack these
    ours = {name: both[machine] for name, both in CALLS.items() if both[machine] is not None and name not in late}
    assert ours == {name: known.get(name) for name in ours}
    lacking = {name for name, both in CALLS.items() if both[machine] is None}
    assert lacking & set(known) - {"fstatat", "stat", "lstat"} == set()  # 32-bit names of the generic header


def test_a_call_that_a_processor_lacks_is_named() -> None:
    with pytest.raises(KeyError, match="fork is no system call of aarch64"):
        number_of("fork", AARCH64)


def test_what_is_looked_at_has_a_rule_each() -> None:
    assert set(system_calls.rules()) == set(LOOKED_AT)


def test_the_filter_and_the_zygote_mean_the_same_namespaces() -> None:
    assert system_calls.NAMESPACES == kernel.ANY_NAMESPACE


# ---------------------------------------------------------------------------------------------------------- the program


@BOTH
def test_every_number_gets_the_verdict_of_its_table_and_all_others_do_not_exist(machine: int) -> None:
    expected = {both[machine]: answer for answer, table in TABLES.items() for both in table.values()}
    looked_at = {both[machine] for both in LOOKED_AT.values()}
    program = seccomp_program(machine)
    for number in {*range(1200), 0xFFFF, 0x3FFFFFFF} - looked_at:
        for arguments in ((0,) * 6, (0xFFFFFFFFFFFFFFFF,) * 6):
            found, _ = run(program, AUDIT_ARCH[machine], number, *arguments)
            assert found == expected.get(number, NO_SUCH_CALL), number


@BOTH
def test_calls_in_the_words_of_another_processor_are_refused(machine: int) -> None:
    program = seccomp_program(machine)
    for arch in (AUDIT_ARCH[1 - machine], 0x40000003, 0x40000028, 0):  # i386, arm
        assert {run(program, arch, number)[0] for number in range(500)} == {REFUSE}


def test_the_x32_twin_of_every_call_is_refused() -> None:
    program = seccomp_program(X86_64)
    numbers = [*range(0x40000000, 0x40000300), 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF]
    assert {run(program, AUDIT_ARCH[X86_64], number)[0] for number in numbers} == {REFUSE}


@BOTH
def test_the_kernel_can_take_the_program(machine: int) -> None:
    program = seccomp_program(machine)
    assert len(program) <= 4096
    for at, (code, yes, no, k) in enumerate(program):
        assert max(yes, no) <= 255
        ways = [] if code == system_calls.ANSWER else [k] if code == system_calls.JUMP else [yes, no]
        assert all(at + 1 + way < len(program) for way in ways)


@BOTH
def test_a_verdict_that_looks_at_no_argument_takes_few_steps(machine: int) -> None:
    looked_at = {both[machine] for both in LOOKED_AT.values()}
    program = seccomp_program(machine)
    steps = [run(program, AUDIT_ARCH[machine], number)[1] for number in range(480) if number not in looked_at]
    assert max(steps) <= 14  # the list of refusals that stood here took 119 for what it allowed


def test_a_block_that_is_longer_than_a_jump_is_reached() -> None:
    long = [system_calls.load(0)] * 300 + system_calls.answer(ALLOW)
    block = [
        (system_calls.LOAD, 0, 0, system_calls.NUMBER_AT),
        *system_calls.choose(system_calls.EQUAL, 7, long, system_calls.answer(REFUSE)),
    ]
    assert (run(block, 0, 7)[0], run(block, 0, 8)[0]) == (ALLOW, REFUSE)


# ------------------------------------------------------------------------------------------------------------ arguments

HIGH = 1 << 32  # a bit that no int has


@BOTH
@pytest.mark.parametrize(
    ("name", "arguments", "expected"),
    [
        ("clone", (0x01200011,), ALLOW),  # fork
        ("clone", (0x3D0F00,), ALLOW),  # a thread
        *(("clone", (flag | signal.SIGCHLD,), REFUSE) for flag in (0x20000, 0x2000000, 0x4000000, 0x8000000)),
        *(("clone", (flag | HIGH,), REFUSE) for flag in (0x10000000, 0x20000000, 0x40000000)),
        ("socket", (socket.AF_UNIX, socket.SOCK_STREAM), ALLOW),
        *(
            ("socket", (family, 1), REFUSE) for family in (0, 2, 10, 16, 17, 38, 40)
        ),  # INET, NETLINK, PACKET, ALG, VSOCK
        ("socketpair", (socket.AF_UNIX, 1), ALLOW),
        ("socketpair", (30, 1), REFUSE),  # TIPC
        *(("setsockopt", (3, 1, option), ALLOW) for option in (2, 16, 20, 21)),
        *(("setsockopt", (3, 1, option), REFUSE) for option in (7, 8, 26, 32, 33, 50, 60)),
        ("setsockopt", (3, 0, 2), REFUSE),
        ("mmap", (0, 4096, 3, 0x22), ALLOW),
        ("mmap", (0, 4096, 3, 0x02), ALLOW),
        ("mmap", (0, 4096, 3, 0x01), ALLOW),
        ("mmap", (0, 4096, 3, 0x20022), ALLOW),  # a thread's stack
        *(("mmap", (0, 4096, 3, flags), REFUSE) for flags in (0x21, 0x23, 0x40022, 0x28)),
        *(("madvise", (0, 4096, advice), ALLOW) for advice in (0, 1, 2, 4, 8, 14)),
        ("madvise", (0, 4096, 3), GRANT),
        *(("madvise", (0, 4096, advice), NO_SUCH_VALUE) for advice in (9, 12, 20, 21, 22, 23, 25, 100, 101)),
        *(("prctl", (option,), ALLOW) for option in (1, 15, 38)),
        *(("prctl", (option,), REFUSE) for option in (4, 22)),
        *(("prctl", (option,), NO_SUCH_VALUE) for option in (8, 24, 31, 35, 47, 53, 57, 59, 62, 0x59616D61)),
        ("setrlimit", (7, 1), ALLOW),
        ("setrlimit", (4, 1), REFUSE),
        ("prlimit64", (0, 7, 1, 0), ALLOW),
        ("prlimit64", (0, 4, 0, 1), ALLOW),  # asks
        *(("prlimit64", (0, 4, new, 0), REFUSE) for new in (1, HIGH, HIGH + 1)),
        ("membarrier", (8,), ALLOW),
        *(("membarrier", (command,), NO_SUCH_VALUE) for command in (1, 2, 4)),
    ],
)
def test_the_verdict_on_an_argument(machine: int, name: str, arguments: tuple[int, ...], expected: int) -> None:
    assert verdict(machine, name, *arguments) == expected


@on_linux
@BOTH
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("F_DUPFD F_DUPFD_CLOEXEC F_GETFD F_SETFD F_GETFL F_SETFL F_GETLK F_OFD_GETLK F_GETPIPE_SZ", ALLOW),
        ("F_SETLK F_SETLKW F_OFD_SETLK F_OFD_SETLKW", GRANT),
        ("F_SETPIPE_SZ F_SETLEASE F_NOTIFY F_SETSIG F_SETOWN F_ADD_SEALS", REFUSE),
    ],
)
def test_the_verdict_on_a_command_to_a_file(machine: int, names: str, expected: int) -> None:
    values = [getattr(fcntl, name) for name in names.split() if hasattr(fcntl, name)]
    assert {verdict(machine, "fcntl", 3, value) for value in values} == {expected}


@on_linux
@BOTH
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("TCGETS TCSETS TIOCGWINSZ TIOCSWINSZ FIONREAD FIONBIO FIOCLEX TIOCSCTTY TIOCGPGRP", ALLOW),
        ("TIOCSTI TIOCLINUX TIOCCONS TIOCSETD TIOCEXCL FIOASYNC", NO_TERMINAL),
    ],
)
def test_the_verdict_on_a_command_to_a_device(machine: int, names: str, expected: int) -> None:
    values = [getattr(termios, name) for name in names.split() if hasattr(termios, name)]
    assert {verdict(machine, "ioctl", 3, value) for value in values} == {expected}


@on_linux
def test_the_limit_that_is_watched_is_that_of_core_dumps() -> None:
    assert resource.RLIMIT_CORE == system_calls.RLIMIT_CORE
    assert (mmap.MAP_SHARED, mmap.MAP_ANONYMOUS) == (system_calls.MAP_SHARED, system_calls.MAP_ANONYMOUS)


# ----------------------------------------------------------------------------------------------------- behind the walls


@pytest.fixture(scope="module")
def sandbox(walls: str) -> Iterator[Sandbox]:
    with Sandbox(walls, Limits(), **LIGHT) as box:
        yield box


@pytest.fixture
def child(sandbox: Sandbox) -> Iterator[Child]:
    with sandbox.spawn() as child:
        yield child


@pytest.fixture
def neighbours(sandbox: Sandbox) -> Iterator[tuple[Child, Child]]:
    """Children of two workers that share a sandbox, alive at the same time."""
    cores = os.sched_getaffinity(0)
    with (
        SandboxHost("bwrap", 2, **LIGHT) as host,
        Sandbox("bwrap", **LIGHT, host=host.address) as one,
        Sandbox("bwrap", **LIGHT, host=host.address) as other,
        one.spawn() as first,
        other.spawn() as second,
    ):
        yield first, second
    os.sched_setaffinity(0, cores)


def call(name: str | int, *arguments: int) -> str:
    """Source that makes a system call, by name or number, and tells what it answered, and its error's number."""
    number = number_of(name, HERE) if isinstance(name, str) else name
    words = ", ".join(map(str, (number, *arguments)))
    return f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
ctypes.set_errno(0)
answer = [libc.syscall({words}), ctypes.get_errno()]
"""


@pytest.mark.parametrize("name", sorted(name for name, both in GRANTED.items() if both[HERE] is not None))
def test_a_call_to_the_disk_is_granted_and_not_done(child: Child, name: str) -> None:
    assert ask_sources(child, call(name, 999)) == [0, 0]  # the kernel itself would say that 999 is no file


@pytest.mark.parametrize("name", sorted(UNSUPPORTED))
def test_attributes_beside_a_file_are_unknown(child: Child, name: str) -> None:
    assert ask_sources(child, call(name)) == [-1, errno.EOPNOTSUPP]


@pytest.mark.parametrize("number", [444, 457, 470, 900])
def test_a_call_that_nobody_has_looked_at_does_not_exist(child: Child, number: int) -> None:
    assert ask_sources(child, call(number)) == [-1, errno.ENOSYS]


@pytest.mark.parametrize("advice", [20, 21, 22, 25])
def test_advice_on_the_page_cache_is_unknown(child: Child, advice: int) -> None:
    assert ask_sources(child, call("madvise", 0, 0, advice)) == [-1, errno.EINVAL]


def test_record_locks_are_granted_and_none_is_kept(child: Child) -> None:
    source = """
import fcntl, os, struct
file = open("/tmp/locked", "w+b")
for place in range(0, 20_000, 2):
    fcntl.lockf(file, fcntl.LOCK_EX, 1, place)
reader, writer = os.pipe()
if os.fork() == 0:  # locks of the same process never stand in its way
    asked = struct.pack("hhqqi4x", fcntl.F_WRLCK, 0, 0, 0, 0)
    kind = struct.unpack("hhqqi4x", fcntl.fcntl(file, fcntl.F_GETLK, asked))[0]
    os.write(writer, b"free" if kind == fcntl.F_UNLCK else b"kept")
    os._exit(0)
answer = os.read(reader, 4).decode()
"""
    assert ask_sources(child, source) == "free"


def test_a_lock_on_a_file_that_all_see_is_no_word_to_a_neighbour(neighbours: tuple[Child, Child]) -> None:
    source = """
import builtins, fcntl, os
builtins.file = open(os.__file__)
try:
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    answer = "locked"
except OSError as error:
    answer = error.errno
"""
    assert [ask_sources(child, source) for child in neighbours] == [errno.ENOSYS] * 2


def queued(child_of: int) -> int:
    """How many signals wait for all processes of the user whom a process belongs to."""
    status = Path(f"/proc/{child_of}/status").read_text()
    return int(re.search(r"SigQ:\s+(\d+)/", status)[1])  # type: ignore[index]


def test_few_signals_can_be_queued_and_a_neighbour_has_its_own(neighbours: tuple[Child, Child]) -> None:
    source = """
import ctypes, os, signal
libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, range(34, 60))
tries = [libc.tgkill(os.getpid(), os.getpid(), number) for number in range(34, 60) for _ in range(400)]
answer = tries.count(0)
"""
    limit = Limits().queued_signals
    found = [ask_sources(child, source) for child in neighbours]
    assert all(0 < count <= limit for count in found), found
    assert queued(os.getpid()) <= 2 * limit + 10  # of the thousands that a user may have


def test_a_signal_arrives_when_none_can_be_queued_any_more(child: Child) -> None:
    source = """
import ctypes, os, signal, time
libc = ctypes.CDLL(None, use_errno=True)
signal.pthread_sigmask(signal.SIG_BLOCK, [40])
for _ in range(1000):
    libc.tgkill(os.getpid(), os.getpid(), 40)
seen = []
signal.signal(signal.SIGALRM, lambda *_: seen.append("alarm"))
signal.signal(signal.SIGUSR1, lambda *_: seen.append("user"))
signal.setitimer(signal.ITIMER_REAL, 0.01)
os.kill(os.getpid(), signal.SIGUSR1)
time.sleep(0.1)
answer = sorted(seen)
"""
    assert ask_sources(child, source) == ["alarm", "user"]


def test_no_pipe_can_be_enlarged(child: Child) -> None:
    source = """
import fcntl, os
reader, writer = os.pipe()
try:
    fcntl.fcntl(writer, 1031, 1 << 20)
    answer = "enlarged"
except PermissionError:
    answer = fcntl.fcntl(writer, 1032) <= 1 << 16
"""
    assert ask_sources(child, source) is True


def test_a_crash_leaves_no_core_dump(child: Child) -> None:
    source = """
import os, resource, subprocess, sys
crash = "import ctypes; ctypes.string_at(0)"
pid = os.fork()
if pid == 0:
    exec(crash)
forked = os.WCOREDUMP(os.waitpid(pid, 0)[1])
pid = os.spawnv(os.P_NOWAIT, sys.executable, [sys.executable, "-c", crash])
started = os.WCOREDUMP(os.waitpid(pid, 0)[1])
answer = [forked, started, os.listdir("/tmp"), list(resource.getrlimit(resource.RLIMIT_CORE))]
"""
    forked, started, left, limit = ask_sources(child, source)
    assert [forked, started, left] == [False, False, []]
    assert limit == [min(1, resource.getrlimit(resource.RLIMIT_CORE)[1] & 1)] * 2


def test_a_core_dump_would_hold_no_memory(child: Child, sandbox: Sandbox) -> None:
    ask_sources(child, "import subprocess; subprocess.Popen(['/bin/sleep', '60'])")
    assert sandbox.pid is not None
    for _ in range(100):  # a process has its program's name a moment after it was started
        pids = processes.descendants(sandbox.pid)
        kinds = {Path(f"/proc/{pid}/comm").read_text().strip(): pid for pid in pids[1:]}  # without bubblewrap's own
        if "sleep" in kinds:
            break
        time.sleep(0.05)
    assert "sleep" in kinds
    filters = [int(Path(f"/proc/{pid}/coredump_filter").read_text(), 16) for pid in kinds.values()]
    assert filters == [0] * len(filters)


@pytest.mark.parametrize(
    "source", ["resource.setrlimit(resource.RLIMIT_CORE, (0, 1))", "os.setxattr('/tmp', 'user.a', b'')"]
)
def test_the_limit_of_core_dumps_cannot_be_taken_to_nothing(child: Child, source: str) -> None:
    with pytest.raises(RuntimeError, match=r"not permitted|not allowed|not supported"):
        ask_sources(child, f"import os, resource\n{source}")


def test_a_module_of_the_same_name_is_not_the_filter_of_the_next_child(sandbox: Sandbox) -> None:
    source = """
import os, sys
ours = sys.modules["zygote.system_calls"]
answer = [os.path.dirname(ours.__file__)]
ours.seccomp_program = lambda machine: [(6, 0, 0, 0x7FFF0000)]
ours.kernel_program = sys.modules["zygote.confinement"].kernel_program = None
os.mkdir("/tmp/zygote")
open("/tmp/zygote/system_calls.py", "w").write("raise SystemExit")
open("/tmp/system_calls.py", "w").write("raise SystemExit")
sys.path.insert(0, "/tmp")
for folder in ("/course", "/course/zygote", os.path.dirname(os.__file__)):
    try:
        open(folder + "/system_calls.py", "w")
        answer.append(folder)
    except OSError:
        pass
"""
    with sandbox.spawn() as first:
        assert ask_sources(first, source) == [str(INSIDE / "zygote")]
    with sandbox.spawn() as second:
        assert ask_sources(second, call("sync")) == [-1, errno.EPERM]


# ------------------------------------------------------------------------------------------------ an honest child lives

HONEST = {
    "sqlite in memory": """
import sqlite3
base = sqlite3.connect(":memory:")
answer = base.execute("select 6 * 7").fetchone() == (42,)
""",
    "sqlite in a file": """
import sqlite3
for mode in ("delete", "wal"):
    base = sqlite3.connect(f"/tmp/{mode}.db")
    base.execute(f"pragma journal_mode={mode}")
    base.execute("create table words (word text)")
    base.execute("insert into words values ('attention')")
    base.commit(); base.close()
    answer = sqlite3.connect(f"/tmp/{mode}.db").execute("select * from words").fetchall() == [("attention",)]
""",
    "a lock file": """
import filelock, warnings
warnings.simplefilter("ignore")
with filelock.FileLock("/tmp/a.lock", timeout=5):
    answer = True
""",
    "files": """
import mmap, os, shutil, tempfile
with tempfile.TemporaryDirectory() as folder:
    path = os.path.join(folder, "a")
    with open(path, "wb") as file:
        file.write(b"word" * 1024); file.flush(); os.fsync(file.fileno())
    shutil.copy2(path, path + "b"); shutil.copytree(folder, folder + "c"); os.replace(path + "b", path + "d")
    with open(path, "r+b") as file, mmap.mmap(file.fileno(), 0) as memory:
        memory[:4] = b"WORD"; memory.flush(); memory.madvise(mmap.MADV_WILLNEED)
    answer = open(path, "rb").read(4) == b"WORD" and shutil.disk_usage(folder).total > 0
""",
    "threads and futures": """
import concurrent.futures, threading
with concurrent.futures.ThreadPoolExecutor(4) as pool:
    answer = list(pool.map(abs, [-1, 2])) == [1, 2]
with concurrent.futures.ProcessPoolExecutor(2) as pool:
    answer = answer and list(pool.map(abs, [-1, 2])) == [1, 2]
""",
    "processes, a pool and a queue": """
import multiprocessing
context = multiprocessing.get_context("fork")
queue = context.Queue()
process = context.Process(target=queue.put, args=(3,)); process.start()
with context.Pool(2) as pool:
    answer = pool.map(abs, [-1]) == [1] and queue.get() == 3
process.join()
""",
    "programs": """
import subprocess, sys
words = ["/bin/sh", "-c", "cd /tmp; echo a > b; cat b | sort; cp -a b c; ls"]
shell = subprocess.run(words, capture_output=True, text=True)
python = subprocess.run([sys.executable, "-c", "import ssl, sqlite3; print(1)"], capture_output=True, text=True)
answer = (shell.stdout, shell.stderr, python.stdout) == ("a\\nb\\nc\\n", "", "1\\n")
""",
    "a terminal": """
import os, pty
pid, master = pty.fork()
if pid == 0:
    os.execv("/bin/sh", ["sh", "-c", "test -t 0 && echo yes"])
answer = os.read(master, 100).startswith(b"yes")
os.waitpid(pid, 0)
""",
    "an event loop": """
import asyncio
async def main():
    process = await asyncio.create_subprocess_exec("echo", "hi", stdout=asyncio.subprocess.PIPE)
    await asyncio.gather(asyncio.sleep(0.01), asyncio.to_thread(len, "a"))
    return (await process.communicate())[0] == b"hi\\n"
answer = asyncio.run(main())
""",
    "sockets and waiting": """
import select, selectors, socket
one, other = socket.socketpair()
one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); one.settimeout(5); one.sendall(b"x")
epoll = select.epoll(); epoll.register(other, select.EPOLLIN)
answer = len(epoll.poll(5)) == 1 and select.select([other], [], [], 5)[0] == [other]
with selectors.DefaultSelector() as selector:
    selector.register(other, selectors.EVENT_READ)
    answer = answer and len(selector.select(5)) == 1
socket.send_fds(one, [b"y"], [0])
""",
    "alarms, sleep and random bytes": """
import os, resource, signal, time
signal.signal(signal.SIGALRM, lambda *_: None)
signal.alarm(1); signal.alarm(0); time.sleep(0.001); os.nice(1)
answer = len(os.urandom(8)) == 8 and resource.getrusage(resource.RUSAGE_SELF).ru_utime >= 0 and os.cpu_count() > 0
""",
}
HEAVY = {
    "arrays, tables and plots": """
import matplotlib, numpy, pandas, sklearn.linear_model
matplotlib.use("Agg")
import matplotlib.pyplot as plt
plt.plot([1, 2]); plt.savefig("/tmp/a.png"); plt.savefig("/tmp/a.pdf")
model = sklearn.linear_model.LogisticRegression().fit(numpy.eye(4), [0, 1, 0, 1])
answer = pandas.DataFrame({"a": [1]}).shape == (1, 1) and model.coef_.shape == (1, 4)
""",
    "torch and a loader's workers": """
import torch
loader = torch.utils.data.DataLoader(torch.arange(6.0), batch_size=2, num_workers=2)
torch.save(torch.ones(3), "/tmp/a.pt")
answer = sum(len(batch) for batch in loader) == 6 and torch.load("/tmp/a.pt", mmap=True).sum() == 3
answer = bool(answer)
""",
    "tokenizers": """
from tokenizers import Tokenizer, models, pre_tokenizers, trainers
words = Tokenizer(models.BPE()); words.pre_tokenizer = pre_tokenizers.Whitespace()
words.train_from_iterator(["a b c ab"] * 1000, trainers.BpeTrainer(vocab_size=50, show_progress=False))
answer = len(words.encode_batch(["ab c"] * 100)) == 100
""",
    "arrow": """
import pyarrow, pyarrow.parquet
pyarrow.parquet.write_table(pyarrow.table({"a": [1, 2]}), "/tmp/a.parquet")
answer = pyarrow.parquet.read_table("/tmp/a.parquet", memory_map=True).num_rows == 2
""",
    "magics": """
import io
from contextlib import redirect_stdout
from IPython.core.interactiveshell import InteractiveShell
shell, said = InteractiveShell.instance(), io.StringIO()
cells = ["%timeit -n 10 -r 1 1 + 1", "!ls /tmp", "found = !echo hi", "%time 1"]
with redirect_stdout(said):
    results = [shell.run_cell(cell).success for cell in cells]
answer = results == [True] * 4 and shell.user_ns["found"] == ["hi"]
""",
}


@pytest.mark.parametrize("name", HONEST)
def test_what_is_honest_goes_on(child: Child, name: str) -> None:
    assert ask_sources(child, HONEST[name], 60) is True


@pytest.fixture(scope="module")
def warm_sandbox(sandbox: Sandbox) -> Iterator[Sandbox]:
    with Sandbox("bwrap", serve="__main__:run_sources") as box:
        yield box


@pytest.mark.slow
@pytest.mark.parametrize("name", HEAVY)
def test_what_is_honest_and_large_goes_on(warm_sandbox: Sandbox, name: str) -> None:
    with warm_sandbox.spawn() as child:
        assert ask_sources(child, HEAVY[name], 120) is True
