"""The system calls that a submission may make: a list of what is allowed, as a program for the kernel's seccomp filter.

    program = seccomp_program(X86_64)   # lines of classic BPF: (code, jump if true, jump if false, k)

Stops: calls by which a submission could get rights, reach others, or use up what the kernel counts for all of a user.
Does not stop: bugs of the kernel in the calls that are allowed, and what is counted below as left. Notable choices:
- what is in no table is answered with ENOSYS, as by an older kernel: the C library then takes the older call, and a
  call that some later kernel brings is closed until somebody has looked at it;
- what is known and refused gets EPERM, or the error by which libraries go on;
- what asks for nothing that a submission needs, and costs others something, is granted and not done: its files lie in
  memory and are its own, so there is no disk to wait for;
- the kernel remembers which numbers are allowed whatever their arguments (Linux 5.11) and runs no program for those;
  for all others the program searches by halves, some ten steps instead of the hundred that a list from top to bottom
  takes.

What the kernel counts for a user, the instructor's own processes included, and what holds a submission's part of it:
- queued signals, POSIX timers, bytes in message queues, locked memory: limits (`confinement.set_limits`), and of
  those all but the signals themselves are refused calls;
- keys, watches on files, descriptors for AIO and io_uring, user namespaces: refused calls; namespaces are made by the
  zygote alone, one of each kind for a submission;
- pages in pipes: no pipe can be enlarged, so each holds 64 KiB; their number is that of the descriptors, and so is that
  of descriptors under way in sockets and, squared, of epoll's watches. These are left, and go with the process: one
  submission held 3751 pipes, and until its death new ones of the same user, a neighbour's and an ordinary instructor's,
  held 8 KiB instead of 64; one had 200 descriptors under way, and a neighbour could send none until then.
"""

from __future__ import annotations

import ctypes
import errno
import functools
import socket
from collections.abc import Iterable, Mapping

X86_64, AARCH64 = 0, 1
MACHINES = {"x86_64": X86_64, "aarch64": AARCH64}
AUDIT_ARCH = (0xC000003E, 0xC00000B7)
X32 = 0x40000000  # on x86_64 every call has a twin from this number on

Numbers = Mapping[str, tuple[int | None, int | None]]
Line = tuple[int, int, int, int]
Block = list[Line]  # always ends in an answer, whatever way is taken

# --------------------------------------------------------------------------------------------------- the kernel's words

# answers, linux/seccomp.h
ALLOW, ERROR = 0x7FFF0000, 0x00050000
REFUSE, NO_SUCH_CALL, NO_SUCH_VALUE = ERROR | errno.EPERM, ERROR | errno.ENOSYS, ERROR | errno.EINVAL
NOT_HERE, NO_TERMINAL = ERROR | errno.EOPNOTSUPP, ERROR | errno.ENOTTY
GRANT = ERROR | 0  # answered with 0, and not done

# name: (number on x86_64, on aarch64), None where it has none; from asm/unistd_64.h and asm-generic/unistd.h

