"""The sandbox's walls, each run against by a hostile child; and an honest child that lives behind them."""

import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from course_utils.engine.walls import sandbox as sandbox_module
from course_utils.engine.walls.host import SandboxHost
from course_utils.engine.walls.proofs import ask_sources, find_mode, self_test
from course_utils.engine.walls.sandbox import Child, Limits, Sandbox
from course_utils.engine.walls.unavailable import SandboxUnavailable
from course_utils.engine.walls.zygote import kernel, processes, system_calls

LIGHT = {"serve": "__main__:run_sources", "imports": ()}  # no torch: a start costs 50 ms
SMALL = Limits(memory_mib=256, cpu_seconds=60, processes=16, file_mib=4, tmp_mib=8, open_files=64)


@pytest.fixture(scope="module")
def sandbox(walls: str) -> Iterator[Sandbox]:
    with Sandbox(walls, SMALL, **LIGHT) as box:
        yield box


@pytest.fixture
def child(sandbox: Sandbox) -> Iterator[Child]:
    with sandbox.spawn() as child:
        yield child


def processes_with(words: str) -> list[int]:
    """Host pids whose command line holds the words; an argument that only this test uses."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if words in (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def system_call(child: Child, number: int, *arguments: int) -> tuple[int, str]:
    """What a system call answers in the child, and the name of its error."""
    words = ", ".join(map(str, (number, *arguments, *[0] * (6 - len(arguments)))))
    source = f"""
import ctypes, errno
libc = ctypes.CDLL(None, use_errno=True)
answer = [libc.syscall({words}), errno.errorcode.get(ctypes.get_errno(), "none")]
"""
    result, error = ask_sources(child, source)
    return result, error


MACHINE = system_calls.MACHINES.get(os.uname().machine, 0)


def ends(child: Child, source: str, seconds: float = 60) -> str | None:
    """How the child ended after it was sent a source that it does not survive."""
    with pytest.raises((RuntimeError, OSError), match=r"child ended|reset|timed out"):
        ask_sources(child, source, seconds)
    child.kill()
    return child.exit()


# ----------------------------------------------------------------------------------------------- what cannot be reached


@pytest.mark.parametrize("address", [("1.1.1.1", 53), ("127.0.0.1", 22), ("::1", 22)])
def test_no_network_connection_can_be_made(child: Child, address: tuple[str, int]) -> None:
    with pytest.raises(RuntimeError, match="PermissionError"):
        ask_sources(child, f"import socket; socket.create_connection({address!r}, timeout=2)")


def test_a_server_of_the_host_on_an_abstract_socket_is_not_there(child: Child) -> None:
    import socket

    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0course-sandbox-test")
        server.listen()
        with pytest.raises(RuntimeError, match="ConnectionRefusedError"):
            ask_sources(child, "import socket; socket.socket(socket.AF_UNIX).connect('\\0course-sandbox-test')")


def test_solutions_and_the_repository_are_invisible(child: Child, course: Path) -> None:
    paths = [str(course), str(course / "solutions"), "/course/lib/solutions"]
    visible = ask_sources(child, f"import os; answer = [path for path in {paths} if os.path.exists(path)]")
    assert [path for path in visible if not Path(sys.base_prefix).is_relative_to(path)] == []


def test_of_the_package_the_instructors_part_is_empty(child: Child) -> None:
    assert ask_sources(child, "import os; answer = os.listdir('/course/lib/course_utils/instructor')") == []


def test_the_package_can_be_imported(child: Child) -> None:
    place = ask_sources(child, "import course_utils; answer = course_utils.__file__")
    assert place == "/course/lib/course_utils/__init__.py"


def test_a_canary_in_the_home_folder_cannot_be_read(child: Child, tmp_path: Path) -> None:
    home = Path.home()
    if not os.access(home, os.W_OK):
        pytest.skip("the home folder cannot be written, so no canary can be put there")
    canary = home / f".course-canary-{os.getpid()}"
    canary.write_text("secret")
    (tmp_path / "canary").write_text("secret")
    try:
        for path in (canary, tmp_path / "canary"):
            with pytest.raises(RuntimeError, match="FileNotFoundError"):
                ask_sources(child, f"answer = open({str(path)!r}).read()")
    finally:
        canary.unlink()


def test_malloc_can_ask_whether_the_kernel_has_huge_pages(child: Child) -> None:
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if not setting.exists():
        pytest.skip("this kernel has no huge pages")
    assert ask_sources(child, f"answer = open({str(setting)!r}).read()") == setting.read_text()


def test_how_memory_is_handed_out_is_no_variable_of_a_child(child: Child) -> None:
    names = ask_sources(child, "import os; answer = [*os.environ]")
    assert {"GLIBC_TUNABLES", "PYTHONMALLOC"} & set(names) == set()


def test_a_child_looks_for_its_own_garbage_and_not_for_that_of_the_imports(child: Child) -> None:
    assert ask_sources(child, "import gc; answer = [gc.isenabled(), gc.get_freeze_count() > 0]") == [True, True]


def test_no_variable_of_the_grader_is_seen(child: Child, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COURSE_SECRET", "s3cret")
    with Sandbox("bwrap", SMALL, **LIGHT) as box, box.spawn() as fresh:
        assert "s3cret" not in ask_sources(fresh, "import os; answer = str(os.environ)")


def test_the_first_process_of_bubblewrap_keeps_no_variable(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
    monkeypatch.setenv("COURSE_SECRET", "s3cret")
    with Sandbox("bwrap", SMALL, **LIGHT) as box:
        assert Path(f"/proc/{box.pid}/environ").read_bytes() == b""


@pytest.mark.parametrize("name", ["mem", "environ", "maps", "fd", "root"])
def test_proc_tells_nothing_of_the_zygote(child: Child, name: str) -> None:
    paths = [f"/proc/{pid}/{name}" for pid in ("1", "2", "3", "self")]
    source = f"import os; answer = os.listdir('/proc') + [path for path in {paths} if os.path.lexists(path)]"
    assert ask_sources(child, source) == []


def test_proc_cannot_be_uncovered(child: Child) -> None:
    source = """
