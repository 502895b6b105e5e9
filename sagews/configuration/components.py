"""Settings of the components of a whole site that are not worker and backend."""

from __future__ import annotations

from dataclasses import dataclass

from sagews.configuration.declare import setting
from sagews.configuration.hosts import HERE

HOST_NAME = r"[a-z][a-z0-9_-]{0,30}"
USER_NAME = r"([a-z_][a-z0-9_-]{0,31})?"
USER_ALLOWED = "the name of a Unix user, or empty"


def hosts_setting(default: tuple[str, ...]) -> tuple[str, ...]:
    """Declare on which machines instances of a component run."""
    return setting(
        default,
        "Machines that it runs on, by their names in [hosts]: one instance for each name; a name may be repeated.",
        matches=HOST_NAME,
        allowed="names of [hosts] tables",
    )


def port_setting(default: int) -> int:
    """Declare the port of a component's first instance on a machine."""
    return setting(
        default,
        "TCP port; further instances on the same machine take the next ones. 0 = any free port, told to the others.",
        at_least=0,
        at_most=65000,
    )


def user_setting(default: str) -> str:
    """Declare the Unix user of a component."""
    return setting(
        default,
        "Unix user that it runs as where root starts it (made if missing); else it runs as the user that starts it.",
        matches=USER_NAME,
        allowed=USER_ALLOWED,
    )


@dataclass(frozen=True, kw_only=True)
class LoadBalancer:
    """HAProxy: what browsers connect to. Each instance carries the site alone, if it must."""

    hosts: tuple[str, ...] = hosts_setting((HERE, HERE))
    port: int = port_setting(8443)
    user: str = user_setting("sagews-haproxy")
    address: str = setting(
        "127.0.0.1",
        "Address to listen on for browsers; `*` = every address of the machine.",
        matches=r"\*|[0-9A-Za-z.:-]{1,255}",
        allowed="an IP address, a host name or `*`",
    )
    http_port: int = setting(
        0, "Port on which plain HTTP is sent on to HTTPS, counted as `port`; 0 = none.", at_least=0, at_most=65000
    )
    certificate: str = setting(
        "",
        "File with the public certificate, its chain and its key (PEM), as Let's Encrypt gives them joined; "
        "empty = one of the site's own authority.",
        matches=r"(/.+)?",
        allowed="an absolute path, or empty",
    )
    maximum_connections: int = setting(
        8000, "Connections of one instance at once; each takes two open files.", at_least=10, at_most=10**6
    )
    requests_per_second: int = setting(
        100, "Requests that one address may make, on average over 10 s; more are refused.", at_least=1, at_most=10**6
    )
    connections_per_address: int = setting(
        500, "Connections that one address may have open.", at_least=1, at_most=10**6
    )
    request_seconds: int = setting(
        10,
        "A request whose header and first 16 KiB have not come after so long is refused.",
        at_least=1,
        at_most=300,
    )
    drain_seconds: float = setting(
        1800.0,
        "Connections that were open at a reload are closed when they are still open after so long; their clients "
        "connect anew.",
        at_least=1,
        at_most=86400,
    )


@dataclass(frozen=True, kw_only=True)
class StaticServer:
    """The nginx that serves the browser's files and published workspaces to the load balancers of its machine."""

    hosts: tuple[str, ...] = hosts_setting((HERE,))
    port: int = port_setting(8600)
    user: str = user_setting("sagews-nginx")


@dataclass(frozen=True, kw_only=True)
class PostgreSQL:
    """The site's own PostgreSQL; not used where `database.url` names an operator's."""

    hosts: tuple[str, ...] = hosts_setting((HERE,))
    port: int = port_setting(8500)
    user: str = user_setting("postgres")
    programs: str = setting(
        "",
        "Folder of its programs (`initdb`, `postgres`); empty = the newest of /usr/lib/postgresql.",
        matches=r"(/.+)?",
        allowed="an absolute path, or empty",
    )
    memory_megabytes: int = setting(
        512, "Memory that it may use for its cache; other sizes follow from it.", at_least=64, at_most=10**6
    )
    maximum_connections: int = setting(200, "Connections at once.", at_least=20, at_most=10000)


@dataclass(frozen=True, kw_only=True)
class Memcached:
    """Memcached: answers that are read often and may be a few seconds old."""

    hosts: tuple[str, ...] = hosts_setting((HERE,))
    port: int = port_setting(8550)
    user: str = user_setting("sagews-memcached")
    memory_megabytes: int = setting(64, "Memory for what is kept.", at_least=1, at_most=10**6)
    timeout_milliseconds: int = setting(50, "An answer that takes longer is done without.", at_least=1, at_most=10000)


@dataclass(frozen=True, kw_only=True)
class LogServer:
    """The log server: takes log records of all components and writes them into the database."""

    hosts: tuple[str, ...] = hosts_setting((HERE,))
    port: int = port_setting(8900)
    monitoring_port: int = port_setting(8950)
    user: str = user_setting("sagews-logserver")
    maximum_connections: int = setting(1000, "Connections at once.", at_least=1, at_most=10**5)
    silence_seconds: float = setting(
        60.0, "A connection that says nothing for so long is closed.", at_least=0.1, at_most=86400
    )
    keep_days: float = setting(30.0, "Records older than this are deleted.", at_least=0.01, at_most=36500)
    keep_megabytes: int = setting(
        10240, "When all records together are larger, the oldest are deleted.", at_least=1, at_most=10**8
    )
    spool_megabytes: int = setting(
        64,
        "Records that a component keeps on its own disk while the log server is away; what is dropped is counted.",
        at_least=1,
        at_most=10**6,
    )