# whatever the arguments
ALLOWED: Numbers = {
    # files and folders
    "read": (0, 63), "write": (1, 64), "readv": (19, 65), "writev": (20, 66), "pread64": (17, 67), "pwrite64": (18, 68),
    "preadv": (295, 69), "pwritev": (296, 70), "open": (2, None), "openat": (257, 56), "creat": (85, None),
    "close": (3, 57), "close_range": (436, 436), "lseek": (8, 62), "stat": (4, None), "fstat": (5, 80),
    "lstat": (6, None), "newfstatat": (262, 79), "statx": (332, 291), "statfs": (137, 43), "fstatfs": (138, 44),
    "access": (21, None), "faccessat": (269, 48), "faccessat2": (439, 439), "getdents": (78, None),
    "getdents64": (217, 61), "readlink": (89, None), "readlinkat": (267, 78), "getcwd": (79, 17), "chdir": (80, 49),
    "fchdir": (81, 50), "mkdir": (83, None), "mkdirat": (258, 34), "rmdir": (84, None), "unlink": (87, None),
    "unlinkat": (263, 35), "rename": (82, None), "renameat": (264, 38), "renameat2": (316, 276), "link": (86, None),
    "linkat": (265, 37), "symlink": (88, None), "symlinkat": (266, 36), "mknod": (133, None), "mknodat": (259, 33),
    "chmod": (90, None), "fchmod": (91, 52), "fchmodat": (268, 53), "fchmodat2": (452, 452), "chown": (92, None),
    "fchown": (93, 55), "lchown": (94, None), "fchownat": (260, 54), "umask": (95, 166), "truncate": (76, 45),
    "ftruncate": (77, 46), "fallocate": (285, 47), "utime": (132, None), "utimes": (235, None),
    "futimesat": (261, None), "utimensat": (280, 88), "getxattr": (191, 8), "lgetxattr": (192, 9),
    "fgetxattr": (193, 10), "listxattr": (194, 11), "llistxattr": (195, 12), "flistxattr": (196, 13), "dup": (32, 23),
    "dup2": (33, None), "dup3": (292, 24),
    # waiting, pipes, sockets, descriptors that tell of something
    "poll": (7, None), "ppoll": (271, 73), "select": (23, None), "pselect6": (270, 72), "epoll_create": (213, None),
    "epoll_create1": (291, 20), "epoll_ctl": (233, 21), "epoll_wait": (232, None), "epoll_pwait": (281, 22),
    "epoll_pwait2": (441, 441), "pipe": (22, None), "pipe2": (293, 59), "eventfd": (284, None), "eventfd2": (290, 19),
    "signalfd": (282, None), "signalfd4": (289, 74), "timerfd_create": (283, 85), "timerfd_settime": (286, 86),
    "timerfd_gettime": (287, 87), "connect": (42, 203), "accept": (43, 202), "accept4": (288, 242), "bind": (49, 200),
    "listen": (50, 201), "shutdown": (48, 210), "getsockname": (51, 204), "getpeername": (52, 205),
    "getsockopt": (55, 209), "sendto": (44, 206), "recvfrom": (45, 207), "sendmsg": (46, 211), "recvmsg": (47, 212),
    "sendmmsg": (307, 269), "recvmmsg": (299, 243),
    # memory
    "brk": (12, 214), "munmap": (11, 215), "mprotect": (10, 226), "mremap": (25, 216),
    # processes, threads, signals
    "fork": (57, None), "vfork": (58, None), "execve": (59, 221), "execveat": (322, 281), "exit": (60, 93),
    "exit_group": (231, 94), "wait4": (61, 260), "waitid": (247, 95), "kill": (62, 129), "tkill": (200, 130),
    "tgkill": (234, 131), "pidfd_open": (434, 434), "pidfd_send_signal": (424, 424), "rt_sigaction": (13, 134),
    "rt_sigprocmask": (14, 135), "rt_sigreturn": (15, 139), "rt_sigpending": (127, 136), "rt_sigtimedwait": (128, 137),
    "rt_sigsuspend": (130, 133), "sigaltstack": (131, 132), "pause": (34, None), "restart_syscall": (219, 128),
    "futex": (202, 98), "futex_waitv": (449, 449), "set_robust_list": (273, 99), "get_robust_list": (274, 100),
    "set_tid_address": (218, 96), "rseq": (334, 293), "arch_prctl": (158, None), "getpid": (39, 172),
    "getppid": (110, 173), "gettid": (186, 178), "getpgid": (121, 155), "getpgrp": (111, None), "setpgid": (109, 154),
    "getsid": (124, 156), "setsid": (112, 157), "getuid": (102, 174), "geteuid": (107, 175), "getgid": (104, 176),
    "getegid": (108, 177), "getresuid": (118, 148), "getresgid": (120, 150), "getgroups": (115, 158),
    "capget": (125, 90), "getpriority": (140, 141), "setpriority": (141, 140), "sched_yield": (24, 124),
    "sched_getaffinity": (204, 123), "sched_getparam": (143, 121), "sched_getscheduler": (145, 120),
    "sched_get_priority_max": (146, 125), "sched_get_priority_min": (147, 126), "sched_rr_get_interval": (148, 127),
    "getcpu": (309, 168),
    # time, and what the machine is
    "time": (201, None), "gettimeofday": (96, 169), "clock_gettime": (228, 113), "clock_getres": (229, 114),
    "clock_nanosleep": (230, 115), "nanosleep": (35, 101), "alarm": (37, None), "getitimer": (36, 102),
    "setitimer": (38, 103), "times": (100, 153), "getrusage": (98, 165), "getrlimit": (97, 163), "uname": (63, 160),
    "sysinfo": (99, 179), "getrandom": (318, 278),
}  # fmt: skip

