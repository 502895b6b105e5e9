"""How a program of the site comes by its database and its cache.

Invariant: what can change while a program runs (port, password, certificate) is read anew for each connection, so that
a renewal needs no restart and ends no connection.
"""

from __future__ import annotations

import asyncio
import hmac
import ssl
from functools import partial
from typing import Any

from sqlalchemy import URL, event, make_url
from sqlalchemy.ext.asyncio import AsyncEngine

from sagews.certificates import Role, client_context, identity_of
from sagews.component.instance import Instance, instances, port_of
from sagews.configuration import Configuration
from sagews.configuration.run_files import read_status
from sagews.configuration.site import is_loopback
from sagews.database.cache import Cache, MemcachedCache, NoCache
from sagews.database.cache_server import CacheServer, Streams
from sagews.database.engine import create_engine
from sagews.database.uses import NAME, Use, password_of
from sagews.errors import ConfigurationError, DatabaseUnavailable


def engine_for(configuration: Configuration, use: Use, *, connections: int = 10) -> AsyncEngine:
    """Make the engine for one use of the site's database; connects when first used.

    :param connections: how many are kept open (1 or more); as many more are opened in a rush.
    :raises ConfigurationError: `database.url` is of a kind that cannot be used.
    :raises DatabaseUnavailable: the file of a SQLite database cannot be made.
    """
    if has_own_postgresql(configuration):
        return _own(configuration, use, connections)
    tls = operators_tls(configuration) if configuration.database.url.startswith("postgresql") else None
    return create_engine(configuration.database_url, tls=tls, connections=connections)


def has_own_postgresql(configuration: Configuration) -> bool:
    """Whether the site runs a PostgreSQL of its own, and not on SQLite or an operator's server."""
    return not configuration.is_solo and not configuration.database.url


def cache_for(configuration: Configuration) -> Cache:
    """The cache of a backend; none in the solo profile, or where the site has no memcached.

    :raises SetupError: the password of `Use.BACKEND`, from which the cache's key is made, cannot be read.
    """
    servers = [
        CacheServer(partial(_cache_streams, configuration, one), configuration.memcached.timeout_milliseconds / 1000)
        for one in instances(configuration, "memcached")
    ]
    if configuration.is_solo or not servers:
        return NoCache()
    own = has_own_postgresql(configuration)
    secret = password_of(configuration, Use.BACKEND) if own else configuration.database.url
    return MemcachedCache(servers, hmac.digest(secret.encode(), b"sagews cache", "sha256"))


async def _cache_streams(configuration: Configuration, instance: Instance) -> Streams:
    host, port = configuration.hosts[instance.host].address, port_of(configuration, instance)
    if not port:
        port = int(read_status(configuration.status_file("memcached", instance.number)).get("port", 0))
    context = client_context(identity_of(configuration, Role.BACKEND))
    return await asyncio.open_connection(host, port, ssl=context)


def postgresql_port(configuration: Configuration) -> int:
    """The real port of the site's own PostgreSQL.

    :raises DatabaseUnavailable: any port will do, and it has not started on this machine yet.
    """
    (instance,) = instances(configuration, "postgresql")
    port = port_of(configuration, instance)
    if not port:
        port = int(read_status(configuration.status_file("postgresql", instance.number)).get("port", 0))
    if not port:
        raise DatabaseUnavailable("PostgreSQL has not started yet.", mend="Start it: `sagews start postgresql`.")
    return port


def _own(configuration: Configuration, use: Use, connections: int) -> AsyncEngine:
    (instance,) = instances(configuration, "postgresql")
    host = configuration.hosts[instance.host].address
    url = URL.create("postgresql", username=use.role, host=host, database=NAME)
    engine = create_engine(url.render_as_string(hide_password=False), connections=connections)

    def connect_as_of_now(dialect: object, record: object, arguments: object, settings: dict[str, Any]) -> None:
        settings["port"] = postgresql_port(configuration)
        settings["password"] = password_of(configuration, use)
        settings["ssl"] = client_context(identity_of(configuration, use.certificate))

    event.listen(engine.sync_engine, "do_connect", connect_as_of_now)
    return engine


def operators_tls(configuration: Configuration) -> ssl.SSLContext | None:
    """For an operator's server: TLS with a check of its name, unless it is on this machine."""
    authority = configuration.database.authority
    if not authority and is_loopback(make_url(configuration.database.url).host or "localhost"):
        return None
    try:
        context = ssl.create_default_context(cafile=authority or None)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"The certificate of the database's authority, {authority}, cannot be used: {error}.",
            mend="Name a PEM file in database.authority.",
        ) from error
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context
