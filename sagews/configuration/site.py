"""Settings of the site as a whole: `Configuration`, the root, and its small sections.

A `Configuration` that exists is right: every value has passed its check.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from typing import Literal, NamedTuple

from sagews.configuration.backend import Backend
from sagews.configuration.components import HOST_NAME, LoadBalancer, LogServer, Memcached, PostgreSQL, StaticServer
from sagews.configuration.declare import named, section, setting
from sagews.configuration.hosts import HERE, HOSTS, Host
from sagews.configuration.people import Accounts, Mail
from sagews.configuration.worker import Worker

COMPONENTS = ("postgresql", "memcached", "logserver", "worker", "backend", "staticserver", "loadbalancer")
"""The names of the components of a site; each has a section with `hosts`, `port` and `user`."""


CONNECTIONS_OF_A_BACKEND = 21
"""To the database, at most: its pool in a rush, and one that listens for notices."""
CONNECTIONS_OF_OTHERS = 20
"""Log server, `sagews`, and what PostgreSQL keeps for its superuser."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """The site as a whole."""

    name: str = setting(
        "Sage Workspaces", "Name of the site, shown on its pages.", matches=r".{1,80}", allowed="1 to 80 characters"
    )
    profile: Literal["solo", "site"] = setting(
        "solo",
        "`solo`: one person on one machine, no root, no other server; `site`: all components, on one or many machines.",
    )
    names: tuple[str, ...] = setting(
        ("localhost", "127.0.0.1"),
        "Names and addresses under which browsers reach the site, the best first; of the whole site, without ports.",
        matches=r"[0-9A-Za-z.:-]{1,255}",
        allowed="IP addresses or host names",
    )
    addresses: tuple[str, ...] = setting(
        (),
        "Every address at which browsers reach the load balancers, such as `https://sage.example`, the best first, "
        "where it is not one of `names` with the load balancers' own ports. Pages move from one to another when it "
        "does not answer; a sign-in is good for those with the same host name.",
        matches=r"https://[0-9A-Za-z.:\[\]-]{1,255}",
        allowed="addresses without a path",
    )


@dataclass(frozen=True, kw_only=True)
class Database:
    """Where accounts, workspaces and edits are kept."""

    url: str = setting(
        "",
        "SQLAlchemy address of the database; empty = the SQLite file `sagews.sqlite` in the data folder.",
        matches=r"(sqlite\+aiosqlite:///.+|postgresql\+asyncpg://.+)?",
        allowed="`sqlite+aiosqlite:///PATH`, `postgresql+asyncpg://USER@HOST/NAME`, or empty",
    )
    authority: str = setting(
        "",
        "File (PEM) of the authority that signed the certificate of the server in `url`; empty = those that this "
        "machine trusts. A server on another machine is talked to by TLS only.",
        matches=r"(/.+)?",
        allowed="an absolute path, or empty",
    )


@dataclass(frozen=True, kw_only=True)
class Log:
    """What the programs of the site say about what they do."""

    level: Literal["debug", "info", "warning", "error"] = setting("info", "The least important events that are logged.")
    format: Literal["auto", "human", "json"] = setting(
        "auto", "`human`: a line for people; `json`: one JSON object a line; `auto`: human on a terminal, else JSON."
    )
    maximum_repeats: int = setting(
        1000,
        "Records of one event that are kept where they come at once, and then 20 a second; how many were left out "
        "stands in the next one. 0 = all.",
        at_least=0,
        at_most=10**9,
    )


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """All settings of a site, checked and frozen."""

    data_folder: Path = setting(
        Path("data"),
        "Folder of everything that the site keeps. A path that does not begin with `/` starts from the "
        "configuration file's folder; without a file, from the current folder.",
    )
    host: str = setting(
        HERE,
        "The machine that this program runs on, by its name in [hosts]; set by `sagews` for what it starts elsewhere.",
        matches=HOST_NAME,
        allowed="the name of a [hosts] table",
    )
    site: Site = section(Site)
    hosts: Mapping[str, Host] = named(
        Host, HOSTS, "The machines of the site. `localhost` exists without being mentioned."
    )
    loadbalancer: LoadBalancer = section(LoadBalancer)
    staticserver: StaticServer = section(StaticServer)
    backend: Backend = section(Backend)
    worker: Worker = section(Worker)
    postgresql: PostgreSQL = section(PostgreSQL)
    memcached: Memcached = section(Memcached)
    logserver: LogServer = section(LogServer)
    database: Database = section(Database)
    accounts: Accounts = section(Accounts)
    mail: Mail = section(Mail)
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
    def is_solo(self) -> bool:
        """Whether the site is one person's, on this machine."""
        return self.site.profile == "solo"

    def run_folder_of(self, component: str, number: int) -> Path:
        """Where one instance of a component tells what it is; its own user's, others may look."""
        return self.run_folder / f"{component}.{number}"

    def status_file(self, component: str, number: int) -> Path:
        """JSON with at least ``pid`` and ``port``, there while the instance answers; see `run_files`."""
        return self.run_folder_of(component, number) / "status.json"

    def state_folder(self, component: str, number: int) -> Path:
        """What one instance of a component keeps; closed to other users."""
        return self.data_folder / f"{component}.{number}"

    def worker_socket(self, number: int = 0) -> Path:
        """The Unix socket of a worker."""
        if self.worker.unix_socket:
            return Path(self.worker.unix_socket)
        return self.run_folder_of("worker", number) / "socket"

    @property
    def database_url(self) -> str:
        """The SQLAlchemy address of the database in use."""
        return self.database.url or f"sqlite+aiosqlite:///{self.data_folder / 'sagews.sqlite'}"


