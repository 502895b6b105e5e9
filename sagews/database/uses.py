"""Uses of the database: who connects for what, with which role, certificate and password.

Invariant: the password of a use is in one file that only its user may read, ``certificates/database-USE.password``.
"""

from __future__ import annotations

import secrets
from enum import StrEnum
from pathlib import Path

from sagews.certificates import Role
from sagews.certificates.folder import replace_file
from sagews.configuration import Configuration
from sagews.errors import SetupError

NAME = "sagews"
"""The site's database in a PostgreSQL of its own."""
PASSWORD_BYTES = 32


class Use(StrEnum):
    """What somebody connects to the database for."""

    ADMIN = "admin"
    """Owns the tables: migrations, and the verbs of `sagews`."""
    BACKEND = "backend"
    """Reads and writes what people have; reads the log, for the operator's page."""
    LOGSERVER = "logserver"
    """Writes, reads and deletes log records; knows nothing of people."""
    STATUS = "status"
    """Asks whether the database answers; reads no row that is anybody's."""

    @property
    def role(self) -> str:
        """Its role in a PostgreSQL of the site's own."""
        return f"sagews_{self.value}"

    @property
    def certificate(self) -> Role:
        """Whose certificate it shows."""
        return {Use.BACKEND: Role.BACKEND, Use.LOGSERVER: Role.LOGSERVER}.get(self, Role.ADMIN)


def password_file(configuration: Configuration, use: Use) -> Path:
    """Where the password of a use is."""
    return configuration.certificate_folder / f"database-{use}.password"


def password_of(configuration: Configuration, use: Use) -> str:
    """The password of a use.

    :raises SetupError: there is none here, or it is somebody else's.
    """
    path = password_file(configuration, use)
    try:
        return path.read_text().strip()
    except OSError as error:
        raise SetupError(
            f"The database's password {path} cannot be read: {error.strerror}.",
            mend="`sagews start postgresql` makes it; on another machine `sagews certs` puts it there.",
        ) from error


def make_passwords(configuration: Configuration) -> None:
    """Make the passwords that are missing, each in a file of the Unix user that needs it; those that exist stay.

    :raises SetupError: a file cannot be written.
    """
    for use in Use:
        path = password_file(configuration, use)
        try:
            if path.exists() and path.read_text().strip():
                continue
            replace_file(path, secrets.token_urlsafe(PASSWORD_BYTES).encode(), user=_user(configuration, use))
        except OSError as error:
            raise SetupError(
                f"The database's password {path} cannot be written: {error.strerror}.",
                mend="Give your user the right to read and write there.",
            ) from error


def _user(configuration: Configuration, use: Use) -> str:
    return {Use.BACKEND: configuration.backend.user, Use.LOGSERVER: configuration.logserver.user}.get(use, "")
