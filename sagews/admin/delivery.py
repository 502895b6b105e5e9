"""Delivery: what another machine of the site is given before anything is started there.

Invariants: the configuration that it gets says which machine it is; of keys and secrets it gets those that its own
components use, in one message over SSH, and never the authority's key.
"""

from __future__ import annotations

import json
import os
import pwd
import re
import shlex
import tomllib
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from sagews import __version__
from sagews.admin.command import CONFIGURATION_NAME
from sagews.admin.machines import make_users
from sagews.certificates import files_of
from sagews.certificates.folder import PRIVATE_FOLDER, CertificateFolder, replace_file
from sagews.configuration import Configuration
from sagews.configuration.lines import lines_of_keys
from sagews.errors import SagewsError, SetupError, UsageError
from sagews.hosts import Machine, Result, machine

Say = Callable[[str], None]
OPEN_FOLDER = 0o755
OWN_KINDS = ("*.pem", "worker-token.*", "database-*.password")
"""Files of a certificate folder that come by delivery."""
IS_MAIN = 99
"""By which our own shell command says that it found an authority's key."""
NO_CONFIGURATION = re.compile(r"The configuration file .* cannot be read: No such file")
NOT_FOUND = (126, 127)
"""Exit statuses of a shell that cannot run a program (POSIX, Shell Command Language, 2.8.2)."""


@dataclass(frozen=True)
class DeliveredFile:
    """One file of the certificate folder."""

    name: str
    content: str
    mode: int
    user: str
    """Whose it is; empty = whoever runs the site there."""


def file_there(configuration: Configuration, host: str) -> Path:
    """The configuration file on another machine."""
    return Path(configuration.hosts[host].data_folder or configuration.data_folder.absolute()) / CONFIGURATION_NAME


def deliver(configuration: Configuration, file: Path, host: str, say: Say) -> None:
    """Bring the configuration, and the certificates that are its own, to another machine; repeatable.

    :raises SagewsError: it does not answer, has no sagews or another one, or they cannot be written there.
    """
    there = machine(configuration, host)
    target = file_there(configuration, host)
    authority = CertificateFolder(path=target.parent / "certificates").authority_key
    unless = f'[ ! -e {shlex.quote(str(authority))} ] || exit {IS_MAIN}; exec "$@"'
    require_same_version(there, there.run(["sh", "-c", unless, "sh", *there.sagews("--version", file=target)]))
    there.write(target, for_machine(file.read_bytes().decode("utf-8-sig"), host).encode(), mode=0o644)
    files = json.dumps([asdict(_delivered(path)) for path in files_of(configuration, host)])
    done = there.run(there.sagews("prepare", file=target), given=files.encode())
    if done.status != 0:
        raise failed_there(there, done)
    say(f"{host} has the configuration and its certificates")


def receive(configuration: Configuration, text: str, say: Say) -> None:
    """Take what `deliver` sends to this machine; what is no longer its own is removed.

    :param text: JSON; empty = nothing comes, only the users are made.
    :raises SagewsError: a user cannot be made, or a file not be written.
    """
    make_users(configuration, say)
    if not text:
        return
    files = [DeliveredFile(**one) for one in json.loads(text)]
    folder = configuration.certificate_folder
    if configuration.hosts[configuration.host].ssh == "" or any(Path(one.name).name != one.name for one in files):
        raise UsageError("Certificates come to other machines of the site only.", mend="`sagews start` brings them.")
    folder.mkdir(mode=PRIVATE_FOLDER, parents=True, exist_ok=True)
    if os.geteuid() == 0:
        folder.chmod(OPEN_FOLDER)  # each user finds its own files, which are closed to the others
    for one in files:
        if not _is_there(folder / one.name, one):
            replace_file(folder / one.name, one.content.encode("ascii"), one.mode, user=one.user)
    names = {one.name for one in files}
    for path in (path for kind in OWN_KINDS for path in folder.glob(kind)):
        if path.name not in names:
            path.unlink()


def for_machine(text: str, host: str) -> str:
    """A configuration file as another machine gets it: it says which machine it is, and that its folder is the site's.

    :param text: a right configuration.
    :raises SetupError: the settings `host` and `data_folder` are written in a way that cannot be changed.
    """
    values = {"host": f'host = "{host}"', "data_folder": 'data_folder = "."'}
    lines, places = text.splitlines(), lines_of_keys(text)
    for name, line in values.items():
        if (name,) in places:
            lines[places[name,] - 1] = line
    lines[:0] = [line for name, line in values.items() if (name,) not in places]
    changed = "\n".join([*lines, ""])
    try:
        as_wanted = tomllib.loads(changed) == tomllib.loads(text) | {"host": host, "data_folder": "."}
    except tomllib.TOMLDecodeError:
        as_wanted = False
    if not as_wanted:
        raise SetupError(
            "The configuration cannot be made ready for another machine.",
            mend='Write `data_folder = "..."` (and `host`, if it is there) on one line each.',
        )
    return changed


def require_same_version(there: Machine, told: Result) -> None:
    """
    :param told: what ``sagews --version`` did there.
    :raises SetupError: there is no sagews, or another one, or it is the main machine of a site.
    """
    if told.status == IS_MAIN:
        raise SetupError(
            f"The folder of the site on {there.name} is that of a main machine: it has an authority's key.",
            mend=f"Choose another `data_folder` in [hosts.{there.name}], or correct its `ssh`.",
        )
    if told.status != 0:
        raise failed_there(there, told)
    version = told.output.strip().removeprefix("sagews ")
    if version != __version__:
        raise SetupError(
            f"{there.name} has sagews {version[:40]} in {there.program}, this machine has {__version__}.",
            mend="Bring both to the same version, and try again.",
        )


def was_never_started(done: Result) -> bool:
    """Whether `sagews` failed on another machine because nothing has been brought there yet."""
    return done.status != 0 and bool(NO_CONFIGURATION.search(done.errors))


def failed_there(there: Machine, done: Result) -> SagewsError:
    """Why `sagews` failed there, for the operator here."""
    if done.status in NOT_FOUND or "No module named sagews" in done.errors or "can't cd to" in done.errors:
        return SetupError(
            f"There is no sagews on {there.name} in {there.program}: {done.complaint}.",
            mend=f"Install it there in that folder, or name another as `program` in [hosts.{there.name}].",
        )
    if was_never_started(done):
        return SetupError(f"{there.name} has no configuration of the site yet.", mend="`sagews start` brings it.")
    said = done.errors.strip().removeprefix("sagews: ")
    return SetupError(f"{there.name}: {said or 'it says nothing'}", mend=f"(Said by sagews on {there.name}.)")


def _delivered(path: Path) -> DeliveredFile:
    status = path.stat()
    user = pwd.getpwuid(status.st_uid).pw_name if status.st_uid != os.geteuid() else ""
    return DeliveredFile(path.name, path.read_text("ascii"), status.st_mode & 0o777, user)


def _is_there(path: Path, wanted: DeliveredFile) -> bool:
    try:
        status = path.stat()
        owner = pwd.getpwuid(status.st_uid).pw_name if wanted.user and os.geteuid() == 0 else wanted.user
        return path.read_text("ascii") == wanted.content and (status.st_mode & 0o777, owner) == (
            wanted.mode,
            wanted.user,
        )
    except (OSError, ValueError, KeyError):
        return False
