"""The inside of the sandbox: a warm process that forks a child per submission and outlives whatever the child does.

Started by `sandbox.py` as `python zygote/__main__.py CONTROL_FD CONFIG`, in bubblewrap, where this folder stands alone,
or plainly; of the course it imports nothing but the `serve` function that it is told. Notable choices:

- one warm process serves all workers of a machine: for each it forks a zygote, which shares its memory and obeys that
  worker alone;
- a child is made by one raw `clone(2)`, as pid 1 of its own pid namespace: one fork of a large process, and a kill that
  no descendant survives;
- the child gives up every right before the first line of a submission runs, and dies if one step of that fails;
- a child that will hold answers is blind: before it gives up its rights, all files but its own go out of its sight;
- /proc is needed to write the uid map and covered after it: parent and siblings have no name in the child's world;
- the warm heap is folded into huge pages, which makes a fork 5 times cheaper (8 -> 1.5 ms) and a kill 3 times, and its
  holes are filled, so that a child copies a third fewer pages;
- address space is limited per process by the kernel, memory of the whole tree by the zygote, which looks every tenth
  of a second.

start          from the command line to the first order
warmth         what is done once for all children
forking        makes, watches and ends children
confinement    what a child goes through before it serves
system_calls   which system calls it may make
processes      what /proc tells of processes
kernel         the kernel's words and calls
"""
