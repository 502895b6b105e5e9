"""What does a log call cost, and how many records a second reach PostgreSQL?"""

from __future__ import annotations

import asyncio
import logging
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from logging.handlers import SocketHandler
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.processes import end
from benchmarks.rows import Row, median
from benchmarks.site import Site
from sagews.certificates import Role, make_all
from sagews.configuration import Configuration, load
from sagews.configuration.run_files import read_status
from sagews.database import Store, create_engine, migrate
from sagews.remotelog import Origin, RemoteHandler, RemoteLog, Shipper, Spool
from sagews.remotelog.setting_up import log_server
from tests.postgresql import Cluster, new_cluster

PEER = "logging.handlers.SocketHandler"
CALLS, BLOCK = 30_000, 500
COMPONENTS = 4
SPOOL_BYTES = 64 * 1024 * 1024
SECONDS = 120
DURABLE = {"fsync": "on", "full_page_writes": "on"}
RECEIVER = (sys.executable, "-m", "benchmarks.logging_receiver")
SETTINGS = """
data_folder = "."
backend = {{ user = "", hosts = ["localhost"] }}
worker.user = ""
loadbalancer.user = ""
logserver = {{ user = "", port = 0, monitoring_port = 0 }}
memcached.user = ""
postgresql.user = ""
staticserver.user = ""
site.profile = "site"
database.url = "{url}"
"""


async def measure(site: Site, quick: bool) -> list[Row]:
    """One process that logs; four that have logged, and one log server. The solo site beside it has no part in it."""
    calls = CALLS // 5 if quick else CALLS
    with TemporaryDirectory(prefix="sagews-log-") as name, new_cluster() as cluster:
        configuration = await _site(Path(name), cluster)
        ours, peer_call, bare, peer_rate = await asyncio.to_thread(_costs, configuration, calls)
        rate = await _rate(configuration, calls)
    note = f"of it {bare:.1f} are logging's own; the peer's call writes to a socket, and waits when nobody reads it"
    return [
        Row("one log call", "us", ours, PEER, peer_call, 10.0, note=note),
        Row(
            "log records into PostgreSQL (fsync on, TLS, from 4 spools)",
            "records/s",
            rate,
            f"{PEER}, to a process that counts them",
            peer_rate,
            20_000,
            larger_is_better=True,
            note="the peer's are stored nowhere, and are lost with the connection",
        ),
    ]


async def _site(folder: Path, cluster: Cluster) -> Configuration:
    """A site of which only the log server will run; its database writes to the disk as one in use does."""
    await asyncio.to_thread(cluster.stop)
    cluster.settings |= DURABLE
    await asyncio.to_thread(cluster.start)
    url = cluster.create_database()
    engine = create_engine(url)
    await migrate(engine)
    await engine.dispose()
    file = folder / "sagews.toml"
    file.write_text(SETTINGS.format(url=url.replace("postgresql://", "postgresql+asyncpg://")))
    configuration = load(file, {})
    make_all(configuration)
    return configuration


def _costs(configuration: Configuration, calls: int) -> tuple[float, float, float, float]:
    """Microseconds a call: ours, while it is shipped; the peer's; logging's own part. Then the peer's records/s."""
    receiver = subprocess.Popen(RECEIVER, stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    peer = SocketHandler("127.0.0.1", int(receiver.stdout.readline()))
    with _log_server(configuration):
        remote = _remote(configuration, 0)
        remote.ship()
        assert remote.handler is not None
        ours, theirs, bare = _cost((remote.handler, peer, logging.NullHandler()), calls)
        remote.close()
    peer.close()
    assert int(receiver.communicate(timeout=SECONDS)[0]) == calls
    return ours, theirs, bare, _peer_rate(calls)


def _peer_rate(calls: int) -> float:
    """Records a second, until the receiver has the last one."""
    receiver = subprocess.Popen(RECEIVER, stdout=subprocess.PIPE, text=True)
    assert receiver.stdout is not None
    peer = SocketHandler("127.0.0.1", int(receiver.stdout.readline()))
    started = time.perf_counter()
    _cost((peer,), calls)
    peer.close()
    assert int(receiver.communicate(timeout=SECONDS)[0]) == calls
    return calls / (time.perf_counter() - started)


async def _rate(configuration: Configuration, calls: int) -> float:
    """Four spools are full when the log server starts; the time ends when it has acknowledged the last record."""
    remotes = [_remote(configuration, number) for number in range(1, 1 + COMPONENTS)]
    for remote in remotes:
        assert remote.handler is not None
        assert remote.spool is not None
        await asyncio.to_thread(_cost, (remote.handler,), calls)
        remote.spool.end()
    store = Store(create_engine(configuration.database_url))
    before = await store.log.count()
    with _log_server(configuration):
        started = time.perf_counter()
        for remote in remotes:
            remote.ship()
        async with asyncio.timeout(SECONDS):
            while any(remote.spool and remote.spool.held_bytes for remote in remotes):
                await asyncio.sleep(0.005)
        seconds = time.perf_counter() - started
        for remote in remotes:
            await asyncio.to_thread(remote.close)
    stored = await store.log.count() - before
    await store.close()
    assert stored >= COMPONENTS * calls, f"{stored} of {COMPONENTS * calls} records are there"
    return COMPONENTS * calls / seconds


def _remote(configuration: Configuration, number: int) -> RemoteLog:
    """The way of a backend's records to the log server, without lines on standard error."""
    spool = Spool(configuration.state_folder("backend", number) / "log-spool", SPOOL_BYTES)
    handler = RemoteHandler(spool)
    shipper = Shipper(spool, handler, lambda: log_server(configuration, Role.BACKEND), Origin(number, "localhost"))
    return RemoteLog(spool, handler, shipper)


def _cost(handlers: Sequence[logging.Handler], calls: int) -> list[float]:
    """Microseconds a call, of each the median of blocks that take turns, with a record such as our programs write."""
    logs = [logging.Logger("benchmark", logging.INFO) for _ in handlers]  # noqa: LOG001 - apart from the root
    for log, handler in zip(logs, handlers, strict=True):
        log.addHandler(handler)
    blocks: list[list[float]] = [[] for _ in handlers]
    for block in range(0, calls, BLOCK):
        for log, times in zip(logs, blocks, strict=True):
            started = time.perf_counter()
            for number in range(block, block + BLOCK):
                log.info("Session forked", extra={"action": "session_forked", "session": "s1", "pid": number})
            times.append((time.perf_counter() - started) / BLOCK * 1e6)
    return [median(times) for times in blocks]


@contextmanager
def _log_server(configuration: Configuration) -> Iterator[None]:
    """A log server that answers."""
    file = configuration.data_folder / "sagews.toml"
    process = subprocess.Popen(
        [sys.executable, "-m", "sagews.logserver", "--config", str(file)], stderr=subprocess.DEVNULL
    )
    try:
        deadline = time.monotonic() + SECONDS
        while read_status(configuration.status_file("logserver", 0)).get("pid") != process.pid:
            assert process.poll() is None, "the log server ended"
            assert time.monotonic() < deadline, "the log server does not start"
            time.sleep(0.01)
        yield
    finally:
        end(process, signal.SIGTERM)
