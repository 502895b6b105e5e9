"""Names that people give: short enough for an index, and not blank."""

from __future__ import annotations

from sagews.errors import UsageError

LONGEST = 200
"""Characters. (PostgreSQL indexes values of up to 2,700 bytes.)"""


def checked(name: str, what: str) -> str:
    """The name without spaces around it.

    :param what: what it names, for the error: ``"a workspace's name"``.
    :raises UsageError: nothing is left, or more than ``LONGEST`` characters.
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST:
        raise UsageError(f"{what[:1].upper()}{what[1:]} has 1 to {LONGEST} characters.", mend="Choose another one.")
    return name
