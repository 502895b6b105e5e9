"""SiteClient: everything that a program can do on a site, over its HTTP API and its websocket::

    async with SiteClient("http://127.0.0.1:8765", token) as site:
        session = await site.open_session("sage")
        print((await session.evaluate("factor(2^64+1)")).text)

The frames are those that a backend says to a worker, so `Channel` and `WorkerSession` serve here too.
"""

from __future__ import annotations

import asyncio
import json
import logging
import secrets
from asyncio import Future
from collections.abc import Callable
from dataclasses import replace
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

from tornado.httpclient import AsyncHTTPClient, HTTPClientError, HTTPRequest, HTTPResponse
from tornado.httputil import HTTPHeaders
from tornado.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError
from tornado.websocket import WebSocketClientConnection, WebSocketClosedError, websocket_connect

import sagews
from sagews.client.refusals import error_of
from sagews.client.worker import WorkerClient
from sagews.client.worker_link import OpenLink
from sagews.client.worker_session import WorkerSession
from sagews.errors import MessageError, SagewsError, Unavailable, UsageError, WorkerUnavailable
from sagews.messages.connection import PROTOCOL, Hello, Ping, Pong, Refused, Welcome
from sagews.messages.frame import Frame, dump, load

log = logging.getLogger(__name__)

GREETING_SECONDS = 10.0
REQUEST_SECONDS = 60.0
CLOSE_SECONDS = 6.0
LARGEST_MESSAGE_BYTES = 64 * 1024 * 1024
LARGEST_OUTPUT_BYTES = 2**40
"""Of one run: what a site may be configured to keep (`worker.session.output_megabytes`)."""
OUTPUT_SECONDS = 3600.0


class SiteClient:
    """One account on one site."""

    def __init__(self, url: str, token: str) -> None:
        """
        :param url: where the site is: ``http://127.0.0.1:8765``.
        :param token: an API token, or the one of the address that a solo site printed.
        """
        self.url = url.rstrip("/")
        self._token = token
        self._http = AsyncHTTPClient(force_instance=True, max_body_size=LARGEST_OUTPUT_BYTES)
        self._live: WorkerClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close every connection."""
        if self._live is not None:
            await self._live.close()
        self._http.close()

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Call the HTTP API and return the JSON of its answer; None where it has none.

        :param path: with its leading slash: ``/api/workspaces``.
        :raises SagewsError: the one that the site answers with; Unavailable where it does not answer.
        """
        data = None if body is None else json.dumps(body)
        response = await self._fetch(method, path, data)
        return json.loads(response.body) if response.body else None

    async def output(self, workspace: str, run: str) -> bytes:
        """All text that a run wrote, also what was not told because there was too much of it."""
        path = f"/api/workspaces/{quote(workspace)}/runs/{quote(run)}/output"
        response = await self._fetch("GET", path, None, OUTPUT_SECONDS)
        return bytes(response.body)

    async def live(self) -> WorkerClient:
        """The connection on which workspaces are followed; it is made again when it is lost.

        Of each workspace it carries one channel at a time (a backend names the workspace, not the channel): a second
        follower needs a `SiteClient` of its own.

        :raises SagewsError: where the site does not answer, or refuses us.
        """
        if self._live is None:
            connection = WorkerClient(over_site(self.url, self._token))
            await connection.connect()
            self._live = connection
        return self._live

    async def open_session(self, environment: str = "") -> WorkerSession:
        """A new session in a scratch workspace of its own, which is deleted when the session is closed.

        :param environment: one of the site's; "" = its first.
        """
        workspace = await self.make_scratch_workspace()
        live = await self.live()
        return await live.begin_session(environment, workspace, lambda: self.delete_workspace(workspace))

    async def make_scratch_workspace(self) -> str:
        """A workspace that is thrown away when it closes; returns its id."""
        name = f"script {secrets.token_hex(6)}"
        return str((await self.call("POST", "/api/workspaces", {"name": name, "kind": "scratch"}))["id"])

    async def delete_workspace(self, workspace: str) -> None:
        """Delete a workspace; its sessions end."""
        await self.call("DELETE", f"/api/workspaces/{quote(workspace)}")

    async def _fetch(self, method: str, path: str, data: str | None, seconds: float = REQUEST_SECONDS) -> HTTPResponse:
        headers = HTTPHeaders({"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"})
        try:
            request = HTTPRequest(
                self.url + path,
                method=method,
                headers=headers,
                body=data,
                request_timeout=seconds,
                allow_nonstandard_methods=True,
            )
            return await self._http.fetch(request)
        except HTTPClientError as error:
            raise _refusal(self.url, error) from error
        except (OSError, ValueError, HTTPTimeoutError, HTTPStreamClosedError) as error:
            raise _unreachable(self.url, error) from error


