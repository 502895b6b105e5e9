"""A browser or script, as the tests need it: a plain WebSocket to a backend, and HTTP requests."""

from __future__ import annotations

import asyncio
import itertools
import json
import secrets
import ssl
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest, HTTPResponse
from tornado.websocket import WebSocketClientConnection, websocket_connect

from sagews.messages import Frame
from sagews.messages.commands import Execute, OpenSession
from sagews.messages.connection import PROTOCOL, Hello
from sagews.messages.frame import Message, dump, load
from sagews.messages.workspace import Attach

PATIENCE_SECONDS = 30


class Talk:
    """A live connection; keeps everything it hears."""

    def __init__(self, socket: WebSocketClientConnection, client: str, address: str = "", token: str = "") -> None:
        self.socket = socket
        self.client = client
        self.address = address
        self.token = token
        self.heard: list[Frame] = []
        self.epoch = 0
        self.closed = False
        self._numbers = itertools.count(1)
        self._news = asyncio.Event()
        self._may_read = asyncio.Event()
        self._may_read.set()
        self._reader = asyncio.create_task(self._read())

    @classmethod
    async def open(
        cls,
        address: str,
        token: str = "",
        *,
        client: str = "",
        headers: dict[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> Talk:
        """Connect and greet."""
        url = address.replace("http", "ws", 1) + "/sockjs/websocket"
        request = HTTPRequest(url, headers=headers or {}, ssl_options=tls)
        talk = cls(await websocket_connect(request), client or secrets.token_hex(4), address, token)
        await talk.say(Frame(content=Hello(PROTOCOL, PROTOCOL, "test", "script", token=token, client=talk.client)))
        await talk.hear("welcome")
        return talk

    async def say(self, frame: Frame) -> None:
        """Send a frame."""
        await self.socket.write_message(dump(frame))

    async def hear(self, *types: str, where: Callable[[Frame], bool] = lambda frame: True, after: int = 0) -> Frame:
        """The first frame of these types for which `where` holds, heard already or yet to come."""
        async with asyncio.timeout(PATIENCE_SECONDS):
            seen = after
            while True:
                while seen < len(self.heard):
                    frame = self.heard[seen]
                    seen += 1
                    if frame.content.type in types and where(frame):
                        return frame
                if self.closed:
                    raise AssertionError(f"closed before {types} came; heard {[f.content.type for f in self.heard]}")
                self._news.clear()
                await self._news.wait()

    async def attach(self, workspace: str, after: tuple[int, int] = (0, 0)) -> Frame:
        """Follow a workspace."""
        start = len(self.heard)
        await self.say(Frame(content=Attach(), workspace=workspace, epoch=after[0], n=after[1], client=self.client))
        frame = await self.hear("attached", "refused", after=start)
        self.epoch = frame.epoch
        return frame

    async def attached(self, workspace: str) -> Frame | None:
        """As `attach`; None where it is refused."""
        frame = await self.attach(workspace)
        return frame if frame.content.type == "attached" else None

    async def command(self, content: Message, workspace: str, session: str = "", **envelope: Any) -> int:
        """Say a numbered message; returns its number."""
        k = next(self._numbers)
        frame = Frame(content=content, workspace=workspace, session=session, epoch=self.epoch, client=self.client, k=k)
        await self.say(replace(frame, **envelope))
        return k

    async def answer(self, k: int, after: int = 0) -> Frame:
        """What a numbered message was answered."""
        return await self.hear("acknowledged", "refused", where=lambda frame: frame.k == k, after=after)

    async def obeyed(self, content: Message, workspace: str, session: str = "") -> Frame:
        """Say a numbered message, and wait for its answer."""
        return await self.answer(await self.command(content, workspace, session))

    async def evaluate(self, workspace: str, code: str, session: str = "s") -> str:
        """Evaluate code; returns what it printed."""
        await self.obeyed(OpenSession("python"), workspace, session)
        answer = await self.obeyed(Execute(code), workspace, session)
        run = answer.content.runs[0]  # type: ignore[attr-defined]
        await self.hear("run_ended", where=lambda frame: frame.run == run)
        streams = [f.content for f in self.heard if f.content.type == "stream" and f.run == run]
        return "".join(stream.text for stream in streams)  # type: ignore[attr-defined]

    def pause(self) -> None:
        """Read nothing more, until told to go on."""
        self._may_read.clear()

    def go_on(self) -> None:
        """Read again."""
        self._may_read.set()

    async def ended(self) -> None:
        """Wait until the other side has closed."""
        await self._reader

    async def close(self) -> None:
        """Close the connection."""
        self.socket.close()
        await self._reader

    async def _read(self) -> None:
        while (text := await self.socket.read_message()) is not None:
            await self._may_read.wait()
            self.heard.append(load(text))
            self._news.set()
        self.socket.close()  # Tornado keeps a connection that was cut until it is told so
        self.closed = True
        self._news.set()


class Http:
    """Requests to one backend, by a bearer token, by cookie, or by nobody."""

    def __init__(self, address: str, headers: dict[str, str] | None = None, tls: ssl.SSLContext | None = None) -> None:
        self.address = address
        self.tls = tls
        self.headers = headers or {}
        self._client = AsyncHTTPClient(force_instance=True, max_body_size=2**28)

    async def __call__(
        self, method: str, path: str, json_body: Any = None, *, body: Any = None, headers: dict[str, str] | None = None
    ) -> HTTPResponse:
        """One request; answers of every status are returned, redirections not followed."""
        given = {**self.headers, **(headers or {})}
        if json_body is not None:
            body = json.dumps(json_body)
            given.setdefault("Content-Type", "application/json")
        request = HTTPRequest(
            self.address + path,
            method,
            headers=given,
            body=body,
            allow_nonstandard_methods=True,
            follow_redirects=False,
            request_timeout=PATIENCE_SECONDS,
            ssl_options=self.tls,
        )
        return await self._client.fetch(request, raise_error=False)

    async def json(self, method: str, path: str, json_body: Any = None, **more: Any) -> Any:
        """The answer's JSON, of a request that succeeds."""
        response = await self(method, path, json_body, **more)
        assert response.code < 300, (response.code, response.body)
        return json.loads(response.body) if response.body else None

    async def error(self, method: str, path: str, json_body: Any = None, **more: Any) -> tuple[int, str]:
        """Status and code of a request that is refused; checks the form of the answer."""
        response = await self(method, path, json_body, **more)
        assert response.code >= 400, (response.code, response.body)
        assert response.headers["Content-Type"] == "application/json"
        error = json.loads(response.body)["error"]
        assert sorted(error) == ["code", "what", "what_to_do"]
        assert error["what"]
        assert error["what_to_do"]
        return response.code, error["code"]


async def closed(writer: asyncio.StreamWriter) -> None:
    """Wait until a connection that was closed here is gone, however the other side took it."""
    try:
        await writer.wait_closed()
    except ConnectionError:
        return


def refusal(frame: Frame) -> str:
    """The code of a refusal."""
    assert frame.content.type == "refused", frame
    return frame.content.code  # type: ignore[attr-defined]
