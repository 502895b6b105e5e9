"""Settings of the site as a whole: `Configuration`, the root, and its small sections.

A `Configuration` that exists is right: every value has passed its check.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal

from sagews.configuration.backend import Backend
from sagews.configuration.declare import section, setting
from sagews.configuration.worker import Worker


@dataclass(frozen=True, kw_only=True)
class Site:
    """The site as a whole."""

    name: str = setting(
        "Sage Workspaces", "Name of the site, shown on its pages.", matches=r".{1,80}", allowed="1 to 80 characters"
    )
    profile: Literal["solo"] = setting("solo", "`solo`: one person on one machine, no root, no other server.")


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where accounts, workspaces and edits are kept."""

    url: str = setting(
        "",
        "SQLAlchemy address of the database; empty = the SQLite file `sagews.sqlite` in the data folder.",
        matches=r"(sqlite\+aiosqlite:///.+|postgresql\+asyncpg://.+)?",
        allowed="`sqlite+aiosqlite:///PATH`, `postgresql+asyncpg://USER@HOST/NAME`, or empty",
    )


@dataclass(frozen=True, kw_only=True)
class Log:
    """What the programs of the site say about what they do."""

    level: Literal["debug", "info", "warning", "error"] = setting("info", "The least important events that are logged.")
    format: Literal["auto", "human", "json"] = setting(
        "auto", "`human`: a line for people; `json`: one JSON object a line; `auto`: human on a terminal, else JSON."
    )


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """All settings of a site, checked and frozen."""

    data_folder: Path = setting(
        Path("data"),
        "Folder of everything that the site keeps. A path that does not begin with `/` starts from the "
        "configuration file's folder; without a file, from the current folder.",
    )
    site: Site = section(Site)
    backend: Backend = section(Backend)
    worker: Worker = section(Worker)
    database: Database = section(Database)
    log: Log = section(Log)

    @property
    def run_folder(self) -> Path:
        """Sockets, locks and what running components say about themselves; worth nothing when all are stopped."""
        return self.data_folder / "run"

    @property
    def certificate_folder(self) -> Path:
        """Keys and certificates, see `sagews.certificates`."""
        return self.data_folder / "certificates"

    @property
    def worker_socket(self) -> Path:
        """The Unix socket of the worker."""
        return Path(self.worker.unix_socket) if self.worker.unix_socket else self.run_folder / "worker.sock"

    @property
    def database_url(self) -> str:
        """The SQLAlchemy address of the database in use."""
        return self.database.url or f"sqlite+aiosqlite:///{self.data_folder / 'sagews.sqlite'}"


def contradictions(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """What is wrong although each setting by itself is right: (name of a setting, what is wrong; what is allowed)."""
    worker, session = configuration.worker, configuration.worker.session
    if not is_loopback(configuration.backend.address):
        yield "backend.address", "is no loopback address; allowed in the solo profile: 127.0.0.1, ::1 or localhost"
    if worker.dead_after_seconds <= worker.ping_seconds:
        yield "worker.dead_after_seconds", f"is too short; allowed: more than ping_seconds ({worker.ping_seconds:g})"
    if worker.lease_seconds <= worker.dead_after_seconds:
        yield (
            "worker.lease_seconds",
            (f"is too short; allowed: more than dead_after_seconds ({worker.dead_after_seconds:g})"),
        )
    if session.output_shown_kilobytes > session.output_megabytes * 1024:
        yield (
            "worker.session.output_shown_kilobytes",
            (f"is more than is kept; allowed: at most {session.output_megabytes * 1024} (output_megabytes)"),
        )
    if not any(environment.enabled for environment in worker.environments.values()):
        yield "worker.environments", "are all off; allowed: at least one with enabled = true"


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
