"""A client that shows every byte: HTTP over plain sockets, so that chunks and endings can be looked at."""

from __future__ import annotations

import asyncio
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass

from tornado.httputil import HTTPHeaders
from tornado.iostream import IOStream
from tornado.websocket import WebSocketClientConnection, websocket_connect

from tests.waiting import eventually


@dataclass
class Answer:
    """The answer to one request."""

    status: int
    headers: HTTPHeaders
    body: str = ""


class Exchange:
    """One request on a connection of its own."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.status = 0
        self.headers = HTTPHeaders()

    async def head(self) -> None:
        """Read status and headers."""
        text = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        status_line, _, rest = text.partition("\r\n")
        self.status = int(status_line.split()[1])
        self.headers = HTTPHeaders.parse(rest.rstrip("\r\n"))

    async def chunk(self) -> str:
        """The next chunk; empty at the end of the response."""
        size = int(await self.reader.readuntil(b"\r\n"), 16)
        data = await self.reader.readexactly(size + 2)
        return data[:-2].decode()

    async def body(self) -> str:
        """The whole body."""
        if self.headers.get("Transfer-Encoding") == "chunked":
            chunks = []
            while chunk := await self.chunk():
                chunks.append(chunk)
            return "".join(chunks)
        return (await self.reader.readexactly(int(self.headers.get("Content-Length", "0")))).decode()

    async def rest(self) -> bytes:
        """All bytes until the server closes the connection."""
        return await self.reader.read()

    async def hang_up(self) -> None:
        """Close the connection."""
        self.writer.close()
        try:
            await self.writer.wait_closed()
        except ConnectionError:
            return  # the server was faster


class SockJSClient:
    """Sends requests to a port of the loopback address."""

    def __init__(self, port: int) -> None:
        self.port = port
        self._exchanges: list[Exchange] = []
        self._sockets: list[tuple[WebSocketClientConnection, IOStream]] = []

    def session(self, service: str = "/echo") -> str:
        """The path of a new session."""
        return f"{service}/000/{uuid.uuid4()}"

    async def start(
        self,
        method: str,
        path: str,
        body: str | bytes = "",
        headers: Mapping[str, str] | None = None,
        version: str = "1.1",
    ) -> Exchange:
        """Send a request and read nothing."""
        data = body if isinstance(body, bytes) else body.encode()
        lines = [f"{method} {path} HTTP/{version}", f"Host: 127.0.0.1:{self.port}", f"Content-Length: {len(data)}"]
        lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
        exchange = Exchange(*await asyncio.open_connection("127.0.0.1", self.port))
        self._exchanges.append(exchange)
        exchange.writer.write("\r\n".join([*lines, "", ""]).encode() + data)
        return exchange

    async def stream(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, version: str = "1.1"
    ) -> Exchange:
        """Send a request and read the head of its answer."""
        exchange = await self.start(method, path, headers=headers, version=version)
        await exchange.head()
        return exchange

    async def ask(
        self, method: str, path: str, body: str | bytes = "", headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request, read the answer, hang up."""
        exchange = await self.start(method, path, body, headers)
        await exchange.head()
        no_body = exchange.status in (204, 304)
        answer = Answer(exchange.status, exchange.headers, "" if no_body else await exchange.body())
        await exchange.hang_up()
        return answer

    async def poll(self, session: str) -> str:
        """One frame by xhr-polling."""
        answer = await self.ask("POST", session + "/xhr")
        assert answer.status == 200
        return answer.body.removesuffix("\n")

    async def say(self, session: str, *messages: str) -> int:
        """Send messages by xhr; gives the status."""
        return (await self.ask("POST", session + "/xhr_send", json.dumps(messages))).status

    async def websocket(self, path: str) -> WebSocketClientConnection:
        """Open a WebSocket."""
        socket = await websocket_connect(f"ws://127.0.0.1:{self.port}{path}")
        assert socket.protocol is not None
        assert socket.protocol.stream is not None
        self._sockets.append((socket, socket.protocol.stream))  # it forgets the protocol when it is told to close
        return socket

    async def hang_up(self) -> None:
        """Close all that was opened."""
        for exchange in self._exchanges:
            await exchange.hang_up()
        for socket, stream in self._sockets:
            socket.close()
            # Tornado reads no further, also not to the end, while a message is waiting to be taken.
            while not stream.closed() and await socket.read_message() is not None:
                pass
            await eventually(stream.closed)
