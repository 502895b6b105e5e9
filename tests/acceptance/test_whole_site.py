"""A whole site with the real servers: everything in it dies, is renewed and is started again, under load."""

from __future__ import annotations

import asyncio
import os
import random
import re
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import cast

import pytest
from playwright.async_api import Browser

from sagews.client.site import SiteClient
from sagews.client.site_sharing import SitePublications
from tests.acceptance.browsing import PATIENCE_MILLISECONDS, WorksheetPage
from tests.acceptance.editor import Editor, same
from tests.acceptance.log_completeness import LogCompleteness
from tests.acceptance.numbered import Numbered, NumberedClient, NumberedPage, all_answer_again
from tests.acceptance.solo import SoloSite
from tests.acceptance.whole_site import OURS, WholeSite, whole_site
from tests.waiting import eventually

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("whole site"),
    pytest.mark.postgresql,
    pytest.mark.memcached,
    pytest.mark.haproxy,
    pytest.mark.nginx,
    pytest.mark.browser,
]
CLIENTS = int(os.environ.get("WHOLE_SITE_CLIENTS", "5"))
"""As many as keep two cores busy; `benchmarks.whole_site` has 20."""
KILLED = (
    "loadbalancer:0",
    "backend:0",
    "backend:1",
    "backend:2",
    "memcached:0",
    "logserver:0",
    "supervisord",
    "loadbalancer:1",
)
PATIENCE_SECONDS = 60.0
"""Only bounds how long a broken site is waited for."""


@pytest.fixture(scope="module")
def running_site() -> Iterator[WholeSite]:
    with whole_site() as made:
        made.sagews("start")
        yield made


@pytest.fixture(scope="module")
def token(running_site: WholeSite) -> str:
    return running_site.new_token("worker-bee")


@asynccontextmanager
async def load(site: WholeSite, token: str, browser: Browser) -> AsyncIterator[tuple[Sequence[Numbered], list[Editor]]]:
    """Clients and a page that evaluate without a pause, and people who edit; everything is checked at the end."""
    async with AsyncExitStack() as stack:
        clients = []
        for number in range(CLIENTS):
            connection = await stack.enter_async_context(site.client(token, begin=number % 2))
            clients.append(NumberedClient(connection, f"c{number}"))
        page = NumberedPage(await open_page(site, browser, stack))
        everybody: list[Numbered] = [*clients, page]
        async with asyncio.TaskGroup() as running:
            for one in everybody:
                running.create_task(one.run())
            editors = await begin_editing(site, token, stack)
            await all_answer_again(everybody, within_seconds=PATIENCE_SECONDS)
            yield everybody, editors
            await check_edits(editors)
            for one in everybody:
                one.stopping = True
        assert [text for client in clients for text in client.wrong] == []


async def open_page(site: WholeSite, browser: Browser, stack: AsyncExitStack) -> WorksheetPage:
    """A page of somebody who has signed in by hand and opened a new worksheet."""
    name, password = f"person{random.randrange(10**6)}", "a password of nobody"
    site.sagews("users", "create", name, "--password-file", "-", given=f"{password}\n")
    window = await browser.new_context(ignore_https_errors=True, reduced_motion="reduce")
    stack.push_async_callback(window.close)
    window.set_default_timeout(PATIENCE_MILLISECONDS)
    page = await window.new_page()
    await page.goto(site.urls[0])
    await page.get_by_label(re.compile("name", re.IGNORECASE)).fill(name)
    await page.get_by_label("Password").fill(password)
    await page.keyboard.press("Enter")
    await page.get_by_role("button", name="New worksheet").click()
    sheet = WorksheetPage(page, cast(SoloSite, site), "")  # which is only asked for its address
    await sheet.cells.first.wait_for()
    return sheet


async def begin_editing(site: WholeSite, token: str, stack: AsyncExitStack) -> list[Editor]:
    first = await stack.enter_async_context(site.client(token))
    workspace = str((await first.call("POST", "/api/workspaces", {"name": f"chaos {random.random()}"}))["id"])
    editors = []
    for number, name in enumerate("ab"):
        connection = await stack.enter_async_context(site.client(token, begin=number))
        editors.append(Editor(connection, workspace, name, random.Random()))
        await editors[-1].start("chaos.ipynb")
    return editors


