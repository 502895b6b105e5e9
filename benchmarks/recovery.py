"""How soon a whole site is well again after each death, under load, and whether its log of that time is complete."""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from functools import partial

from benchmarks.rows import median
from sagews.admin.site import WholeSite as Administered
from sagews.configuration import load
from sagews.errors import SagewsError, Unavailable
from tests.acceptance.log_completeness import LogCompleteness
from tests.acceptance.numbered import NumberedClient, all_answer_again
from tests.acceptance.whole_site import WholeSite
from tests.waiting import eventually, eventually_sync

CLIENTS = 20
PATIENCE_SECONDS = 120.0
BACK_OFF_SECONDS = 0.2
NOTHING = "nothing (5 s)"
POSTGRESQL = "postgresql (stop, then start)"
KILLED = (
    NOTHING,
    "loadbalancer:0",
    "loadbalancer:1",
    "backend:0",
    "backend:1",
    "backend:2",
    "memcached:0",
    "logserver:0",
    "staticserver:0",
    "supervisord",
    POSTGRESQL,
)


@dataclass
class Times:
    """In seconds, one for each time that something was killed."""

    waits: list[float] = field(default_factory=list)
    """The longest that a client had to wait for an answer."""
    back: list[float] = field(default_factory=list)
    """Until it answered again."""

    def row(self, name: str) -> str:
        """Of the table."""
        back = f"{median(self.back):.1f} s | {max(self.back):.1f} s" if self.back else "|"
        return f"| {name} | {len(self.waits)} | {median(self.waits):.2f} s | {max(self.waits):.2f} s | {back} |"


@dataclass
class Passenger:
    """Scripts, one after the other, that open a session, use it and close it: every step of it is logged."""

    site: WholeSite
    token: str
    sessions: int = 0
    refusals: Counter[str] = field(default_factory=Counter)
    """How often the site said that it could not, by what it said: because its database was away, for example."""
    stopping: bool = False

    async def run(self) -> None:
        """Until told to stop."""
        while not self.stopping:
            try:
                async with self.site.client(self.token) as client:
                    session = await client.open_session("python")
                    await session.evaluate("1+1")
                    await session.close()
                self.sessions += 1
            except SagewsError as error:
                self.refusals[error.what] += 1
                await asyncio.sleep(BACK_OFF_SECONDS)


async def recovery(site: WholeSite, token: str, minutes: float) -> tuple[list[str], bool]:
    """Kill everything, one after the other, again and again.

    :param minutes: how long; at least once each.
    :return: the tables, and whether nothing was lost.
    """
    administered = Administered(load(site.file, {}), site.file)
    times, until = {name: Times() for name in KILLED}, time.monotonic() + 60 * minutes
    async with _load(site, token) as (clients, passenger):
        while not times[KILLED[-1]].waits or time.monotonic() < until:
            for victim in KILLED:
                await _measure(site, administered, clients, victim, times[victim])
    for what, often in passenger.refusals.most_common():
        print(f"{often} times: {what}", file=sys.stderr)
    wrong = [text for client in clients for text in client.wrong]
    log = await asyncio.to_thread(_log_of, site)
    answers = sum(client.answered for client in clients)
    lines = [*_table(times), "", _summary(answers, len(wrong), passenger), "", *_log_table(log), ""]
    lines += [f"- {text}" for text in (*wrong, *log.wrong)]
    return lines, not wrong and not log.wrong


def _table(times: Mapping[str, Times]) -> Iterator[str]:
    waits, back = "longest wait for an answer: median | most", "answers again after: median | most"
    yield f"| killed, while {CLIENTS} clients evaluate | times | {waits} | {back} |"
    yield "|---|---|---|---|---|---|"
    for name, found in times.items():
        yield found.row(name if name == NOTHING else f"`{name}`")


def _summary(answers: int, wrong: int, passenger: Passenger) -> str:
    return (
        "PostgreSQL and supervisord were started by the command, which is most of their time. "
        f"Of {answers} numbered answers, {wrong} were lost, repeated or in a wrong order. Meanwhile the sessions of "
        f"{passenger.sessions} scripts came and went; {passenger.refusals.total()} times one was told to try again."
    )


def _log_table(log: LogCompleteness) -> Iterator[str]:
    yield "| log records | |"
    yield "|---|---|"
    yield f"| in PostgreSQL, of {log.processes} processes | {log.records} |"
    yield f"| printed by the same processes | {log.printed} |"
    yield f"| counted as dropped | {log.dropped} |"
    yield f"| not accounted for | {len(log.wrong)} |"


@asynccontextmanager
async def _load(site: WholeSite, token: str) -> AsyncIterator[tuple[list[NumberedClient], Passenger]]:
    async with AsyncExitStack() as stack:
        sites = [await stack.enter_async_context(site.client(token, begin=number % 2)) for number in range(CLIENTS)]
        passenger = Passenger(site, token)
        clients = [NumberedClient(one, f"c{number}") for number, one in enumerate(sites)]
        async with asyncio.TaskGroup() as running:
            for work in (passenger.run(), *(client.run() for client in clients)):
                running.create_task(work)
            await all_answer_again(clients, within_seconds=PATIENCE_SECONDS)
            yield clients, passenger
            passenger.stopping = True
            for client in clients:
                client.stopping = True


async def _measure(
    site: WholeSite, administered: Administered, clients: Sequence[NumberedClient], victim: str, times: Times
) -> None:
    for client in clients:
        client.longest_seconds = 0.0
    took = await _hurt(site, administered, victim)
    times.waits.append(await all_answer_again(clients, within_seconds=PATIENCE_SECONDS))
    if victim != NOTHING:
        times.back.append(took)
    print(f"{victim}: waited {times.waits[-1]:.2f} s, back after {took:.1f} s", file=sys.stderr)


async def _hurt(site: WholeSite, administered: Administered, victim: str) -> float:
    """Returns after how many seconds it answered again."""
    if victim == NOTHING:
        await asyncio.sleep(5)
        return 0.0
    if victim == POSTGRESQL:
        await asyncio.to_thread(site.sagews, "stop", "postgresql")
        began = time.monotonic()
        await asyncio.to_thread(site.sagews, "start", "postgresql")
        return time.monotonic() - began
    dead, began = site.kill(victim), time.monotonic()
    if victim == "supervisord":
        await asyncio.to_thread(site.sagews, "start")
    else:
        # What HAProxy and nginx leave behind may answer until another one is there.
        await eventually(partial(site.lives_again, victim, dead), within_seconds=PATIENCE_SECONDS)
        await asyncio.to_thread(_until_it_answers, administered, victim)
    return time.monotonic() - began


def _until_it_answers(administered: Administered, name: str) -> None:
    (instance,) = administered.chosen((name,))
    component = administered.components[instance.component]

    def answers() -> bool:
        try:
            component.answers(instance)
        except Unavailable:
            return False
        return True

    eventually_sync(answers, within_seconds=PATIENCE_SECONDS)


def _log_of(site: WholeSite) -> LogCompleteness:
    """The log, when all that is on its way has arrived, or has had its time to."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        found = LogCompleteness.of(site)
        if not found.wrong or time.monotonic() > deadline:
            return found
        time.sleep(1)
