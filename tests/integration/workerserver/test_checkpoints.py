"""Checkpoints, as the backend that stores them sees them."""

from __future__ import annotations

import asyncio
import secrets

from sagews.client.worker import WorkerClient
from sagews.errors import Conflict
from sagews.messages import Frame, commands
from sagews.messages.connection import Refused
from sagews.messages.records import Actor
from sagews.messages.workspace import Checkpoint, Checkpointed, FollowJournal, OpenWorkspace
from sagews.worker.settings import WorkerSettings
from tests.integration.workerserver.conftest import Make

W = "w"


async def test_where_the_database_has_other_bundles_all_versions_are_offered(own_server: Make) -> None:
    server = await own_server(WorkerSettings(checkpoint_seconds=0.1))
    async with WorkerClient.unix(server.data / "w.sock", role="backend") as client:
        asked: asyncio.Queue[Frame] = asyncio.Queue()
        client.on_frame = lambda frame: asked.put_nowait(frame) if isinstance(frame.content, Checkpoint) else None
        await client.request(Frame(content=OpenWorkspace(), workspace=W, epoch=1))
        # So much that the next bundle does not take the place of the first one by itself.
        (server.data / "workspaces" / W / "files" / "much").write_bytes(secrets.token_bytes(200_000))
        channel = client.channel(W)
        await channel.attach(actor=Actor("ada", role="owner"))
        await client.request(Frame(content=FollowJournal(), workspace=W))
        offered = []
        for path, answer in (
            ("a.ipynb", Checkpointed()),
            ("b.ipynb", Refused.because(Conflict("There are others."))),
            ("", Checkpointed()),
        ):
            if path:
                await channel.command(commands.OpenDocument(path, create=True))
            async with asyncio.timeout(20):
                while True:
                    frame = await asked.get()
                    assert isinstance(frame.content, Checkpoint)
                    if frame.content.bundle is not None:
                        break
                    client.send(frame.reply(Checkpointed()))
            offered.append(frame.content.bundle)
            client.send(frame.reply(answer))
        assert [bundle.basis for bundle in offered] == ["", offered[0].head, ""]