async def check_edits(editors: list[Editor]) -> None:
    """Every edit was acknowledged and is there once, for everybody."""
    for editor in editors:
        await editor.all_acknowledged(within_seconds=PATIENCE_SECONDS)
        assert editor.failures == []
    await eventually(lambda: same(editors), within_seconds=PATIENCE_SECONDS)
    once = Counter(token for editor in editors for token in editor.sent)
    assert Counter(editors[0].tokens()) == once
    for editor in editors:
        await editor.stop()


async def disturb(
    what: str, disturbance: Callable[[], object], everybody: Sequence[Numbered], editors: list[Editor]
) -> None:
    """Edit, do something to the site, and wait until everybody is answered again."""
    for editor in editors:
        for _ in range(5):
            editor.edit()
    for one in everybody:
        one.longest_seconds = 0.0
    await asyncio.to_thread(disturbance)
    waited = await all_answer_again(everybody, within_seconds=PATIENCE_SECONDS)
    print(f"{what:24} longest wait for an answer {waited:.2f} s")


def all_up(site: WholeSite) -> None:
    assert {name: one["health"] for name, one in site.status().items() if one["state"] != "up"} == {}


async def test_whatever_dies_nobody_loses_repeats_or_reorders_anything(
    running_site: WholeSite, token: str, browser: Browser
) -> None:
    site = running_site
    async with load(site, token, browser) as (everybody, editors):
        for victim in KILLED:
            dead = site.pid(victim)
            await disturb(f"kill -9 {victim}", partial(site.kill, victim), everybody, editors)
            if victim == "supervisord":
                await asyncio.to_thread(site.sagews, "start")
            await eventually(partial(site.lives_again, victim, dead), within_seconds=PATIENCE_SECONDS)
            if victim != "supervisord":
                await asyncio.to_thread(site.sagews, "start", victim)  # returns when it answers
        # Without a database for longer than a lease, edits wait, and with them who runs what was just edited.
        programs = [one for one in everybody if isinstance(one, NumberedClient)]
        await disturb("stop postgresql", partial(site.sagews, "stop", "postgresql"), programs, editors)
        await editors[0].edit_until_refused()
        await disturb("start postgresql", partial(site.sagews, "start", "postgresql"), everybody, editors)
    all_up(site)


async def test_reloads_restarts_and_new_certificates_reach_no_client(
    running_site: WholeSite, token: str, browser: Browser
) -> None:
    site = running_site
    async with load(site, token, browser) as (everybody, editors):
        for arguments in (
            ("certs", "renew"),
            ("reload",),
            ("reload", "loadbalancer"),
            ("restart", "backend"),
            ("restart", "loadbalancer"),
        ):
            await disturb(" ".join(arguments), partial(site.sagews, *arguments), everybody, editors)
    all_up(site)


async def test_a_drained_worker_is_replaced_and_nothing_is_lost(running_site: WholeSite, token: str) -> None:
    site = running_site
    async with AsyncExitStack() as stack:
        editors = await begin_editing(site, token, stack)
        for worker in ("worker:0", "worker:1"):
            await exchange(worker, site, editors)
        await check_edits(editors)


