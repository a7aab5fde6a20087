"""Why there is no sandbox: one sentence that says what is missing, and how to get it.

Stops grading, where a wall is missing. Stops no submission.
"""

from __future__ import annotations

HOW_TO_INSTALL = (
    "install it with `sudo apt install bubblewrap` (Debian, Ubuntu) or `sudo dnf install bubblewrap` (Fedora), "
    "or grade without protection with --sandbox none"
)


class SandboxUnavailable(RuntimeError):
    """One sentence: what is missing, and how to get it."""


def explained(reason: str) -> str:
    """One sentence of why, and what to do about it."""
    if "Permission denied" in reason and ("/course" in reason or "execvp" in reason):
        return (
            f"the sandbox cannot read the course or its environment ({reason}); "
            "as root, submissions run as nobody: make both readable with `chmod -R a+rX`"
        )
    refusals = ("Permission denied", "Operation not permitted", "No permissions", "clone:", "uid map")
    if any(words in reason for words in refusals):
        return (
            f"bubblewrap is installed, but this machine does not let it make its namespaces ({reason}): allow "
            "unprivileged user namespaces (on Ubuntu `sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0`, "
            "in Docker `--security-opt seccomp=unconfined`), or grade without protection with --sandbox none"
        )
    return f"the sandbox did not start: {reason}"