import ctypes
libc = ctypes.CDLL(None)
answer = [libc.umount2(b"/proc", 2), libc.mount(b"proc", b"/tmp", b"proc", 0, None)]
"""
    assert ask_sources(child, source) == [-1, -1]


def test_killing_everything_leaves_zygote_and_sandbox_alive(sandbox: Sandbox) -> None:
    pid = sandbox.pid
    with sandbox.spawn() as child:
        source = """
import os
answer = []
for target in (-1, 0, *range(2, 40), os.getppid()):
    try:
        os.kill(target, 9)
        answer.append(target)
    except OSError:
        pass
"""
        assert set(ask_sources(child, source)) <= {0, -1}  # itself: pid 1 does not die of its own signal
    with sandbox.spawn() as child:
        assert ask_sources(child, "answer = 1") == 1
    assert sandbox.pid == pid


def test_no_descriptor_but_four_is_open_and_the_control_socket_is_none_of_them(child: Child) -> None:
    source = """
import os
answer = []
for fd in range(3, 64):
    try:
        os.fstat(fd)
        answer.append(fd)
    except OSError:
        pass
answer.remove(channel.fileno())
"""
    assert ask_sources(child, source) == []


def test_a_shout_at_the_control_socket_reaches_nobody(sandbox: Sandbox) -> None:
    with sandbox.spawn() as child:
        source = """
import os
for fd in set(range(3, 64)) - {channel.fileno()}:
    try:
        os.write(fd, b"kill")
    except OSError:
        pass
"""
        ask_sources(child, source)
        assert child.exit() is None


# -------------------------------------------------------------------------------------------------------- rights, calls


def names_here(table: system_calls.Numbers) -> list[str]:
    """The calls of a table that this processor has."""
    return sorted(name for name, numbers in table.items() if numbers[MACHINE] is not None)


@pytest.mark.parametrize("name", names_here(system_calls.REFUSED))
def test_a_dangerous_system_call_is_refused(child: Child, name: str) -> None:
    assert system_call(child, system_calls.number_of(name, MACHINE)) == (-1, "EPERM")


@pytest.mark.parametrize(
    ("name", "arguments"),
    [("fcntl", (0, 1024, 0)), ("setsockopt", (0, 1, 7)), ("mmap", (0, 4096, 3, 0x21)), ("mmap", (0, 4096, 3, 0x23))],
)
def test_a_call_is_refused_for_one_of_its_arguments(child: Child, name: str, arguments: tuple[int, ...]) -> None:
    assert system_call(child, system_calls.number_of(name, MACHINE), *arguments) == (-1, "EPERM")


def test_calls_with_other_arguments_go_through(child: Child) -> None:
    source = """
