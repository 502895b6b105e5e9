"""Promise: `sagews log` shows what was asked for, follows what arrives, and old records go."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text

from sagews.database import create_engine
from sagews.database.log import NewRecord, Wanted
from sagews.logserver.figures import Figures
from sagews.logserver.retention import Retention
from tests.integration.logserver.site import ROOT, LogSite
from tests.waiting import eventually

NOW = datetime.now(UTC).replace(microsecond=0)
FIRST = NewRecord("p", 1, NOW - timedelta(days=3), "backend", 0, "localhost", 20, "sagews.a", "First", "w1", "emmy")
RECORDS = (
    FIRST,
    replace(FIRST, n=2, at=NOW - timedelta(hours=2), level=30, event="Second", fields={"session": "S-1", "x": "ä\0"}),
    replace(FIRST, n=3, at=NOW - timedelta(minutes=5), instance=1, event="100 %_ sure", workspace=None),
    replace(FIRST, n=4, at=NOW, component="worker", level=40, event="Last\x1b[2J \ud800", traceback="Boom:\nname"),
)

pytestmark = pytest.mark.postgresql


@pytest.fixture(autouse=True)
async def records(site: LogSite) -> None:
    await site.store.log.append(RECORDS)
    await site.store.log.append(RECORDS)


async def sagews(site: LogSite, *arguments: str, status: int = 0) -> str:
    """What `sagews log` prints with these arguments."""
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "sagews", "log", "--config", str(site.file), *arguments],
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT), "TZ": "Europe/Berlin", "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


ALL = (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ((), ALL),
        (("--lines", "2"), (3, 4)),
        (("--lines", "0"), ALL),
        (("--component", "backend"), (1, 2, 3)),
        (("--component", "backend:1", "--component", "worker"), (3, 4)),
        (("--level", "warning"), (2, 4)),
        (("--since", "1d"), (2, 3, 4)),
        (("--since", "3h", "--until", (NOW - timedelta(minutes=10)).isoformat()), (2,)),
        (("--since", (NOW - timedelta(minutes=6)).isoformat()), (3, 4)),
        (("--workspace", "w1"), (1, 2, 4)),
        (("--text", "%_"), (3,)),
        (("--text", "SESSION s-1"), (2,)),
        (("--text", "ä"), (2,)),
        (("--text", "boom"), (4,)),
        (("--text", "boom first"), ()),
    ],
)
async def test_what_was_asked_for_is_shown(site: LogSite, arguments: Sequence[str], expected: Sequence[int]) -> None:
    shown = await sagews(site, "--json", *arguments)
    assert [json.loads(line)["n"] for line in shown.splitlines()] == list(expected)


async def test_lines_for_people_are_in_local_time_and_harmless(site: LogSite) -> None:
    lines = (await sagews(site)).splitlines()
    assert lines[1].split()[:4][1:] == [f"{_berlin(RECORDS[1].at)}.000", "backend:0", "warning"]
    assert lines[1].endswith("Second  session=S-1  x=\\xe4\\x00")
    assert lines[3].endswith(" worker:0       error    Last\\x1b[2J \\ud800")
    assert lines[4:] == ["Boom:", "name"]


def _berlin(moment: datetime) -> str:
    from zoneinfo import ZoneInfo

    return moment.astimezone(ZoneInfo("Europe/Berlin")).strftime("%H:%M:%S")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--component", "wroker"), "did you mean worker?"),
        (("--component", "worker:x"), "allowed: worker:0"),
        (("--since", "yesterday"), "is no time; allowed: 10m"),
        (("--lines", "-1"), "0 or more"),
    ],
)
async def test_what_makes_no_sense_is_said(site: LogSite, arguments: Sequence[str], said: str) -> None:
    assert said in await sagews(site, *arguments, status=2)


async def test_without_the_database_the_files_are_named(site: LogSite) -> None:
    file = site.folder / "log-folder"
    file.mkdir()
    away = replace(site, folder=file, url="postgresql://tester@127.0.0.1:1/none")
    away.make()
    (file / "log").mkdir()
    (file / "log" / "backend.0.log").touch()
    said = await sagews(away, status=1)
    assert "The database does not answer" in said
    assert f"{file}/log/backend.0.log" in said


LISTENING = "FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'LISTEN%'"


async def ask(site: LogSite, question: str) -> list[object]:
    """What the database answers, a value a row."""
    engine = create_engine(site.url)
    try:
        async with engine.connect() as connection:
            return list((await connection.execute(text(question))).scalars())
    finally:
        await engine.dispose()


async def test_follow_shows_the_last_ones_and_then_each_that_arrives_once(site: LogSite) -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "sagews", "log", "--config", str(site.file)),
        *("--json", "--follow", "--lines", "1", "--component", "worker"),
        cwd=ROOT,
        env={"PATH": os.defpath, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
    )
    assert process.stdout is not None

    async def next_one() -> int:
        assert process.stdout is not None
        async with asyncio.timeout(40):
            return int(json.loads(await process.stdout.readline())["n"])

    try:
        assert await next_one() == 4
        for number in (5, 6, 7):
            await site.store.log.append([replace(RECORDS[3], n=number), replace(FIRST, process="q", n=number)])
            assert await next_one() == number
        await site.store.log.append([replace(RECORDS[3], n=number) for number in range(8, 3000)])
        assert [await next_one() for _ in range(8, 3000)] == list(range(8, 3000))
        assert await ask(site, f"SELECT pg_terminate_backend(pid) {LISTENING}") == [True]
        await site.store.log.append([replace(RECORDS[3], n=3000)])
        assert await next_one() == 3000
        await eventually(lambda: ask(site, f"SELECT pid {LISTENING}"), within_seconds=40)
        await site.store.log.append([replace(RECORDS[3], n=3001)])
        assert await next_one() == 3001
        process.send_signal(2)
        async with asyncio.timeout(20):
            assert await process.wait() == 130
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def retention(site: LogSite, *, days: float, size: int) -> Retention:
    """That keeps so much."""
    figures = Figures()
    return Retention(
        store=site.store.log, figures=figures, clock=lambda: NOW, keep=timedelta(days=days), keep_bytes=size
    )


async def test_records_that_are_too_old_are_deleted(site: LogSite) -> None:
    await retention(site, days=1, size=10**9).prune()
    assert [one.n for one in await site.store.log.latest(Wanted(), 10)] == [2, 3, 4]


async def test_the_oldest_are_deleted_when_all_are_too_large(site: LogSite) -> None:
    many = [replace(FIRST, n=n, at=NOW + timedelta(seconds=n), size_bytes=1000) for n in range(10, 12010)]
    await site.store.log.append(many)
    await retention(site, days=30, size=2_000_000).prune()
    kept = await site.store.log.latest(Wanted(), 10**5)
    assert [one.n for one in kept] == list(range(10010, 12010))