# to wait for the disk: what a submission may write lies in memory, but it may open the files of the environment, and on
# one of those each of these calls makes the disk itself empty its cache
GRANTED: Numbers = {
    "fsync": (74, 82), "fdatasync": (75, 83), "msync": (26, 227),
}  # fmt: skip

# attributes beside a file's content; file systems that have none are common, and every program that copies expects them
UNSUPPORTED: Numbers = {
    "setxattr": (188, 5), "lsetxattr": (189, 6), "fsetxattr": (190, 7), "removexattr": (197, 14),
    "lremovexattr": (198, 15), "fremovexattr": (199, 16),
}  # fmt: skip

# known, and answered like what is not known: callers then take an older way
ABSENT: Numbers = {
    # their arguments lie in memory, where a filter cannot look, or what they make is memory that no limit counts
    "clone3": (435, 435), "memfd_create": (319, 279), "memfd_secret": (447, 447),
    # can ask whether a name is in the kernel's memory already
    "openat2": (437, 437),
    # a lock on a file that all submissions see is a word from one to the other, and holds up whoever updates the
    # environment; filelock takes lock files of its own where there is no flock
    "flock": (73, 32),
    # RWF_NOWAIT asks whether a page is in memory; the others move pages instead of bytes
    "preadv2": (327, 286), "pwritev2": (328, 287), "sendfile": (40, 71), "copy_file_range": (326, 285),
    # NUMA and protection keys: not on every machine
    "get_mempolicy": (239, 236), "set_mempolicy": (238, 237), "mbind": (237, 235),
    "set_mempolicy_home_node": (450, 450), "pkey_alloc": (330, 289), "pkey_free": (331, 290),
    "pkey_mprotect": (329, 288),
}  # fmt: skip

# what no notebook needs, and what opened a sandbox before, is shared by all, or keeps memory that no limit counts
REFUSED: Numbers = {
    # namespaces, mounts, other roots
    "unshare": (272, 97), "setns": (308, 268), "mount": (165, 40), "umount2": (166, 39), "pivot_root": (155, 41),
    "chroot": (161, 51), "open_tree": (428, 428), "move_mount": (429, 429), "fsopen": (430, 430),
    "fsconfig": (431, 431), "fsmount": (432, 432), "fspick": (433, 433), "mount_setattr": (442, 442),
    "name_to_handle_at": (303, 264), "open_by_handle_at": (304, 265),
    # other processes, their memory and descriptors
    "ptrace": (101, 117), "process_vm_readv": (310, 270), "process_vm_writev": (311, 271),
    "process_madvise": (440, 440), "process_mrelease": (448, 448), "pidfd_getfd": (438, 438), "kcmp": (312, 272),
    # the page cache, which all submissions and the instructor share
    "mincore": (27, 232), "cachestat": (451, 451), "fadvise64": (221, 223), "readahead": (187, 213),
    "splice": (275, 76), "tee": (276, 77), "vmsplice": (278, 75), "sync_file_range": (277, 84),
    "remap_file_pages": (216, 234), "move_pages": (279, 239), "migrate_pages": (256, 238),
    # the disks of the whole machine
    "sync": (162, 81), "syncfs": (306, 267), "quotactl": (179, 60), "quotactl_fd": (443, 443), "swapon": (167, 224),
    "swapoff": (168, 225), "acct": (163, 89),
    # what the kernel counts for a user
    "timer_create": (222, 107), "timer_settime": (223, 110), "timer_gettime": (224, 108),
    "timer_getoverrun": (225, 109), "timer_delete": (226, 111), "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240), "mq_open": (240, 180), "mq_unlink": (241, 181), "mq_timedsend": (242, 182),
    "mq_timedreceive": (243, 183), "mq_notify": (244, 184), "mq_getsetattr": (245, 185), "add_key": (248, 217),
    "request_key": (249, 218), "keyctl": (250, 219), "inotify_init": (253, None), "inotify_init1": (294, 26),
    "inotify_add_watch": (254, 27), "inotify_rm_watch": (255, 28), "fanotify_init": (300, 262),
    "fanotify_mark": (301, 263),
    # memory that stays, or that no process has in its tables
    "mlock": (149, 228), "mlock2": (325, 284), "mlockall": (151, 230), "munlock": (150, 229), "munlockall": (152, 231),
    "shmget": (29, 194), "shmat": (30, 196), "shmctl": (31, 195), "shmdt": (67, 197), "msgget": (68, 186),
    "msgsnd": (69, 189), "msgrcv": (70, 188), "msgctl": (71, 187), "semget": (64, 190), "semop": (65, 193),
    "semtimedop": (220, 192), "semctl": (66, 191), "io_setup": (206, 0), "io_destroy": (207, 1), "io_submit": (209, 2),
    "io_cancel": (210, 3), "io_getevents": (208, 4), "io_pgetevents": (333, 292), "io_uring_setup": (425, 425),
    "io_uring_enter": (426, 426), "io_uring_register": (427, 427),
    # a submission stays on its worker's core, in the ordinary class
    "sched_setaffinity": (203, 122), "sched_setscheduler": (144, 119), "sched_setparam": (142, 118),
    "sched_setattr": (314, 274), "sched_getattr": (315, 275), "ioprio_set": (251, 30), "ioprio_get": (252, 31),
    # rights
    "setuid": (105, 146), "setgid": (106, 144), "setreuid": (113, 145), "setregid": (114, 143), "setresuid": (117, 147),
    "setresgid": (119, 149), "setfsuid": (122, 151), "setfsgid": (123, 152), "setgroups": (116, 159),
    "capset": (126, 91), "seccomp": (317, 277), "personality": (135, 92),
    # the machine itself
    "bpf": (321, 280), "perf_event_open": (298, 241), "userfaultfd": (323, 282), "kexec_load": (246, 104),
    "kexec_file_load": (320, 294), "init_module": (175, 105), "finit_module": (313, 273), "delete_module": (176, 106),
    "reboot": (169, 142), "syslog": (103, 116), "sethostname": (170, 161), "setdomainname": (171, 162),
    "settimeofday": (164, 170), "clock_settime": (227, 112), "clock_adjtime": (305, 266), "adjtimex": (159, 171),
    "iopl": (172, None), "ioperm": (173, None), "modify_ldt": (154, None), "set_thread_area": (205, None),
    "get_thread_area": (211, None), "vhangup": (153, 58), "uselib": (134, None), "ustat": (136, None),
    "sysfs": (139, None), "lookup_dcookie": (212, 18),
}  # fmt: skip