import fcntl, mmap, socket, tempfile
with tempfile.TemporaryFile() as file:
    file.write(bytes(4096)); file.flush()
    kinds = [(-1, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS), (file.fileno(), mmap.MAP_SHARED)]
    answer = [len(mmap.mmap(where, 4096, flags=flags)) for where, flags in kinds]
    fcntl.lockf(file, fcntl.LOCK_EX); fcntl.fcntl(file, fcntl.F_GETFD)
with socket.socketpair()[0] as one:
    one.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
"""
    assert ask_sources(child, source) == [4096, 4096]


def test_no_lease_on_a_file_lets_whoever_opens_it_wait(child: Child) -> None:
    source = """
import fcntl, tempfile
with tempfile.NamedTemporaryFile() as file, open(file.name) as own:
    file.file.close()  # nobody may write to it
    fcntl.fcntl(own, fcntl.F_SETLEASE, fcntl.F_RDLCK)
"""
    with pytest.raises(RuntimeError, match="PermissionError"):
        ask_sources(child, source)


@pytest.mark.parametrize("door", ["-1, N, flags=mmap.MAP_SHARED", "os.open('/dev/zero', os.O_RDWR), N"])
def test_no_memory_stays_that_no_process_has_in_its_tables(child: Child, door: str) -> None:
    source = f"""
import mmap, os
N = 1 << 20
memory = mmap.mmap({door})
memory[:] = b"x" * N
memory.madvise(mmap.MADV_DONTNEED)
"""
    with pytest.raises(RuntimeError, match="Error"):
        ask_sources(child, source)


def test_a_terminal_of_one_submission_is_nobody_elses_and_few_can_be_had(child: Child) -> None:
    source = """
import os
before, pairs = os.listdir("/dev/pts"), []
try:
    while len(pairs) < 100:
        pairs.append(os.openpty())
except OSError:
    pass
os.write(pairs[0][1], b"read me")
answer = [before, len(pairs), os.read(pairs[0][0], 7).decode()]
"""
    master, _ = os.openpty()
    before, pairs, text = ask_sources(child, source)
    os.close(master)
    assert (before, text) == (["ptmx"], "read me")
    assert 1 <= pairs <= 16


def test_memory_that_was_swapped_out_counts() -> None:
    assert processes.resident({"RssAnon": 1, "RssShmem": 2, "VmSwap": 4}) == 7 * 1024


@pytest.mark.parametrize("name", names_here(system_calls.ABSENT))
def test_a_call_that_libraries_can_do_without_is_said_not_to_exist(child: Child, name: str) -> None:
    assert system_call(child, system_calls.number_of(name, MACHINE)) == (-1, "ENOSYS")


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="x32 exists on x86_64 only")
def test_the_x32_twin_of_a_refused_call_is_refused(child: Child) -> None:
    x32 = 0x40000000
    assert system_call(child, x32 + system_calls.number_of("unshare", 0), kernel.CLONE_NEWUSER) == (-1, "EPERM")


@pytest.mark.parametrize("flag", [0x10000000, 0x20000, 0x20000000, 0x40000000])
def test_clone_makes_no_nested_namespace(child: Child, flag: int) -> None:
    assert system_call(child, system_calls.number_of("clone", MACHINE), flag | signal.SIGCHLD) == (-1, "EPERM")


def test_capabilities_uid_and_new_privileges_are_gone(child: Child) -> None:
    source = """
