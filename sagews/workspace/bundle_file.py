"""The head of a git bundle: what it needs, what it has, and where its pack begins (gitformat-bundle(5)).

Pure. Invariant: what is not exactly a bundle of one branch and at most one prerequisite, as we make them, is refused.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import IO

from sagews.errors import Damaged

SIGNATURE = b"# v2 git bundle\n"
LONGEST_LINE = 4096
LINES = 4
"""One prerequisite, one branch, the empty one, and one to spare."""

_PREREQUISITE = re.compile(rb"-([0-9a-f]{40})( .*)?\n")
_REFERENCE = re.compile(rb"([0-9a-f]{40}) refs/heads/main\n")


@dataclass(frozen=True)
class BundleHead:
    """What a bundle says of itself."""

    basis: str
    """The commit that whoever takes it must have; "" = none."""
    head: str
    """The commit that its branch ends with."""


def read_head(file: IO[bytes]) -> BundleHead:
    """Read it; the file is then where the pack begins.

    :raises Damaged: it is no bundle of ours.
    """
    if file.readline(LONGEST_LINE) != SIGNATURE:
        raise Damaged("This is no git bundle of version 2.")
    basis = head = ""
    for _ in range(LINES):
        line = file.readline(LONGEST_LINE)
        if line == b"\n" and head:
            return BundleHead(basis, head)
        prerequisite, reference = _PREREQUISITE.fullmatch(line), _REFERENCE.fullmatch(line)
        if prerequisite and not basis and not head:
            basis = prerequisite[1].decode()
        elif reference and not head:
            head = reference[1].decode()
        else:
            break
    raise Damaged("The bundle has other branches or prerequisites than one of ours.")
