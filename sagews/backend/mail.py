"""Mail, by the command that the operator configured.

Invariant: what people wrote gets into headers as plain text in one line. `email` refuses line ends there, but takes
encoded words (RFC 2047) for what they stand for, which may be line ends and whole headers: so none goes in.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import re
from collections.abc import Coroutine
from email.errors import MessageError
from email.message import EmailMessage
from email.policy import SMTP
from typing import Any

from sagews.backend import background
from sagews.configuration import Configuration
from sagews.errors import Unavailable, UsageError

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 30.0
ADDRESS = r"[^\s@<>,;:?\"()\[\]\\\x00-\x1f\x7f]{1,64}@[0-9A-Za-z-]{1,63}(\.[0-9A-Za-z-]{1,63})+"
_ADDRESS = re.compile(ADDRESS)


def is_address(text: str) -> bool:
    """Whether mail can be sent to it (the plain forms of RFC 5321, section 4.1.2, in ASCII and UTF-8).

    Those with a question mark are none: they could be encoded words.
    """
    return _ADDRESS.fullmatch(text) is not None and len(text) <= 254


class Mail:
    """Of one site."""

    def __init__(self, configuration: Configuration) -> None:
        self._chosen = configuration.mail
        self._site = configuration.site.name
        self._begun: set[asyncio.Task[None]] = set()

    @property
    def can_send(self) -> bool:
        """Whether the operator wants the site to send mail."""
        return bool(self._chosen.command)

    def begin(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something that sends mail beside the request that asked for it."""
        task = background.start(work, "mail")
        self._begun.add(task)
        task.add_done_callback(self._begun.discard)

    async def stop(self) -> None:
        """Give up what is begun; repeatable."""
        await background.stop(*self._begun)

    async def send(self, to: str, subject: str, text: str) -> None:
        """Hand a message to the command.

        :raises UsageError: that is no address.
        :raises Unavailable: the command fails, or takes longer than `PATIENCE_SECONDS`.
        """
        message = self._message(to, subject, text)
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                status, said = await self._run(message.as_bytes(policy=SMTP))
        except OSError as error:  # TimeoutError is one too
            log.exception("Mail not sent", extra={"action": "mail_not_sent"})
            raise Unavailable("The mail could not be sent.", mend="Ask the site's operator.") from error
        if status:
            log.error("Mail not sent", extra={"action": "mail_not_sent", "status": status, "said": said[-500:]})
            raise Unavailable("The mail could not be sent.", mend="Ask the site's operator.")

    def _message(self, to: str, subject: str, text: str) -> EmailMessage:
        if not is_address(to):
            raise UsageError(f"{to[:100]!r} is no mail address.")
        message = EmailMessage()
        try:
            message["To"] = to
            message["Subject"] = _in_one_line(f"[{self._site}] {subject}")
        except (ValueError, MessageError) as error:
            raise UsageError(f"Nothing can be sent to {to[:100]!r}.") from error
        if self._chosen.sender:
            message["From"] = self._chosen.sender
        message["Auto-Submitted"] = "auto-generated"  # RFC 3834, section 5
        message.set_content(text)
        return message

    async def _run(self, content: bytes) -> tuple[int, str]:
        process = await asyncio.create_subprocess_exec(
            *self._chosen.command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        try:
            said, _ = await process.communicate(content)
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return process.returncode or 0, said.decode(errors="replace")


def _in_one_line(text: str) -> str:
    """As plain text for a header: without control characters and encoded words."""
    plain = "".join(sign if sign.isprintable() else " " for sign in text).replace("=?", "= ?")
    return " ".join(plain.split())