# allowed for some of their arguments
LOOKED_AT: Numbers = {
    "clone": (56, 220), "socket": (41, 198), "socketpair": (53, 199), "setsockopt": (54, 208), "fcntl": (72, 25),
    "ioctl": (16, 29), "mmap": (9, 222), "madvise": (28, 233), "prctl": (157, 167), "setrlimit": (160, 164),
    "prlimit64": (302, 261), "membarrier": (324, 283),
}  # fmt: skip
CALLS: Numbers = {**ALLOWED, **GRANTED, **UNSUPPORTED, **ABSENT, **REFUSED, **LOOKED_AT}

NAMESPACES = 0x7E020000  # every CLONE_NEW... that fits into clone's flags
MAP_SHARED, MAP_DROPPABLE, MAP_ANONYMOUS, MAP_HUGETLB = 0x1, 0x8, 0x20, 0x40000
RLIMIT_CORE = 4
FILE_COMMANDS = {
    ALLOW: (0, 1, 2, 3, 4, 5, 9, 36, 1025, 1030, 1032, 1034),  # F_DUPFD to F_GETLK, F_GETOWN, F_OFD_GETLK, F_GETLEASE,
    # F_DUPFD_CLOEXEC, F_GETPIPE_SZ, F_GET_SEALS; F_GETLK says "free" of every record, as it is
    GRANT: (6, 7, 37, 38),  # F_SETLK, F_SETLKW and their OFD kin: as many as one likes, in memory that no limit counts,
    # and sqlite3 writes to no file without them
    # refused: leases (whoever opens the file next, the grader too, waits for 45 seconds), F_NOTIFY, F_SETOWN, F_SETSIG,
    # F_SETPIPE_SZ (pages that the kernel counts for the instructor), seals, hints
}
ADVICE = {
    # NORMAL to SEQUENTIAL, DONTNEED, FREE, DONTFORK, DOFORK, HUGEPAGE, NOHUGEPAGE, DONTDUMP, DODUMP, WIPEONFORK and
    # KEEPONFORK: these touch the process's own tables and anonymous memory alone
    ALLOW: (0, 1, 2, 4, 8, 10, 11, 14, 15, 16, 17, 18, 19),
    GRANT: (3,),  # WILLNEED: advice that need not be followed
    # no such value: PAGEOUT and COLD (they take pages from all), POPULATE_READ and _WRITE (they ask for a whole file at
    # once, as no read does), COLLAPSE (of a file it makes huge pages that all others see), MERGEABLE (equal pages of
    # two submissions become one, which a clock can tell), REMOVE, HWPOISON, and what is still to come
}
PROCESS_OPTIONS = {
    # PDEATHSIG, GET_DUMPABLE, NAME, GET_SECCOMP, CAPBSET_READ, TIMERSLACK, CHILD_SUBREAPER, NO_NEW_PRIVS,
    # GET_TID_ADDRESS, GET_THP_DISABLE, SVE_GET_VL, GET_TAGGED_ADDR_CTRL, SME_GET_VL, GET_AUXV
    ALLOW: (1, 2, 3, 15, 16, 21, 23, 29, 30, 36, 37, 38, 39, 40, 42, 51, 56, 64, 0x41555856),
    REFUSE: (4, 22),  # SET_DUMPABLE hides a process's memory from the zygote; SET_SECCOMP
}
DEVICE_COMMANDS = {  # of terminals, pipes and sockets; none that types into a terminal or loads a line discipline
    ALLOW: (
        0x5401, 0x5402, 0x5403, 0x5404,  # TCGETS, TCSETS, TCSETSW, TCSETSF
        0x5409, 0x540A, 0x540B,  # TCSBRK, TCXONC, TCFLSH
        0x802C542A, 0x402C542B, 0x402C542C, 0x402C542D,  # TCGETS2, TCSETS2, TCSETSW2, TCSETSF2
        0x540E, 0x5422, 0x540F, 0x5410, 0x5429,  # TIOCSCTTY, TIOCNOTTY, TIOCGPGRP, TIOCSPGRP, TIOCGSID
        0x5411, 0x5413, 0x5414, 0x5425,  # TIOCOUTQ, TIOCGWINSZ, TIOCSWINSZ, TCSBRKP
        0x80045430, 0x40045431, 0x5441,  # TIOCGPTN, TIOCSPTLCK, TIOCGPTPEER
        0x541B, 0x5421, 0x5450, 0x5451,  # FIONREAD, FIONBIO, FIONCLEX, FIOCLEX
    ),
}  # fmt: skip
SOL_SOCKET = 1
SOCKET_OPTIONS = {
    # REUSEADDR, BROADCAST, KEEPALIVE, LINGER, REUSEPORT, PASSCRED, RCVLOWAT, RCVTIMEO and SNDTIMEO, old and new
    ALLOW: (2, 6, 9, 13, 15, 16, 18, 20, 21, 66, 67),
    # refused: the sizes of buffers, which are memory that no limit counts, and filters
}
BARRIERS = {ALLOW: (0, 8, 16, 32, 64)}  # QUERY, PRIVATE_EXPEDITED and its kin; the global one makes all cores wait

