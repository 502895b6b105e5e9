"""Promise (I6): what goes wrong is bounded, counted and said; it stops neither a program nor other records."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Iterator
from dataclasses import replace

import pytest

from sagews.database import Store, create_engine, migrate
from tests.integration.logserver.site import LogSite, kill
from tests.postgresql import Cluster, find_programs, new_cluster
from tests.waiting import eventually

pytestmark = pytest.mark.postgresql


@pytest.fixture
def own_cluster() -> Iterator[Cluster]:
    """A PostgreSQL that the test has for itself."""
    if find_programs() is None:
        pytest.skip("PostgreSQL is not installed here (Debian's package: postgresql)")
    with new_cluster() as cluster:
        yield cluster


async def test_while_the_database_is_down_nothing_is_lost(site: LogSite, own_cluster: Cluster) -> None:
    url = own_cluster.url("postgres")
    engine = create_engine(url)
    await migrate(engine)
    site = replace(site, store=Store(engine), url=url, running=site.running)
    site.make()
    await site.start_server()
    program = site.start_program()
    program.log(100)
    await site.records(at_least=100)
    await asyncio.to_thread(own_cluster.stop, signal.SIGQUIT)
    for _ in range(5):
        program.log(100)
    said = site.folder / "log"
    await eventually(lambda: "Database does not take records" in said.read_text(), within_seconds=40)
    await asyncio.to_thread(own_cluster.start)
    assert [one.fields["number"] for one in await site.records(at_least=600)] == list(range(1, 601))
    await site.records("Database takes records again", at_least=1)
    program.stop()
    await site.store.close()


async def test_a_database_without_the_table_is_waited_for(postgresql: Cluster, site: LogSite) -> None:
    url = postgresql.create_database()
    engine = create_engine(url)
    site = replace(site, store=Store(engine), url=url, running=site.running)
    site.make()
    await site.start_server()
    program = site.start_program()
    program.log(10)
    await migrate(engine)
    assert len(await site.records(at_least=10)) == 10
    await site.store.close()


async def test_hostile_records_stop_no_others(site: LogSite) -> None:
    await site.start_server()
    program = site.start_program()
    program.log(1)
    program.tell("hostile")
    program.log(1)
    records = await site.records(at_least=2)
    assert [one.fields["number"] for one in records] == [1, 2]
    hostile = await site.records("Hostile")
    names = {one.n for one in records} | {one.n for one in hostile}
    set_apart = [*await site.records("Log record refused"), *await site.records("Hostile\0 \ud800")]
    set_apart += await site.records("Hostile %s %s ('one argument is missing',)")
    assert names | {one.n for one in set_apart} == set(range(1, 16))
    assert "ValueError" in next(one.traceback for one in hostile if one.traceback)
    program.stop()


async def test_lines_of_a_spool_that_are_no_records_stop_no_others(site: LogSite) -> None:
    folder = site.configuration.state_folder("backend", 0) / "log-spool"
    folder.mkdir(parents=True)
    good = {"n": 1, "time": 1.5, "level": 20, "name": "x", "event": "Number", "fields": {"number": 1}}
    lines = [good, 7, [], good | {"n": 2, "time": "now"}, good | {"n": "3"}, good | {"n": 4, "level": 10**30}]
    lines += [good | {"n": 2**63}, good | {"n": 5, "time": 1e300}, good | {"n": 6, "fields": {"a": "\0\ud800"}}]
    deep = b'{"n": 7, "time": 1, "level": 20, "name": "x", "event": "Number", "fields": {"x": ' + b"[" * 9000
    written = b"".join(json.dumps(line).encode() + b"\n" for line in lines) + deep + b"]" * 9000 + b"}}\nnothing\n"
    (folder / "0000-aa.000000.jsonl").write_bytes(written + json.dumps(good).encode()[:40])
    await site.start_server()
    program = site.start_program()
    program.log(1)
    numbers = [(one.process[:4], one.n) for one in await site.records(at_least=3)]
    assert numbers[:2] == [("0000", 1), ("0000", 6)]
    refused = await site.records("Log record refused")
    assert [one.n for one in refused] == [2, 4, 5]
    assert all(one.fields["reason"] for one in refused)
    (torn,) = await site.records("Log records of a process that was killed are incomplete", at_least=1)
    assert torn.fields["torn"] == 1
    (lost,) = await site.records("Lines came that are no log records", at_least=1)
    assert lost.fields["lost"] == 6
    program.stop()


async def test_a_full_spool_drops_the_newest_counts_them_and_says_so(site: LogSite) -> None:
    site = replace(site, more="spool_megabytes = 1")
    site.make()
    program = site.start_program()
    program.log(2000, "x" * 1000)
    dropped = int(program.tell("dropped"))
    assert 0 < dropped < 2000
    await site.start_server()
    (said,) = await site.records("Log records dropped", at_least=1)
    assert said.fields["dropped"] >= dropped  # with what the program's own shipper wanted to say meanwhile
    assert said.fields["dropped"] == int(program.tell("dropped"))
    assert len(await site.records("Log spool is full; records are dropped")) == 1
    kept = await site.records(at_least=2000 - dropped)
    # Among those that were dropped may be what the shipper said.
    assert [one.fields["number"] for one in kept] == list(range(1, len(kept) + 1))
    program.log(1)
    assert (await site.records(at_least=len(kept) + 1))[-1].fields["number"] == 2001
    program.stop()


async def test_no_log_call_waits_for_a_log_server_that_hangs(site: LogSite) -> None:
    server = await site.start_server()
    program = site.start_program()
    program.log(1)
    await site.records(at_least=1)
    server.send_signal(signal.SIGSTOP)
    longest = float(program.tell("longest 20000"))
    assert longest < 5, "a call that waited would have waited for ever"
    server.send_signal(signal.SIGCONT)
    assert len(await site.records(at_least=20001)) == 20001
    kill(server)
    program.stop()
