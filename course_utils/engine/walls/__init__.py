"""The sandbox and what it is made of.

sandbox        starts bubblewrap, hands out children, and tries its walls before the first submission
zygote         the inside: a warm process that forks a child per submission, shut in or blind
system_calls   which system calls a submission may make
shown_paths    which files it sees, and what is covered
proofs         what the self-test runs inside
"""