# -------------------------------------------------------------------------------------------------------------- program

LOAD, JUMP, EQUAL, AT_LEAST, ANY_BIT, ANSWER = 0x20, 0x05, 0x15, 0x35, 0x45, 0x06
NUMBER_AT, ARCH_AT, ARGUMENTS_AT, WORD = 0, 4, 16, 4  # in struct seccomp_data; both processors are little-endian
LONGEST_JUMP = 255


def answer(verdict: int) -> Block:
    """An answer, whatever was loaded."""
    return [(ANSWER, 0, 0, verdict)]


def load(place: int, half: int = 0) -> Line:
    """Loads half an argument; the lower one, in all of those that the kernel takes as an int."""
    return (LOAD, 0, 0, ARGUMENTS_AT + WORD * (2 * place + half))


def choose(test: int, value: int, yes: Block, no: Block) -> Block:
    """One block or the other, by a test of what was loaded."""
    if len(yes) <= LONGEST_JUMP:
        return [(test, 0, len(yes), value), *yes, *no]
    return [(test, 1, 0, value), (JUMP, 0, 0, len(yes)), *yes, *no]


def by_value(place: int, verdicts: Mapping[int, Iterable[int]], otherwise: int) -> Block:
    """The verdict on an argument's value."""
    block = answer(otherwise)
    for verdict, values in verdicts.items():
        for value in values:
            block = choose(EQUAL, value, answer(verdict), block)
    return [load(place), *block]


