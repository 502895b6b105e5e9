"""Channels of a `WorkerClient`."""

from __future__ import annotations

from pathlib import Path

from sagews.client.worker import WorkerClient


async def test_no_channel_gets_what_was_said_to_one_before(tmp_path: Path) -> None:
    """Numbers do not come again: a frame to a channel that is given up may still be on its way."""
    client = WorkerClient.unix(tmp_path / "w.sock")
    first = client.channel("one")
    client.forget(first)
    assert client.channel("two").number != first.number
