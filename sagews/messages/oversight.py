"""What the site's operator asks of a worker by way of a backend: what is open there, and the end of a session."""

from __future__ import annotations

from dataclasses import dataclass

from sagews.messages.frame import Message
from sagews.messages.records import OpenRecord


@dataclass(frozen=True)
class ListOpen(Message, type="list_open"):
    """From a backend to a worker; answered with `open_listed`."""

    account: str = ""
    """Only the workspaces that this account owns; "" = all."""


@dataclass(frozen=True)
class OpenListed(Message, type="open_listed"):
    """The workspaces that are open on the worker now."""

    workspaces: tuple[OpenRecord, ...] = ()


@dataclass(frozen=True)
class EndSession(Message, type="end_session"):
    """From a backend to a worker: the operator ends this session of the envelope's workspace. Answered with `done`."""

    session: str
