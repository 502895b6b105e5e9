"""What is said between clients and a worker through a backend."""

from __future__ import annotations

from sagews.messages import Frame
from sagews.messages.connection import Ping
from tests.integration.backend.running import Site


async def test_code_is_evaluated(working_site: Site) -> None:
    workspace = await working_site.workspace()
    talk = await working_site.talk()
    attached = await talk.attach(workspace)
    assert attached.content.how == "snapshot"  # type: ignore[attr-defined]
    assert await talk.evaluate(workspace, "print(6 * 7)") == "42\n"
    await talk.close()


async def test_a_ping_is_answered(site: Site) -> None:
    talk = await site.talk()
    await talk.say(Frame(content=Ping(), request=7))
    assert (await talk.hear("pong")).request == 7
    await talk.close()