class Contradiction(NamedTuple):
    """What is wrong although each setting by itself is right."""

    name: str
    """Of a setting."""
    what: str
    """Is wrong with it, and what is allowed."""
    against: str = ""
    """The setting which it contradicts: where the first one has its default, this one made it wrong."""


def contradictions(configuration: Configuration) -> Iterator[Contradiction]:
    """All that there are."""
    for of in (_of_hosts, _of_connections, _of_ports):
        yield from (Contradiction(*found) for found in of(configuration))
    if configuration.is_solo and not is_loopback(configuration.backend.address):
        what = "is no loopback address; allowed in the solo profile: 127.0.0.1, ::1 or localhost"
        yield Contradiction("backend.address", what)
    yield from _of_workers(configuration)


def _of_workers(configuration: Configuration) -> Iterator[Contradiction]:
    worker, session = configuration.worker, configuration.worker.session
    if worker.dead_after_seconds <= worker.ping_seconds:
        yield Contradiction(
            "worker.dead_after_seconds",
            f"is too short; allowed: more than ping_seconds ({worker.ping_seconds:g})",
            "worker.ping_seconds",
        )
    if worker.lease_seconds <= worker.dead_after_seconds:
        yield Contradiction(
            "worker.lease_seconds",
            f"is too short; allowed: more than dead_after_seconds ({worker.dead_after_seconds:g})",
            "worker.dead_after_seconds",
        )
    if session.output_shown_kilobytes > session.output_megabytes * 1024:
        yield Contradiction(
            "worker.session.output_shown_kilobytes",
            f"is more than is kept; allowed: at most {session.output_megabytes * 1024} (output_megabytes)",
            "worker.session.output_megabytes",
        )
    if not any(environment.enabled for environment in worker.environments.values()):
        yield Contradiction("worker.environments", "are all off; allowed: at least one with enabled = true")


def _of_hosts(configuration: Configuration) -> Iterator[tuple[str, str]]:
    known = ", ".join(configuration.hosts)
    if configuration.host not in configuration.hosts:
        yield "host", f"is no machine of the site; allowed: {known}"
    for component in COMPONENTS:
        for name in getattr(configuration, component).hosts:
            if name not in configuration.hosts:
                yield f"{component}.hosts", f"names {name}, which is no machine of the site; allowed: {known}"
    if not configuration.is_solo:
        yield from _of_main_machine(configuration)
    for component in ("postgresql", "logserver"):
        if len(getattr(configuration, component).hosts) != 1:
            yield f"{component}.hosts", "has to name one machine; allowed: a list of one"


def _of_ports(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Whether those who connect from other machines can know the port: it is told on its own machine only."""
    for component, peers in (("worker", "backend"), ("backend", "loadbalancer")):
        section = getattr(configuration, component)
        machines = {*section.hosts, *getattr(configuration, peers).hosts}
        if not configuration.is_solo and section.port == 0 and len(machines) > 1:
            yield f"{component}.port", f"is 0, which a {peers} on another machine cannot find out; allowed: a port"


def _of_connections(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Whether PostgreSQL lets in as many as may come."""
    backends, most = len(configuration.backend.hosts), configuration.postgresql.maximum_connections
    needed = CONNECTIONS_OF_A_BACKEND * backends + CONNECTIONS_OF_OTHERS
    if not configuration.is_solo and not configuration.database.url and most < needed:
        yield "postgresql.maximum_connections", f"is too few for {backends} backends; allowed: at least {needed}"


def _of_main_machine(configuration: Configuration) -> Iterator[tuple[str, str]]:
    """Only one machine is the one on which `sagews` is used; another without `ssh` would get what is meant for it."""
    used = dict.fromkeys(name for component in COMPONENTS for name in getattr(configuration, component).hosts)
    without = [name for name in used if name in configuration.hosts and not configuration.hosts[name].ssh]
    here = configuration.hosts.get(configuration.host)
    main = configuration.host if here and not here.ssh else next(iter(without), "")
    for name in without:
        if name != main:
            yield f"hosts.{name}.ssh", f"is empty, but `sagews` is used on {main}; allowed: how OpenSSH reaches {name}"


def is_loopback(address: str) -> bool:
    """Whether only this machine can reach the address."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"