import ctypes, os
libc, caps = ctypes.CDLL(None), (ctypes.c_uint32 * 6)()
libc.capget((ctypes.c_uint32 * 2)(0x20080522, 0), caps)
bounding = sum(libc.prctl(23, n, 0, 0, 0) == 1 for n in range(41))
answer = [list(caps), bounding, os.getresuid(), os.getgroups() in ([], [65534]), libc.prctl(39, 0, 0, 0, 0)]
"""
    assert ask_sources(child, source) == [[0] * 6, 0, [1000] * 3, True, 1]


def test_a_setuid_program_gives_no_rights(child: Child) -> None:
    assert "uid=0" not in ask_sources(child, "import subprocess; answer = subprocess.getoutput('su -c id root; id')")


# ------------------------------------------------------------------------------------------------ what does not outlive


def test_files_do_not_reach_the_next_child(sandbox: Sandbox) -> None:
    write = """
import os, sys
answer = []
folders = ["/tmp", "/dev/shm", "/", "/dev", "/dev/pts", "/proc", "/course", "/course/lib/course_utils", "/usr", "/etc"]
for folder in [*folders, sys.prefix, sys.base_prefix]:
    try:
        open(folder + "/left-behind", "w").write("x")
        answer.append(folder)
    except OSError:
        pass
"""
    with sandbox.spawn() as first:
        assert ask_sources(first, write) == ["/tmp", "/dev/shm"]
    with sandbox.spawn() as second:
        assert ask_sources(second, "import os; answer = os.listdir('/tmp') + os.listdir('/dev/shm')") == []


def test_symlinks_in_tmp_lead_nowhere_and_tmp_cannot_be_replaced(child: Child, tmp_path: Path) -> None:
    (tmp_path / "canary").write_text("secret")
    source = f"""
import os
answer = []
targets = [{str(tmp_path / "canary")!r}, "/proc/1/root/etc/shadow", "/etc/shadow", "/dev/fd/3", "../../../etc/shadow"]
for target in targets:
    os.symlink(target, "/tmp/link")
    try:
        answer.append(open("/tmp/link").read())
    except OSError:
        pass
    os.unlink("/tmp/link")
try:
    os.rename("/tmp", "/tmp2")
    answer.append("renamed")
except OSError:
    pass
"""
    assert ask_sources(child, source) == []


@pytest.mark.parametrize("mode", ["bwrap", "none"])
def test_a_background_process_dies_with_its_child(mode: str, sandbox: Sandbox) -> None:
    mark = f"{987000 + os.getpid() % 997}.{1 if mode == 'none' else 2}25"
    source = f"""
import os, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        os.execv("/bin/sleep", ["sleep", "{mark}"])
    os._exit(0)
time.sleep(0.2)
"""
    with Sandbox(mode, SMALL, **LIGHT) as box:
        child = box.spawn()
        ask_sources(child, source)
        assert processes_with(mark) != []
        child.kill()
        assert processes_with(mark) == []
        child.close()


def test_an_abstract_socket_of_a_dead_child_is_free_for_the_next(sandbox: Sandbox) -> None:
    source = """
import builtins, socket
builtins.kept = socket.socket(socket.AF_UNIX)
builtins.kept.bind("\\0left")
builtins.kept.listen()
answer = 1
"""
    for _ in range(2):
        with sandbox.spawn() as child:
            assert ask_sources(child, source) == 1


# --------------------------------------------------------------------------------------------------------------- limits


def test_a_fork_bomb_is_stopped_and_dies_at_once(sandbox: Sandbox) -> None:
    source = """
import os, time
count = 0
try:
    while True:
        if os.fork() == 0:
            time.sleep(60)
        count += 1
except BlockingIOError:
    answer = count
"""
    with sandbox.spawn() as child:
        assert 1 <= ask_sources(child, source) <= SMALL.processes
        start = time.monotonic()
        child.kill()
        assert time.monotonic() - start < 5
    with sandbox.spawn() as child:
        assert ask_sources(child, "answer = 1") == 1


def test_a_growing_fork_bomb_dies_at_once(sandbox: Sandbox) -> None:
    with sandbox.spawn() as child:
        source = "import os\nwhile True:\n    try: os.fork()\n    except OSError: pass"
        with pytest.raises(TimeoutError):
            ask_sources(child, source, 0.5)
        child.kill()
    with sandbox.spawn() as child:
        assert ask_sources(child, "answer = 1") == 1


def test_a_memory_bomb_gets_a_memory_error(child: Child) -> None:
    with pytest.raises(RuntimeError, match="MemoryError"):
        ask_sources(child, "a = []\nwhile True: a.append(bytearray(10_000_000))")


def test_memory_of_all_processes_together_is_limited(sandbox: Sandbox) -> None:
    source = """
