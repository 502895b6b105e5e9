"""Log records on their way to the log server.

After `hello` (role ``log``) and `welcome`, a `log_records` frame carries records as its payload; `done` with the same
`request` says that they are in the database.
"""

from __future__ import annotations

from dataclasses import dataclass

from sagews.messages.frame import Message

BATCH_BYTES = 256 * 1024
"""The largest payload of one `log_records`."""


@dataclass(frozen=True)
class LogRecords(Message, type="log_records"):
    """These happened. The payload has one JSON object a line; each has its number ``n`` in the process."""

    process: str
    """Which process: an id that none before or after it has."""
    instance: int = 0
    """Which one of its component, which the sender's certificate names."""
    host: str = ""
    """The machine, by its name in the configuration."""