class SiteLink:
    """One websocket to a backend. Frames go to `on_frame` as they come; its end goes to `on_lost`, once."""

    def __init__(self, hello: Hello, on_frame: Callable[[Frame], None], on_lost: Callable[[], None]) -> None:
        """:param hello: what is said first."""
        self.welcome: asyncio.Future[Welcome] = asyncio.get_running_loop().create_future()
        self._hello = hello
        self._on_frame = on_frame
        self._on_lost = on_lost
        self._channels: dict[str, int] = {}
        """Of the workspaces: a backend names the workspace, not the channel."""
        self._socket: WebSocketClientConnection | None = None
        self._ended = asyncio.Event()

    async def open(self, url: str) -> None:
        """Connect and greet.

        :raises Unavailable: where nobody answers in time; NotSignedIn, MessageError: where we are refused.
        """
        address = f"ws{url.removeprefix('http')}/sockjs/websocket"
        connecting = asyncio.ensure_future(
            websocket_connect(address, on_message_callback=self._heard, max_message_size=LARGEST_MESSAGE_BYTES)
        )
        greeted = False
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                self._socket = await asyncio.shield(connecting)
                self.send(Frame(content=self._hello))
                await self.welcome
            greeted = True
        except (OSError, ValueError, TimeoutError, HTTPClientError, HTTPStreamClosedError) as error:
            raise _unreachable(url, error) from error
        finally:
            if not greeted:
                connecting.add_done_callback(_close_unused)

    @property
    def closed(self) -> bool:
        """Whether nothing can be sent any more."""
        return self._socket is None

    def send(self, frame: Frame) -> None:
        """Send a frame. Raises WorkerUnavailable where the connection is lost."""
        if self._socket is None:
            raise WorkerUnavailable("The connection to the site is lost.")
        if frame.channel:
            self._channels[frame.workspace] = frame.channel
        try:
            # A write that fails later is told by the message None, as every end of the connection.
            written = self._socket.write_message(dump(replace(frame, channel=0)))
        except WebSocketClosedError as error:
            raise WorkerUnavailable("The connection to the site is lost.") from error
        written.add_done_callback(lambda done: done.cancelled() or done.exception())

    async def room(self) -> None:
        """Nothing large is sent this way."""

    def close(self) -> None:
        """Close it."""
        if self._socket is not None:
            self._socket.close()

    async def gone(self) -> None:
        """Wait until nothing is left of it, at most so long as Tornado waits for the other side's answer."""
        if self._socket is not None:
            try:
                async with asyncio.timeout(CLOSE_SECONDS):
                    await self._ended.wait()
            except TimeoutError:
                log.info("Site does not answer a close", extra={"action": "close_unanswered"})

    def _heard(self, text: str | bytes | None) -> None:
        if text is None:
            self._ended.set()
            socket, self._socket = self._socket, None
            if socket is not None:
                socket.close()  # Tornado keeps a connection that was cut until it is told so
            self._fail(Unavailable("The site closed the connection before its greeting."))
            self._on_lost()
            return
        frame = load(text)
        content = frame.content
        if isinstance(content, Ping):
            self.send(frame.reply(Pong()))
        elif self.welcome.done():
            self._on_frame(replace(frame, channel=self._channels.get(frame.workspace, 0)))
        elif isinstance(content, Welcome):
            self.welcome.set_result(content)
        else:
            self._fail(error_of(content) if isinstance(content, Refused) else MessageError("This is no site of ours."))
            self.close()

    def _fail(self, error: SagewsError) -> None:
        if not self.welcome.done():
            self.welcome.set_exception(error)
            self.welcome.exception()


def _close_unused(connecting: Future[WebSocketClientConnection]) -> None:
    """A connection that nobody waits for any more."""
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().close()


def over_site(url: str, token: str) -> OpenLink:
    """Connect to a site's websocket and greet, under the same name each time."""
    hello = Hello(PROTOCOL, PROTOCOL, sagews.__version__, "script", token, secrets.token_hex(8))

    async def connect(on_frame: Callable[[Frame], None], on_lost: Callable[[], None]) -> SiteLink:
        link = SiteLink(hello, on_frame, on_lost)
        await link.open(url)
        return link

    return connect


def _refusal(url: str, error: HTTPClientError) -> SagewsError:
    """The error that an answer of the HTTP API tells of."""
    try:
        told = json.loads(error.response.body)["error"] if error.response is not None else {}
        return error_of(Refused(told["code"], told["what"], told["what_to_do"]))
    except (ValueError, KeyError, TypeError):
        return UsageError(f"{url} answers {error.code} {error.message}.", mend="Is this the address of a sagews site?")


def _unreachable(url: str, error: Exception) -> SagewsError:
    reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return Unavailable(f"{url} does not answer ({reason}).", mend="Start it with `sagews run`, or correct the address.")
