"""The Unix users that a machine of the site has to have before something is started there."""

from __future__ import annotations

import os
import pwd
import subprocess
from collections.abc import Callable, Iterator

from sagews.configuration import Configuration
from sagews.configuration.site import COMPONENTS
from sagews.errors import SetupError


def users(configuration: Configuration, host: str) -> Iterator[str]:
    """The Unix users of the components on a machine, each once."""
    found = (getattr(configuration, name) for name in COMPONENTS)
    yield from dict.fromkeys(part.user for part in found if host in part.hosts and part.user)


def make_users(configuration: Configuration, say: Callable[[str], None]) -> None:
    """Make the Unix users of this machine's components where root is asked to; repeatable.

    All machines make all of them: a certificate is handed out with the name of its owner.

    :raises SetupError: one cannot be made.
    """
    if os.geteuid() != 0:
        return
    for name in dict.fromkeys(name for host in configuration.hosts for name in users(configuration, host)):
        try:
            pwd.getpwnam(name)
        except KeyError:
            command = ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"]
            command += ["--shell", "/usr/sbin/nologin", name]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode != 0:
                raise SetupError(
                    f"The Unix user {name} cannot be made: {done.stderr.strip()}.",
                    mend="Make it by hand (useradd --system), or name another in the configuration.",
                ) from None
            say(f"made the Unix user {name}")