import os, time
for _ in range(8):
    if os.fork() == 0:
        a = bytearray(os.urandom(1)) * 100_000_000
        time.sleep(30)
time.sleep(30)
"""
    with sandbox.spawn() as child:
        assert ends(child, source) == "signal:9"
        assert child.cause == "memory"


def test_cpu_time_is_limited(sandbox: Sandbox) -> None:
    with Sandbox("bwrap", Limits(cpu_seconds=1), **LIGHT) as box, box.spawn() as child:
        assert ends(child, "while True: pass") == "signal:9"
        assert child.cause == "cpu"


def test_a_huge_file_and_many_files_hit_their_limits(child: Child) -> None:
    source = """
import os
answer = []
try:
    with open("/tmp/huge", "wb") as f:
        while True: f.write(bytes(1 << 20))
except OSError as e:
    answer.append(e.errno)
try:
    for i in range(100):
        with open("/tmp/f%d" % i, "wb") as f: f.write(bytes(1 << 20))
except OSError as e:
    answer.append(e.errno)
"""
    assert ask_sources(child, source) == [27, 28]  # EFBIG, ENOSPC


def test_limits_cannot_be_raised(child: Child) -> None:
    source = """
import resource
answer = []
for name in ("AS", "NPROC", "CPU", "FSIZE", "NOFILE", "CORE", "MSGQUEUE", "SIGPENDING", "MEMLOCK", "RTPRIO", "NICE"):
    kind = getattr(resource, "RLIMIT_" + name)
    soft, hard = resource.getrlimit(kind)
    try:
        resource.setrlimit(kind, (hard + 1, hard + 1))
        answer.append(name)
    except (ValueError, OSError):
        pass
"""
    assert ask_sources(child, source) == []


def test_a_hundred_megabytes_of_output_wait_for_a_reader_and_can_be_killed(sandbox: Sandbox) -> None:
    with sandbox.spawn() as child:
        with pytest.raises(TimeoutError):
            ask_sources(child, "print('x' * 100_000_000)", 0.5)
        select.select([child.output], [], [], 60)  # on a busy machine the first of it comes late
        assert len(os.read(child.output, 1 << 20)) <= 1 << 20
        child.kill()
        while os.read(child.output, 1 << 20):
            pass  # what the pipe still held can be read after the death, to its end


def test_output_of_both_streams_can_be_read_and_reading_never_blocks(child: Child) -> None:
    ask_sources(child, "import sys; print('to stdout \\ud800'); print('to stderr', file=sys.stderr)")
    assert sorted(os.read(child.output, 4096).split(b"\n")) == [b"", b"to stderr", b"to stdout \\ud800"]
    with pytest.raises(BlockingIOError, match="unavailable"):
        os.read(child.output, 1)


# ---------------------------------------------------------------------------------------------------------- ways to end


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import os; os._exit(7)", "exit:7"),
        ("raise SystemExit(3)", "exit:3"),
        ("raise SystemExit('a word')", "exit:1"),
        ("raise KeyboardInterrupt", "exit:1"),
        ("import ctypes; ctypes.string_at(0)", f"signal:{signal.SIGSEGV.value}"),
    ],
)
def test_the_way_a_child_ended_is_told(sandbox: Sandbox, source: str, expected: str) -> None:
    with sandbox.spawn() as child:
        assert ends(child, source) == expected
        assert child.cause is None


def test_a_child_that_closes_everything_is_seen_to_have_gone_silent(sandbox: Sandbox) -> None:
    with sandbox.spawn() as child:
        assert ends(child, "import os, time; os.closerange(0, 64); time.sleep(60)") is None
    with sandbox.spawn() as child:
        assert ask_sources(child, "answer = 1") == 1


@pytest.mark.parametrize("name", ["SIGSTOP", "SIGTSTP", "SIGKILL"])
def test_a_child_that_signals_itself_can_still_be_ended(sandbox: Sandbox, name: str) -> None:
    with sandbox.spawn() as child:
        source = f"""
