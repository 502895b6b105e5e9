"""Names that a file may be given through the API. What a program has written has the name that it has, and is listed,
read, renamed and deleted by it.

Sources: path_resolution(7); git's own rules of what stands for `.git` (git-fsck(1), `hasDotgit`); the names of Windows'
file systems are welcome here, since the workspace is on Linux.
"""

from __future__ import annotations

import re

from sagews.errors import UsageError
from sagews.worker.files import steps_of

GITS_OWN = re.compile(r"^(\.git|git~\d+)[ .]*(:.*)?$", re.IGNORECASE)
"""Also as file systems that ignore case, trailing dots and spaces, or keep short names and streams, know it."""
IGNORED = dict.fromkeys([*range(0x200C, 0x2010), *range(0x202A, 0x202F), *range(0x206A, 0x2070), 0xFEFF])
"""Characters that some file systems leave out of names."""
UNSEEN = re.compile(r"[\x00-\x1f\x7f\x85\u2028\u2029]")


def check_new(path: str) -> None:
    """Look whether a file may be put at this path.

    :raises UsageError: where it leads out of the workspace, cannot be seen in a list, or is git's own.
    """
    for step in steps_of(path):
        if UNSEEN.search(step):
            raise UsageError(
                f"The name {step[:80]!r} has a line break or another control character in it.",
                mend="Choose a name without it.",
            )
        if GITS_OWN.match(step.translate(IGNORED)):
            raise UsageError(
                f"The name {step[:80]!r} is kept for git, which would take what is in it for its own.",
                mend="Choose another name, or use git in a session.",
            )
