"""Files go with their workspace from worker to worker."""

from __future__ import annotations

import pytest

from tests.integration.routing.whole_site import WholeSite, attached_again
from tests.waiting import eventually

pytestmark = [pytest.mark.postgresql, pytest.mark.asyncio(loop_scope="module")]

WRITE = "import os; open('kept', 'wb').write(os.urandom(5_000_000)); import hashlib"
DIGEST = "import hashlib; print(hashlib.sha256(open('kept', 'rb').read()).hexdigest())"


async def test_a_drained_worker_gives_the_files_to_another(site: WholeSite) -> None:
    workspace = await site.workspace()
    talk = await site.talk(0)
    await talk.attach(workspace)
    await talk.evaluate(workspace, WRITE)
    digest = await talk.evaluate(workspace, DIGEST)
    worker, mark = await site.worker_of(workspace), len(talk.heard)
    await site.http().json("POST", f"/api/admin/workers/worker:{worker.number}/drain")
    await talk.hear("workspace_closed", after=mark)
    await attached_again(talk, workspace)
    assert (await site.worker_of(workspace)).number == 1 - worker.number
    assert await talk.evaluate(workspace, DIGEST, "new") == digest


async def test_a_killed_worker_loses_nothing_that_was_stored(site: WholeSite) -> None:
    workspace = await site.workspace()
    here, there = await site.talk(0), await site.talk(1)
    await here.attach(workspace)
    await there.attach(workspace)
    for number in range(3):
        await here.evaluate(workspace, f"open('kept', 'w').write('{number}'); open('n{number}', 'w').close()")
        size = await site.store.bundles.size(workspace)

        async def grown(before: int = size) -> bool:
            return await site.store.bundles.size(workspace) > before

        await eventually(grown, within_seconds=20)
    worker, mark = await site.worker_of(workspace), len(there.heard)
    await worker.kill()
    await there.hear("workspace_closed", after=mark)
    await attached_again(there, workspace)
    code = "import os; print(open('kept').read(), sorted(name for name in os.listdir() if name[0] == 'n'))"
    assert await there.evaluate(workspace, code, "new") == "2 ['n0', 'n1', 'n2']\n"
