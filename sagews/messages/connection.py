"""How two programs of ours greet each other, stay in touch, and refuse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sagews.errors import SagewsError
from sagews.messages.frame import Message

PROTOCOL = 1
"""The version that this code speaks. It grows when an older peer could no longer understand us."""


@dataclass(frozen=True)
class Hello(Message, type="hello"):
    """The first message of who connects."""

    protocol_minimum: int
    protocol_maximum: int
    build: str
    role: Literal["browser", "backend", "bulk", "script", "log"]
    token: str = ""
    client: str = ""
    """A browser tab or script: its own random name, the same after it reconnects."""


@dataclass(frozen=True)
class Welcome(Message, type="welcome"):
    """The first message of who accepts."""

    protocol: int
    build: str
    environments: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    """Every address at which the site can be reached."""
    account: str = ""


@dataclass(frozen=True)
class Ping(Message, type="ping"):
    """Are you there?"""


@dataclass(frozen=True)
class Pong(Message, type="pong"):
    """I am."""


@dataclass(frozen=True)
class Done(Message, type="done"):
    """What was asked for is done, and there is nothing more to say."""


@dataclass(frozen=True)
class Refused(Message, type="refused"):
    """What was asked for is not done. `code` is that of a class in `sagews.errors`."""

    code: str
    what: str
    what_to_do: str = ""
    refused: str = ""
    """The type of the message that was refused."""

    @classmethod
    def because(cls, error: SagewsError, refused: str = "") -> Refused:
        """The refusal that tells of `error`."""
        return cls(code=error.code, what=error.what, what_to_do=error.what_to_do, refused=refused)


@dataclass(frozen=True)
class Waiting(Message, type="waiting"):
    """There is no room now; this is your place in the queue (1 = next)."""

    place: int
