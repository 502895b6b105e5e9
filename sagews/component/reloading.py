"""Reloading: what a running program of ours takes when it gets SIGHUP: new certificates, and `log.level`.

All other settings it takes when it starts. Invariant: what is connected stays connected, and what is wrong with a file
is logged and changes nothing.
"""

from __future__ import annotations

import logging
import os
import ssl
from pathlib import Path

from sagews import remotelog
from sagews.certificates import Role, identity_of, renew
from sagews.configuration import Configuration, load
from sagews.errors import SagewsError

log = logging.getLogger(__name__)

NAMES = ("log.format", "log.maximum_repeats")
"""What programs of ours read of the section `log` only when they start."""


class Reloading:
    """Of one program, which has its settings from a file."""

    def __init__(self, configuration: Configuration, file: Path | None, role: Role) -> None:
        """
        :param configuration: what the program was started with.
        :param file: from which it is; None = it is all defaults.
        """
        self._configuration = configuration
        self._file = file
        self._role = role

    def take(self, context: ssl.SSLContext) -> None:
        """Take what is in the files now.

        :param context: by which it listens: new connections are shown the new certificate.
        """
        try:
            renew(context, identity_of(self._configuration, self._role))
        except SagewsError as error:
            log.error("Certificates not renewed", extra={"action": "certificates_not_renewed", "what": error.what})
        else:
            log.info("Certificates renewed", extra={"action": "certificates_renewed"})
        try:
            level = load(self._file, os.environ).log.level
        except SagewsError as error:
            log.error("Log level not read", extra={"action": "log_level_not_read", "what": error.what})
        else:
            remotelog.set_level(level)
            log.info("Log level read", extra={"action": "log_level_read", "least": level})