import os, signal, time
if os.fork() == 0:
    os.kill(os.getpid(), signal.{name})
    time.sleep(60)
os.kill(os.getpid(), signal.{name})
"""
        ask_sources(child, source)
        child.kill()
        child.kill()
        assert child.exit() is None  # it had not ended of itself
    with sandbox.spawn() as child:
        assert ask_sources(child, "answer = 1") == 1


def test_a_child_that_ignores_every_signal_dies(sandbox: Sandbox) -> None:
    with sandbox.spawn() as child:
        source = """
import signal
for number in range(1, 65):
    try:
        signal.signal(number, signal.SIG_IGN)
    except (OSError, ValueError):
        pass
while True:
    pass
"""
        with pytest.raises(TimeoutError):
            ask_sources(child, source, 0.3)
        child.kill()


def test_a_dead_zygote_is_replaced() -> None:
    with Sandbox("none", SMALL, **LIGHT) as box:
        child = box.spawn()
        assert box.pid is not None
        os.kill(box.pid, signal.SIGKILL)
        child.kill()
        assert child.exit() is None
        child.close()
        with box.spawn() as child:
            assert ask_sources(child, "answer = 1") == 1


def test_a_dead_sandbox_takes_its_child_with_it_and_is_replaced(sandbox: Sandbox) -> None:
    with Sandbox("bwrap", SMALL, **LIGHT) as box:
        child = box.spawn()
        ask_sources(child, "import subprocess; subprocess.Popen(['/bin/sleep', '986123.5'])")
        assert box.pid is not None
        os.kill(box.pid, signal.SIGKILL)
        child.kill()
        deadline = time.monotonic() + 5
        while processes_with("986123.5") and time.monotonic() < deadline:
            time.sleep(0.02)
        assert processes_with("986123.5") == []
        child.close()
        with box.spawn() as child:
            assert ask_sources(child, "answer = 1") == 1


def test_a_killed_grader_leaves_nothing_running(sandbox: Sandbox, course: Path) -> None:
    source = """
import time
from course_utils.engine.walls.sandbox import Sandbox
from course_utils.engine.walls.proofs import ask_sources
box = Sandbox("bwrap", serve="__main__:run_sources", imports=())
child = box.spawn()
ask_sources(child, "import subprocess; subprocess.Popen(['/bin/sleep', '985321.5'])")
print("ready", flush=True)
time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", source], cwd=course, stdout=subprocess.PIPE) as grader:
        assert grader.stdout is not None
        assert grader.stdout.readline() == b"ready\n"
        grader.kill()
    deadline = time.monotonic() + 5
    while processes_with("985321.5") and time.monotonic() < deadline:
        time.sleep(0.02)
    assert processes_with("985321.5") == []


# ------------------------------------------------------------------------------------------------ an honest child lives


def test_threads_subprocesses_and_pools_work(child: Child) -> None:
    source = """
import multiprocessing, os, subprocess, tempfile, threading
seen = []
thread = threading.Thread(target=lambda: seen.append(1)); thread.start(); thread.join()
with tempfile.NamedTemporaryFile() as file: file.write(b"x")
with multiprocessing.get_context("fork").Pool(2) as pool: squares = pool.map(abs, [-2, 3])
answer = [seen, subprocess.run(["echo", "hi"], capture_output=True, text=True).stdout, squares, os.getcwd()]
"""
    assert ask_sources(child, source) == [[1], "hi\n", [2, 3], "/tmp"]


@pytest.mark.slow
def test_a_warm_child_computes_gradients_within_its_limits_and_soon(sandbox: Sandbox) -> None:
    source = """
import torch
x = torch.randn(2, 5, 18, requires_grad=True)
(torch.softmax(x @ x.transpose(1, 2), -1) @ x).sum().backward()
layer = torch.nn.TransformerEncoderLayer(18, 3, 36, batch_first=True)
data = torch.utils.data.DataLoader(torch.arange(6.0), batch_size=2, num_workers=2)
answer = [list(x.grad.shape), list(layer(x).shape), sum(len(batch) for batch in data)]
"""
    with Sandbox("bwrap", serve="__main__:run_sources") as box:
        seconds = []
        for _ in range(5):
            start = time.perf_counter()
            with box.spawn() as child:
                ask_sources(child, "answer = 1")
                child.kill()
                seconds.append(time.perf_counter() - start)
        with box.spawn() as child:
            assert ask_sources(child, source, 60) == [[2, 5, 18], [2, 5, 18], 6]
        assert min(seconds) < 0.1  # 0.02 measured; a cold fork of an import would be 3


