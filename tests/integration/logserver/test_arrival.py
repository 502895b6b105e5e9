"""Promise (I6): a record arrives once, in order, whatever dies on the way; and no log call waits for it."""

from __future__ import annotations

import asyncio
import signal

import pytest

from tests.integration.logserver.site import LogSite, kill

pytestmark = pytest.mark.postgresql


async def test_records_arrive_with_their_fields(site: LogSite) -> None:
    await site.start_server()
    program = site.start_program(number=1)
    program.log(3, "hello")
    records = await site.records(at_least=3)
    assert [one.fields["number"] for one in records] == [1, 2, 3]
    assert [one.n for one in records] == [1, 2, 3]
    last = records[-1]
    assert (last.component, last.instance, last.host, last.level) == ("backend", 1, "localhost", 20)
    assert (last.name, last.workspace, last.fields["text"]) == ("sagews.test", "w1", "hello")
    program.stop()


async def test_each_record_arrives_once_while_both_sides_are_killed(site: LogSite) -> None:
    server = await site.start_server()
    for life in range(3):
        program = site.start_program()
        for _ in range(10):
            program.log(200)
        server.send_signal(signal.SIGKILL)
        program.log(200)
        kill(server)
        kill(program.process)
        server = await site.start_server()
        last = site.start_program()
        await site.records(at_least=2200 * (life + 1))
        last.stop()
    records = await site.records()
    assert len(records) == 3 * 2200
    per_process: dict[str, list[int]] = {}
    for one in records:
        per_process.setdefault(one.process, []).append(one.fields["number"])
    assert [sorted(numbers) for numbers in per_process.values()] == [list(range(1, 2201))] * 3
    assert all(numbers == sorted(numbers) for numbers in per_process.values())


async def test_a_log_server_that_is_away_is_not_noticed_and_all_arrives_later(site: LogSite) -> None:
    program = site.start_program()
    program.log(500)
    server = await site.start_server()
    await site.records(at_least=500)
    server.send_signal(signal.SIGSTOP)
    for _ in range(5):
        program.log(100)
    server.send_signal(signal.SIGCONT)
    assert [one.fields["number"] for one in await site.records(at_least=1000)] == list(range(1, 1001))
    server.send_signal(signal.SIGTERM)
    assert await asyncio.to_thread(server.wait, 20) == 0
    program.log(100)
    await site.start_server()
    assert len(await site.records(at_least=1100)) == 1100
    program.stop()
