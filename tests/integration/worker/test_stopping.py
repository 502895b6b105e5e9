"""A worker that stops waits for nothing that does not come."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path

import pytest

from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.environments import Environments

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_a_spare_that_was_forked_just_now_ends_too(tmp_path: Path) -> None:
    """The first process of a namespace is not reached by a signal for which it has no handler yet."""
    wishes = ConfinementSettings(wanted=True, owner=os.geteuid())
    environments = Environments(tmp_path, (EnvironmentSettings("one", "bare", spares=3),), confinement=wishes)
    await environments.start()  # returns when the last one is forked, and far from prepared
    async with asyncio.timeout(20):
        await environments.stop()