# ---------------------------------------------------------------------------------------------------- finding a sandbox


def test_the_self_test_passes_where_a_sandbox_can_be_had(sandbox: Sandbox) -> None:
    self_test()
    assert find_mode("auto") == "bwrap"


def test_without_bubblewrap_grading_refuses_and_says_how_to_install_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SandboxUnavailable, match=r"apt install bubblewrap.*--sandbox none"):
        find_mode("auto")


def test_no_sandbox_is_only_had_when_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    assert find_mode("none") == "none"
    with pytest.raises(ValueError, match='"auto", "bwrap" or "none", got \'docker\''):
        find_mode("docker")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("wall", "hole", "words"),
    [
        ("--unshare-net", [], "sees the network interfaces|network is unreachable"),
        ("", ["--ro-bind", "/etc/passwd", "/etc/passwd"], "instructor's files are invisible.*/etc/passwd"),
        ("", ["--setenv", "COURSE_SECRET", "s3cret"], "environment is scrubbed.*COURSE_SECRET"),
        ("", ["--tmpfs", "/course/venv"], "did not start"),
    ],
)
def test_the_self_test_names_a_missing_wall(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, wall: str, hole: list[str], words: str
) -> None:
    built = sandbox_module.bwrap_command

    def with_a_hole(*arguments: Any) -> list[str]:
        command = [word for word in built(*arguments) if word != wall]
        at = len(command) - 1 - command[::-1].index("--remount-ro")  # the last one: that of the root
        return [*command[:at], *hole, *command[at:]]

    monkeypatch.setattr(sandbox_module, "bwrap_command", with_a_hole)
    with pytest.raises(SandboxUnavailable, match=words):
        self_test()


def test_a_child_that_cannot_be_shut_in_never_runs(sandbox: Sandbox) -> None:
    with Sandbox("bwrap", Limits(tmp_mib=-1), **LIGHT) as box, pytest.raises(SandboxUnavailable, match="mount /tmp"):
        box.spawn()


def test_an_unreadable_course_is_told_from_a_missing_right(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    closed = [
        "/bin/sh",
        "-c",
        "echo \"python: can't open file '/course/zygote/__main__.py': [Errno 13] Permission denied\" >&2",
    ]
    monkeypatch.setattr(sandbox_module, "bwrap_command", lambda *_: closed)
    with pytest.raises(SandboxUnavailable, match=r"chmod -R a\+rX"):
        Sandbox("bwrap", **LIGHT)


def test_a_machine_without_user_namespaces_is_told_what_to_allow(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused = ["/bin/sh", "-c", "echo 'bwrap: setting up uid map: Permission denied' >&2; exit 1"]
    monkeypatch.setattr(sandbox_module, "bwrap_command", lambda *_: refused)
    with pytest.raises(SandboxUnavailable, match=r"apparmor_restrict_unprivileged_userns=0.*--sandbox none"):
        Sandbox("bwrap", **LIGHT)


def test_a_warm_process_with_a_second_thread_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "busy.py").write_text(
        "import threading, time\nthreading.Thread(target=time.sleep, args=(60,), name='busy', daemon=True).start()\n"
    )
    monkeypatch.setattr(sandbox_module, "variables", lambda *_: {"PYTHONPATH": str(tmp_path)})
    with pytest.raises(SandboxUnavailable, match=r"one thread before it forks, it has 2: \['MainThread', 'busy'\]"):
        Sandbox("none", serve="__main__:run_sources", imports=["busy"])


def test_a_serve_function_that_cannot_be_imported_is_named(sandbox: Sandbox) -> None:
    with pytest.raises(SandboxUnavailable, match="No module named 'nowhere'"):
        Sandbox("bwrap", serve="nowhere:serve", imports=())


def copy_of_the_package(folder: Path) -> Path:
    shutil.copytree(sandbox_module.PACKAGE, folder / "course_utils", ignore=shutil.ignore_patterns("__pycache__"))
    return folder


SELF_TEST = """
from course_utils.engine.walls import proofs, shown_paths
proofs.self_test()
print("walls stand", shown_paths.PACKAGE)
"""


def test_a_path_with_a_space_below_tmp_works(sandbox: Sandbox, tmp_path: Path) -> None:
    place = tmp_path / "my course"
    place.mkdir()
    copy_of_the_package(place)
    command = [sys.executable, "-c", SELF_TEST]
    run = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    assert run.stdout == f"walls stand {place / 'course_utils'}\n", run.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user; run as one, all these tests show it")
def test_an_ordinary_user_has_the_same_walls(sandbox: Sandbox, as_user) -> None:
    with tempfile.TemporaryDirectory(prefix="ordinary user ") as folder:
        place = copy_of_the_package(Path(folder))
        subprocess.run(["chmod", "-R", "a+rX", folder], check=True)
        environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1"}
        command = as_user(65534, [sys.executable, "-c", SELF_TEST], environment)
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, env=environment)
        assert run.stdout == f"walls stand {place / 'course_utils'}\n", run.stderr