async def test_new_code_comes_in_one_by_one_while_a_long_cell_runs(
    running_site: WholeSite, token: str, browser: Browser
) -> None:
    """As the operator's guide has it: backends one by one, and workers by means of one more, for the time being."""
    site, new, before = running_site, running_site.by_new_code("99.1"), running_site.file.read_text()
    async with AsyncExitStack() as stack:
        operator = await stack.enter_async_context(site.client(site.sagews("users", "token", "operator").strip()))
        person = await stack.enter_async_context(site.client(token))
        workspace = str((await person.call("POST", "/api/workspaces", {"name": "Long"}))["id"])
        session = await (await person.live()).begin_session("python", workspace)
        cell = asyncio.create_task(session.evaluate("print(input('Go on? '))", allow_stdin=True))
        await session.on_input.get()
        old = (await workers_by_workspace(operator))[workspace]

        site.file.write_text(f'{before}worker.hosts = ["localhost", "localhost", "localhost"]\n')
        async with load(site, token, browser) as (everybody, editors):
            for component in ("logserver", "backend"):
                await disturb(f"new {component}", partial(new.sagews, "restart", component), everybody, editors)

        editors = await begin_editing(site, token, stack)
        await asyncio.to_thread(new.sagews, "start", "worker:2")
        await exchange("worker:1" if old == "worker:0" else "worker:0", new, editors)
        exchanged = asyncio.create_task(exchange(old, new, editors))

        async def only_the_cell_is_left() -> bool:
            states = {one["id"]: one["state"] for one in (await operator.call("GET", "/api/admin/workers"))["workers"]}
            left = [one for one, worker in (await workers_by_workspace(operator)).items() if worker == old]
            return states[old] == "draining" and left == [workspace]

        await eventually(only_the_cell_is_left, within_seconds=PATIENCE_SECONDS)
        assert not cell.done()
        assert site.status()[old]["version"] != "99.1"
        await session.reply("yes")
        assert (await cell).stdout.endswith("yes\n")
        await exchanged

        await drain("worker:2", new, editors)
        for arguments in (("stop", "worker:2"), ("workers", "forget", "worker:2")):
            await asyncio.to_thread(new.sagews, *arguments)
        site.file.write_text(before)
        await asyncio.to_thread(new.sagews, "restart", "backend")
        await check_edits(editors)
    all_up(new)
    assert "worker:2" not in new.sagews("workers", "list")
    assert {one["version"] for name, one in new.status().items() if name.split(":")[0] in OURS} == {"99.1"}


async def workers_by_workspace(operator: SiteClient) -> dict[str, str]:
    """On which worker each open workspace is."""
    told = await operator.call("GET", "/api/admin/workspaces")
    return {one["workspace"]: one["worker"] for one in told["workspaces"]}


async def drain(worker: str, site: WholeSite, editors: list[Editor]) -> None:
    """While people edit; returns when it has no workspace any more."""
    for editor in editors:
        for _ in range(20):
            editor.edit()
    await asyncio.to_thread(site.sagews, "workers", "drain", worker, "--wait")


async def exchange(worker: str, site: WholeSite, editors: list[Editor]) -> None:
    """Put a worker of this code in the place of one, when nothing runs in it any more."""
    await drain(worker, site, editors)
    await asyncio.to_thread(site.sagews, "restart", worker)
    await asyncio.to_thread(site.sagews, "workers", "undrain", worker)


async def test_what_is_published_goes_on_being_read_when_all_but_nginx_and_its_load_balancer_are_stopped(
    running_site: WholeSite, token: str
) -> None:
    site = running_site
    cells = [{"cell_type": "markdown", "id": "a", "metadata": {}, "source": "# Published rings"}]
    async with site.client(token) as client:
        workspace = (await client.call("POST", "/api/workspaces", {"name": "Rings"}))["id"]
        place = f"/api/workspaces/{workspace}"
        notebook = {"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}
        await client.call("PUT", f"{place}/files/Rings.ipynb", notebook)
        made = await SitePublications(client).publish(workspace, "Rings.ipynb", listed=True)
        # Every backend laid it out before it answered, or waited for who did.
        others = ("backend", "worker", "postgresql", "memcached", "logserver")
        await asyncio.to_thread(site.sagews, "stop", *others)
        try:
            for address in (made["address"], f"{made['address']}versions/1/", "/published/"):
                assert "Published rings" in await asyncio.to_thread(site.read, address)
        finally:
            await asyncio.to_thread(site.sagews, "start")


async def test_the_log_has_every_record_once(running_site: WholeSite) -> None:
    """Each process numbers its records and prints them; all are there, once, but for those counted as dropped."""

    def complete() -> bool:
        found = LogCompleteness.of(running_site)
        assert found.wrong == ()
        assert found.processes >= 8, "three backends (each more than once), two workers, the log server"
        return True

    await eventually(lambda: asyncio.to_thread(complete), within_seconds=PATIENCE_SECONDS)


async def test_a_stopped_site_leaves_no_process_and_starts_again_with_all_data(running_site: WholeSite) -> None:
    site = running_site
    names = site.sagews("users", "list")
    site.sagews("stop")
    assert site.processes() == []
    assert "was stopped already" in site.sagews("stop")
    assert {one["state"] for one in site.status().values()} == {"stopped"}
    site.sagews("start")
    assert site.sagews("users", "list") == names
    assert "runs already" in site.sagews("start", "backend:1")
    all_up(site)
