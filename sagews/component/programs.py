"""Programs of others that a site runs: where they are, and what to do where they are not."""

from __future__ import annotations

import os
import pwd
import shutil
import subprocess
from collections.abc import Sequence
from typing import Any

from sagews.component.component import PATH
from sagews.errors import SetupError

CHECK_SECONDS = 30.0
LINES = 5


def find_program(name: str, *, package: str) -> str:
    """The path of a program; also where ``sbin`` is not on the user's PATH.

    :param package: the Debian package that has it.
    :raises SetupError: it is not installed.
    """
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:{PATH}")
    if found is None:
        raise SetupError(f"The program {name} is not installed.", mend=f"Install it: sudo apt install {package}.")
    return found


def accept(command: Sequence[str], what: str, *, user: str = "") -> None:
    """Let a server's own program check a file that was written for it, as the user that it will run as.

    :param what: what is checked, for people: ``configuration of loadbalancer:0``.
    :param user: whose rights it is checked with where root asks; empty: ours.
    :raises SetupError: it is refused; the message has what the program says.
    """
    try:
        checked = subprocess.run(
            command, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False, **_rights(user)
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise SetupError(f"The {what} cannot be checked: {error}.") from error
    if checked.returncode != 0:
        said = " | ".join((checked.stderr or checked.stdout).strip().splitlines()[-LINES:])
        raise SetupError(f"The {what} is refused by {command[0]}: {said}.", mend="Correct the setting that it names.")


def _rights(user: str) -> dict[str, Any]:
    if not user or os.geteuid() != 0:
        return {}
    try:
        account = pwd.getpwnam(user)
    except KeyError as error:
        raise SetupError(f"There is no Unix user {user}.", mend="`sagews init` makes the users of a site.") from error
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