def rules() -> dict[str, Block]:
    """What is done about each call that is allowed for some of its arguments."""
    local = by_value(0, {ALLOW: (socket.AF_UNIX,)}, REFUSE)
    # anonymous memory that is shared stays when no process has it in its tables, and so it is counted nowhere; the
    # machine's huge pages are few, and counted nowhere either
    unshared = choose(ANY_BIT, MAP_ANONYMOUS, choose(ANY_BIT, MAP_SHARED, answer(REFUSE), answer(ALLOW)), answer(ALLOW))
    # a soft limit of 0 has the kernel hand a core dump to a program, where one is set up; 1 has it drop the dump
    either_half = choose(EQUAL, 0, [load(2, 1), *choose(EQUAL, 0, answer(ALLOW), answer(REFUSE))], answer(REFUSE))
    return {
        "clone": [load(0), *choose(ANY_BIT, NAMESPACES, answer(REFUSE), answer(ALLOW))],
        "socket": local,
        "socketpair": local,
        "setsockopt": [load(1), *choose(EQUAL, SOL_SOCKET, by_value(2, SOCKET_OPTIONS, REFUSE), answer(REFUSE))],
        "fcntl": by_value(1, FILE_COMMANDS, REFUSE),
        "ioctl": by_value(1, DEVICE_COMMANDS, NO_TERMINAL),
        "mmap": [load(3), *choose(ANY_BIT, MAP_HUGETLB | MAP_DROPPABLE, answer(REFUSE), unshared)],
        "madvise": by_value(2, ADVICE, NO_SUCH_VALUE),
        "prctl": by_value(0, PROCESS_OPTIONS, NO_SUCH_VALUE),
        "setrlimit": by_value(0, {REFUSE: (RLIMIT_CORE,)}, ALLOW),
        "prlimit64": [load(1), *choose(EQUAL, RLIMIT_CORE, [load(2), *either_half], answer(ALLOW))],
        "membarrier": by_value(0, BARRIERS, NO_SUCH_VALUE),
    }


def blocks(machine: int) -> dict[int, Block]:
    """What is done about each call's number; NO_SUCH_CALL about all others."""
    tables = {ALLOW: ALLOWED, GRANT: GRANTED, NOT_HERE: UNSUPPORTED, NO_SUCH_CALL: ABSENT, REFUSE: REFUSED}
    found = {numbers[machine]: answer(verdict) for verdict, table in tables.items() for numbers in table.values()}
    found |= {LOOKED_AT[name][machine]: block for name, block in rules().items()}
    return {number: block for number, block in found.items() if number is not None}


def search(spans: list[tuple[int, Block]]) -> Block:
    """Finds the block of the loaded number by halves. spans: (first number, block) in order, each up to the next."""
    if len(spans) == 1:
        return spans[0][1]
    middle = len(spans) // 2
    return choose(AT_LEAST, spans[middle][0], search(spans[middle:]), search(spans[:middle]))


def seccomp_program(machine: int) -> list[Line]:
    """The filter as classic BPF: (code, jump if true, jump if false, k) each."""
    known = blocks(machine)
    spans: list[tuple[int, Block]] = []
    for number in range(max(known) + 2):
        block = known.get(number, answer(NO_SUCH_CALL))
        if not spans or block != spans[-1][1]:
            spans.append((number, block))
    if machine == X86_64:
        spans.append((X32, answer(REFUSE)))
    calls = [(LOAD, 0, 0, NUMBER_AT), *search(spans)]
    return [(LOAD, 0, 0, ARCH_AT), (EQUAL, 1, 0, AUDIT_ARCH[machine]), *answer(REFUSE), *calls]


class Instruction(ctypes.Structure):
    """A line as the kernel reads it."""

    _fields_ = [("code", ctypes.c_ushort), ("jt", ctypes.c_ubyte), ("jf", ctypes.c_ubyte), ("k", ctypes.c_uint)]


class Program(ctypes.Structure):
    """All lines as the kernel reads them."""

    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.POINTER(Instruction))]


@functools.cache  # made once, before the first fork
def kernel_program(machine: int) -> Program:
    """The filter as the kernel reads it."""
    lines = seccomp_program(machine)
    return Program(len(lines), (Instruction * len(lines))(*(Instruction(*line) for line in lines)))


def number_of(name: str, machine: int) -> int:
    """A call's number on a processor; KeyError where it has none."""
    number = CALLS[name][machine]
    if number is None:
        raise KeyError(f"{name} is no system call of {list(MACHINES)[machine]}")
    return number
