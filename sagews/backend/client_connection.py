"""The live connection of one browser or script: SockJS or a plain WebSocket, JSON messages.

Invariant: nothing but a refusal is said before the greeting; what a client says about itself (actor, channel, whose
numbers it uses) is replaced by what the backend knows.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import sagews
from sagews.backend.attachment import Attachment
from sagews.backend.collaborators import Backend
from sagews.backend.identity import Who
from sagews.backend.rights import Rights
from sagews.backend.sockjs import Connection, RequestFacts
from sagews.errors import (
    Disconnected,
    MessageError,
    NotFound,
    NotSignedIn,
    OverLimit,
    SagewsError,
    TooLarge,
)
from sagews.messages import Frame, commands, jupyter
from sagews.messages.connection import PROTOCOL, Done, Hello, Ping, Pong, Refused, Welcome
from sagews.messages.frame import Message, dump, load, malformed, parse
from sagews.messages.workspace import Attach, Detach, Presence, Update

log = logging.getLogger(__name__)

HELLO_SECONDS = 10.0
HELLO_BYTES = 16 * 1024
ATTACHMENTS = 20
"""Workspaces that one client may follow at once."""
NAME_LENGTH = 100
REFUSED = 4000
"""Plus the HTTP status: why a connection is closed (RFC 6455, section 7.4.2, for private use)."""

NUMBERED: tuple[type[Message], ...] = (
    Update,
    commands.OpenDocument,
    commands.RunCells,
    commands.CancelRuns,
    commands.ClearOutputs,
    commands.Save,
    commands.OpenSession,
    commands.Execute,
    jupyter.InterruptRequest,
    jupyter.ShutdownRequest,
    jupyter.InputReply,
    jupyter.CommOpen,
    jupyter.CommMsg,
    jupyter.CommClose,
)
QUESTIONS: tuple[type[Message], ...] = (
    jupyter.CompleteRequest,
    jupyter.InspectRequest,
    jupyter.IsCompleteRequest,
    jupyter.KernelInfoRequest,
)


class ClientConnection(Connection):
    """One client."""

    def __init__(self, backend: Backend, facts: RequestFacts) -> None:
        super().__init__(facts)
        self._backend = backend
        self._who: Who | None = None
        self._authorization = ""
        self._client = ""
        self._attachments: dict[str, Attachment] = {}
        self._deadline: asyncio.TimerHandle | None = None

    # -- for the audience

    @property
    def account(self) -> str:
        """Who it is; "" before the greeting."""
        return self._who.account.id if self._who is not None else ""

    def look_again(self, workspace: str = "") -> None:
        """The client's rights in the workspace ("" = in each one) may be others now."""
        for attachment in self._attachments.values():
            if workspace in ("", attachment.workspace):
                attachment.look_again()

    async def check_identity(self) -> None:
        """End the connection, if what it came with is worth nothing any more.

        :raises DatabaseUnavailable: nobody knows now.
        """
        try:
            await self._backend.identity.of_headers(self._authorization, self.facts.cookies)
        except NotSignedIn as error:
            self.close(REFUSED + error.status, "You are not signed in any more.")

    def turn_away(self, error: OverLimit) -> None:
        """Close, because there are too many."""
        self.close(REFUSED + error.status, error.what[:100])

    # -- Connection

    async def on_open(self) -> None:
        self._backend.metrics.connections.inc()
        self._backend.audience.add(self)
        self._backend.guests.came(self, self.facts.remote_ip)
        self._deadline = asyncio.get_running_loop().call_later(HELLO_SECONDS, self._too_slow)

    async def on_message(self, text: str) -> None:
        await self._keep_pace()
        try:
            frame = self._read(text)
        except MessageError as error:
            await self._refuse(self._envelope_of(text, error), error)
            return
        try:
            await self._hear(frame)
        except SagewsError as error:
            await self._refuse(frame, error)

    async def on_close(self) -> None:
        self._backend.metrics.connections.dec()
        self._backend.audience.remove(self)
        self._backend.guests.left(self)
        if self._deadline is not None:
            self._deadline.cancel()
        attachments, self._attachments = self._attachments, {}
        for attachment in attachments.values():
            await attachment.close()
            self._backend.metrics.attachments.dec()

    # -- inside

    async def _keep_pace(self) -> None:
        """Wait, where the account sends more than it may: what follows then waits in the client's socket."""
        if self.account:
            rate = self._backend.message_rate
            wait = rate.wait_seconds(self.account)
            if wait:
                await asyncio.sleep(wait)
            rate.count(self.account)

    def _read(self, text: str) -> Frame:
        if self._who is None and len(text) > HELLO_BYTES:
            raise TooLarge("The greeting is too long.")
        return load(text)

    def _envelope_of(self, text: str, error: MessageError) -> Frame:
        try:
            return malformed(parse(text) if len(text) <= HELLO_BYTES or self._who else None, error)
        except MessageError:
            return malformed(None, error)

    async def _hear(self, frame: Frame) -> None:
        content = frame.content
        self._backend.metrics.relayed.labels("worker").inc()
        if self._who is None:
            await self._greet(frame, content)
        elif isinstance(content, Ping):
            await self._say(frame.reply(Pong()))
        elif isinstance(content, Pong):
            return
        elif isinstance(content, Attach):
            await self._attach(frame, self._who)
        elif isinstance(content, Detach):
            await self._detach(frame)
        elif isinstance(content, Presence):
            self._attachment(frame).present(_clean(frame))
        elif isinstance(content, NUMBERED):
            if not frame.k:
                raise MessageError("message.k: updates and commands are numbered, from 1.")
            await self._attachment(frame).give(_clean(frame))
        elif isinstance(content, QUESTIONS):
            await self._attachment(frame).give(_clean(frame, k=0))
        else:
            raise MessageError(f"message.type: {content.type!r} is nothing that a client says.")

    async def _greet(self, frame: Frame, hello: Message) -> None:
        try:
            if not isinstance(hello, Hello):
                raise MessageError("message.type: the first message is `hello`.")
            if not hello.protocol_minimum <= PROTOCOL <= hello.protocol_maximum:
                raise MessageError(f"This site speaks protocol {PROTOCOL}.", mend="Load the page again.")
            if len(hello.client) > NAME_LENGTH:
                raise MessageError(f"content.client: at most {NAME_LENGTH} characters.")
            authorization = f"Bearer {hello.token}" if hello.token else self.facts.headers.get("Authorization", "")
            who = await self._backend.identity.of_headers(authorization, self.facts.cookies)
            self._backend.guests.greeted(self, who.account.id)
            self._who = who
            self._authorization = authorization
        except SagewsError as error:
            await self._refuse(frame, error)
            self.close(REFUSED + error.status, error.what[:100])
            return
        self._client = hello.client or f"unnamed-{id(self):x}"
        if self._deadline is not None:
            self._deadline.cancel()
        environments = self._backend.workers.environments()
        addresses = self._backend.entrance.addresses(self.facts.protocol, self.facts.host)
        welcome = Welcome(PROTOCOL, sagews.__version__, environments, addresses=addresses, account=self.account)
        await self._say(Frame(content=welcome))

    async def _attach(self, frame: Frame, who: Who) -> None:
        old = self._attachments.pop(frame.workspace, None)
        if old is not None:
            await old.close()
            self._backend.metrics.attachments.dec()
        if len(self._attachments) >= ATTACHMENTS:
            raise OverLimit(f"At most {ATTACHMENTS} workspaces can be followed at once.", mend="Detach one.")
        rights = Rights(self._backend.store, who, frame.workspace)
        await rights.require_reading()
        if len(frame.client) > NAME_LENGTH:
            raise MessageError(f"message.client: at most {NAME_LENGTH} characters.")
        attach = _clean(frame, client=frame.client or self._client)
        attachment = Attachment(self._backend.workers, rights, attach, self._send_text)
        self._attachments[frame.workspace] = attachment
        self._backend.metrics.attachments.inc()
        attachment.start()

    async def _detach(self, frame: Frame) -> None:
        attachment = self._attachments.pop(frame.workspace, None)
        if attachment is not None:
            await attachment.close()
            self._backend.metrics.attachments.dec()
        await self._say(frame.reply(Done()))

    def _attachment(self, frame: Frame) -> Attachment:
        attachment = self._attachments.get(frame.workspace)
        if attachment is None:
            raise NotFound("This workspace is not followed here.", mend="Attach to it first.")
        return attachment

    async def _refuse(self, frame: Frame, error: SagewsError) -> None:
        await self._say(frame.reply(Refused.because(error, frame.content.type)))

    async def _say(self, frame: Frame) -> None:
        await self._send_text(dump(frame))

    async def _send_text(self, text: str) -> None:
        self._backend.metrics.relayed.labels("client").inc()
        try:
            await self.send(text)
        except Disconnected:
            log.debug("Client is gone", extra={"action": "client_gone"})

    def _too_slow(self) -> None:
        self.close(REFUSED + 408, "No hello came in time.")


def _clean(frame: Frame, **changes: Any) -> Frame:
    """Without what only the backend may say."""
    if not isinstance(frame.content, Attach):
        changes["n"] = 0
    return frame.reply(frame.content, channel=0, **changes)
