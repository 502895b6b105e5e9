"""Sets up logging of a program: called once by its `main`."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from typing import IO, Literal

from sagews.certificates import Role, client_context, identity_of
from sagews.configuration import Configuration
from sagews.configuration.run_files import read_status
from sagews.errors import Unavailable
from sagews.remotelog.connection import LogConnection
from sagews.remotelog.handler import RemoteHandler
from sagews.remotelog.lines import HumanFormatter, JsonFormatter
from sagews.remotelog.repeats import Repeats
from sagews.remotelog.shipper import Origin, Shipper
from sagews.remotelog.spool import Spool

log = logging.getLogger(__name__)

SPOOL_FOLDER = "log-spool"
CLOSE_SECONDS = 1.0
MIB = 1024 * 1024

Style = Literal["auto", "human", "json"]
Level = Literal["debug", "info", "warning", "error"]


def configure(level: Level, style: Style, stream: IO[str] | None = None, *, at_once: int = 0) -> None:
    """Let this process log to a stream. Called once by `main`, and again by tests.

    :param style: ``auto`` is ``human`` where the stream is a terminal, else ``json``.
    :param stream: default: standard error.
    :param at_once: records of one event that may come at once, see `Repeats`; 0 = any number.
    """
    stream = stream or sys.stderr
    human = style == "human" or (style == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(HumanFormatter() if human else JsonFormatter())
    root = logging.getLogger()
    for old in [old for old in root.handlers if getattr(old, "is_of_sagews", False)]:
        root.removeHandler(old)
    _add(handler, at_once)
    set_level(level)


def set_level(level: Level) -> None:
    """Let this process log events of this level and above, from now on."""
    logging.getLogger().setLevel(level.upper())


def start(configuration: Configuration, component: str, number: int) -> RemoteLog:
    """Let this process log as its configuration says: to standard error and, in a site, to the log server.

    Records are kept from now on; they are shipped after `RemoteLog.ship`, for which the certificate is read.
    A spool that cannot be made is told on standard error, and the program goes on without it.

    :param component: the role of its certificate: ``backend``, ``worker``.
    """
    at_once = configuration.log.maximum_repeats
    configure(configuration.log.level, configuration.log.format, at_once=at_once)
    if configuration.is_solo:
        return RemoteLog()
    folder = configuration.state_folder(component, number) / SPOOL_FOLDER
    try:
        spool = Spool(folder, configuration.logserver.spool_megabytes * MIB)
    except OSError as error:
        fields = {"action": "log_spool_missing", "folder": str(folder), "error": str(error)}
        log.error("No log spool can be made; records go to standard error only", extra=fields)
        return RemoteLog()
    handler = RemoteHandler(spool)
    _add(handler, at_once)
    role = Role(component)

    def connect() -> LogConnection:
        return log_server(configuration, role)

    return RemoteLog(spool, handler, Shipper(spool, handler, connect, Origin(number, configuration.host)))


@dataclass(frozen=True)
class RemoteLog:
    """The way of this process's records to the log server; without parts where there is none."""

    spool: Spool | None = None
    handler: RemoteHandler | None = None
    shipper: Shipper | None = None

    def ship(self) -> None:
        """Begin to ship; called once."""
        if self.shipper:
            self.shipper.start()

    def close(self) -> None:
        """Ship what is there for a second or two at most, leave the rest to the next process."""
        if self.handler and self.shipper and self.spool:
            logging.getLogger().removeHandler(self.handler)
            self.handler.close()
            self.spool.end()
            self.shipper.stop(CLOSE_SECONDS)
            self.spool.close()


def log_server(configuration: Configuration, role: Role) -> LogConnection:
    """Connect to the site's log server, where it is now and with the certificates of now.

    :raises OSError: it cannot be reached, or the certificates do not fit.
    :raises SagewsError: it is not running, it refuses us, or a certificate is missing.
    """
    name = configuration.logserver.hosts[0]
    address = configuration.hosts[name].address
    port = configuration.logserver.port or read_status(configuration.status_file("logserver", 0)).get("port")
    if not port:
        raise Unavailable("The log server has not started here yet.")
    return LogConnection(address, port, client_context(identity_of(configuration, role)))


def _add(handler: logging.Handler, at_once: int) -> None:
    handler.is_of_sagews = True  # type: ignore[attr-defined]
    if at_once:
        handler.addFilter(Repeats(at_once))
    logging.getLogger().addHandler(handler)