# ------------------------------------------------------------------------------------------ one sandbox for all workers


@pytest.fixture
def neighbours(sandbox: Sandbox) -> Iterator[tuple[Child, Child]]:
    """Children of two workers that share a sandbox, alive at the same time."""
    cores = os.sched_getaffinity(0)
    with (
        SandboxHost("bwrap", 2, limits=SMALL, **LIGHT) as host,
        Sandbox("bwrap", SMALL, **LIGHT, host=host.address) as one,
        Sandbox("bwrap", SMALL, **LIGHT, host=host.address) as other,
        one.spawn() as first,
        other.spawn() as second,
    ):
        yield first, second
    os.sched_setaffinity(0, cores)


def test_neighbours_have_no_file_network_or_process_in_common(neighbours: tuple[Child, Child]) -> None:
    leaves = """
import os, socket
open('/tmp/mark', 'w').close(); open('/dev/shm/mark', 'w').close()
server = socket.socket(socket.AF_UNIX); server.bind('\\0mark'); server.listen()
answer = os.getpid()
"""
    looks = """
import os, socket
answer = [os.path.exists('/tmp/mark'), os.path.exists('/dev/shm/mark')]
try:
    socket.socket(socket.AF_UNIX).connect('\\0mark')
    answer.append(True)
except OSError:
    answer.append(False)
for pid in range(2, 60):
    try:
        os.kill(pid, 0)
        answer.append(pid)
    except OSError:
        pass
"""
    first, second = neighbours
    assert ask_sources(first, leaves) == 1  # pid 1 of its own world
    assert ask_sources(second, looks) == [False, False, False]


def test_the_end_of_one_neighbour_leaves_the_other_alone(neighbours: tuple[Child, Child]) -> None:
    first, second = neighbours
    ask_sources(first, "answer = 1")
    second.kill()
    assert ask_sources(first, "answer = 2") == 2


def test_a_shared_sandbox_that_died_is_replaced_for_the_next_worker() -> None:
    cores = os.sched_getaffinity(0)
    with SandboxHost("none", 1, limits=SMALL, **LIGHT) as host:
        for _ in range(2):
            with Sandbox("none", SMALL, **LIGHT, host=host.address) as box, box.spawn() as child:
                parent = ask_sources(child, "import os; answer = os.getppid()")
            grandparent = int(Path(f"/proc/{parent}/stat").read_text().split()[3])
            os.kill(grandparent, signal.SIGKILL)
    os.sched_setaffinity(0, cores)


def test_workers_of_a_host_that_cannot_have_a_sandbox_are_told_why(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sandbox_module.shutil, "which", lambda name: None)
    with SandboxHost("bwrap", 1, **LIGHT) as host, pytest.raises(SandboxUnavailable, match="bubblewrap"):
        Sandbox("bwrap", **LIGHT, host=host.address)


def test_a_host_that_has_gone_is_told() -> None:
    with SandboxHost("none", 1, **LIGHT) as host:
        address = host.address
    with pytest.raises(SandboxUnavailable, match="has gone"):
        Sandbox("none", **LIGHT, host=address)
