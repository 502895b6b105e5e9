"""How much room a worker has, whose sessions take it, and taking it out of use: between backends and workers only."""

from __future__ import annotations

from dataclasses import dataclass, field

from sagews.messages.frame import Message


@dataclass(frozen=True)
class Room(Message, type="room"):
    """From a worker to every backend: after the greeting, and (a little later, several at once) when it changes."""

    places: int
    """Sessions that it takes at once."""
    sessions: int = 0
    """Places that are taken."""
    waiting: int = 0
    """Sessions that wait for a place."""
    workspaces: int = 0
    """Open here."""
    draining: bool = False
    """It opens no workspace, and closes each one in which nothing runs."""
    accounts: dict[str, int] = field(default_factory=dict)
    """Sessions, those that wait too, by the account that owns their workspace."""


@dataclass(frozen=True)
class Elsewhere(Message, type="elsewhere"):
    """From a backend to a worker: how many sessions these accounts have on other workers, as it heard last.

    An account that is not named has as many as before; none, where it never was on this connection.
    """

    sessions: dict[str, int]


@dataclass(frozen=True)
class Openings(Message, type="openings"):
    """From a worker to a backend: what it has open.

    After the greeting, for the backend to have closed what is over; and while the worker is drained, after each `room`:
    what is not named then is not open on it, and will not be.
    """

    epochs: dict[str, int]


@dataclass(frozen=True)
class Drain(Message, type="drain"):
    """From a backend to a worker: open nothing more, close what is open when nothing runs in it. Repeatable."""


@dataclass(frozen=True)
class Undrain(Message, type="undrain"):
    """From a backend to a worker: open workspaces again. Repeatable."""
