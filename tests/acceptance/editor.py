"""Editor: one person who edits a live worksheet and gives commands, and survives whatever happens to the site.

Every text that it inserts is a unique token, put between others and never inside one, so that a worksheet can be asked
whether it has each exactly once.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import deque
from collections.abc import Coroutine
from contextlib import suppress
from typing import Any

from pycrdt import Array, Doc, Map, Text

from sagews.client.site import SiteClient
from sagews.client.worker_channel import Channel
from sagews.errors import Fenced, NotFound, Unavailable
from sagews.messages.commands import Execute, OpenDocument, OpenSession
from sagews.messages.frame import Frame
from sagews.messages.workspace import Acknowledged, Attached, DocumentUpdate, Update, WorkspaceClosed

TOKEN = re.compile(r"<[^<>]*>")
NOTHING = b"\x00\x00"
PAUSE_SECONDS = 0.05
LEISURE_SECONDS = 0.5
RECENT_UPDATES = 200
SESSION = "runs"


class Editor:
    """One client of one workspace, with its own copy of one worksheet."""

    def __init__(self, site: SiteClient, workspace: str, name: str, chance: random.Random) -> None:
        self.name = name
        self.acknowledged: set[str] = set()
        self.sent: set[str] = set()
        self.ran: set[str] = set()
        """Runs of which the command was acknowledged."""
        self.asked: set[str] = set()
        self.document = ""
        self.copy: Doc = Doc()
        self.reasons: list[str] = []
        """Why the workspace was closed."""
        self._order = self.copy.get("order", type=Array)
        self._cells = self.copy.get("cells", type=Map)
        self._site = site
        self._workspace = workspace
        self._chance = chance
        self._channel: Channel | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._number = 0
        self._refused = asyncio.Event()
        self._recent: deque[bytes] = deque(maxlen=RECENT_UPDATES)

    @property
    def channel(self) -> Channel:
        assert self._channel is not None
        return self._channel

    async def start(self, path: str) -> None:
        """Attach, and open the worksheet."""
        self._channel = (await self._site.live()).channel(self._workspace, client=self.name)
        self._begin(self._follow(), "follow")
        await self.channel.attach()
        answer = await self.channel.command(OpenDocument(path, create=True, environment="python"))
        assert isinstance(answer.content, Acknowledged)
        self.document = answer.content.document
        await self.channel.attach()  # with a snapshot, which has it

    async def stop(self) -> None:
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def edit(self) -> None:
        """One random edit; it is acknowledged when it is."""
        self._number += 1
        token = f"<{self.name}.{self._number}>"
        before = self.copy.get_state()
        with self.copy.transaction():
            dice = self._chance.random()
            if dice < 0.1 or not self._ids():
                self._new_cell(token)
            else:
                if dice < 0.2:
                    self._move()
                self._insert(token)
        self.sent.add(token)
        self._begin(self._send(self.copy.get_update(before), token))

    async def edit_until_refused(self) -> None:
        """Edit now and then, until the site takes no edits for the time being."""
        self._refused.clear()
        while not self._refused.is_set():
            self.edit()
            with suppress(TimeoutError):
                await asyncio.wait_for(self._refused.wait(), LEISURE_SECONDS)

    def run(self) -> None:
        """One run, which writes down that it ran."""
        self._number += 1
        token = f"{self.name}.{self._number}"
        self.asked.add(token)
        self._begin(self._execute(token))

    async def all_acknowledged(self, within_seconds: float) -> None:
        """Wait until nothing is unanswered."""
        pending = {task for task in self._tasks if task.get_name() == "work"}
        _, late = await asyncio.wait(pending, timeout=within_seconds) if pending else ((), ())
        assert not late, f"{len(late)} of {self.name} are unanswered: {vars(self.channel)}"

    def text(self) -> list[tuple[str, str]]:
        """The cells in their order, with their sources."""
        return [(cell, str(self._source(cell))) for cell in self._ids()]

    def tokens(self) -> list[str]:
        """All that were inserted, by anybody, as often as they stand here."""
        return [token for _, source in self.text() for token in TOKEN.findall(source)]

    # --- edits

    def _ids(self) -> list[str]:
        return list(dict.fromkeys(cell for cell in self._order if cell in self._cells))

    def _source(self, cell: str) -> Text:
        source = self._cells[cell]["source"]
        assert isinstance(source, Text)
        return source

    def _insert(self, token: str) -> None:
        source = self._source(self._chance.choice(self._ids()))
        # Positions are counted in UTF-8 bytes there; tokens are ASCII.
        places = [0, *(match.end() for match in TOKEN.finditer(str(source)))]
        source.insert(self._chance.choice(places), token)

    def _new_cell(self, token: str) -> None:
        cell = f"{self.name}-{self._number}"
        self._cells[cell] = Map({"type": "code", "source": Text(token), "metadata": {}})
        self._order.insert(self._chance.randint(0, len(self._order)), cell)

    def _move(self) -> None:
        place = self._chance.randrange(len(self._order))
        cell = self._order[place]
        del self._order[place]
        self._order.insert(self._chance.randint(0, len(self._order)), cell)

    # --- talking

    def _begin(self, work: Coroutine[Any, Any, None], name: str = "work") -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and task.exception() is None:
            self._tasks.discard(task)  # one that failed stays, for `failures`

    @property
    def failures(self) -> list[BaseException]:
        """What went wrong and should not have."""
        ended = [task for task in self._tasks if task.done() and not task.cancelled()]
        return [error for task in ended if (error := task.exception()) is not None]

    async def _send(self, update: bytes, token: str = "") -> None:
        while True:
            try:
                await self.channel.command(Update(self.document, update))
            except Unavailable:
                self._refused.set()
                await asyncio.sleep(PAUSE_SECONDS)
            else:
                self.acknowledged.add(token)
                return

    async def _execute(self, token: str) -> None:
        try:
            await self.channel.command(OpenSession("python"), session=SESSION)
            code = f"with open('runs.txt', 'a') as file: _ = file.write('{token}\\n')"
            await self.channel.command(Execute(code), session=SESSION)
        except (Fenced, NotFound, Unavailable):
            return  # it may be that it ran; it did not run twice
        self.ran.add(token)

    async def _follow(self) -> None:
        async for frame in self.channel.events():
            self._heard(frame)

    def _heard(self, frame: Frame) -> None:
        content = frame.content
        if isinstance(content, DocumentUpdate) and content.document == self.document:
            self._apply(content.update)
        elif isinstance(content, Attached) and content.snapshot is not None:
            for state in content.snapshot.documents:
                if state.document == self.document:
                    self._exchange(state.state)
        elif isinstance(content, WorkspaceClosed):
            self.reasons.append(content.reason)

    def _apply(self, update: bytes) -> None:
        """Of updates that come before what they build on (refused ones come late), pycrdt 0.14 alone may lose some."""
        self._recent.append(update)
        for one in self._recent:
            self.copy.apply_update(one)

    def _exchange(self, theirs: bytes) -> None:
        """Take what the site has, and send what it lacks, whoever made that."""
        other: Doc = Doc()
        other.apply_update(theirs)
        self.copy.apply_update(theirs)
        lacking = self.copy.get_update(other.get_state())
        if lacking != NOTHING:
            self._begin(self._send(lacking))


def same(editors: list[Editor]) -> bool:
    """Whether all show the same."""
    return all(editor.text() == editors[0].text() for editor in editors)
