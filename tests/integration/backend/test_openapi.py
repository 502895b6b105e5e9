"""The description of the API agrees with what the server does: schemathesis finds nothing."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from sagews.backend.rates import Rate
from tests.integration.backend.running import running_backend
from tests.waiting import eventually

EXAMPLES = 10


@pytest.mark.usefixtures("worker")
@pytest.mark.timeout(300)
async def test_schemathesis_finds_nothing(folder: Path) -> None:
    unlimited = Rate(10**9, "requests")
    async with running_backend(folder, sign_in_rate=unlimited, request_rate=unlimited) as site:
        await eventually(lambda: site.backend.workers.workers[0].connected)
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "schemathesis.cli", "run", f"{site.address}/api/openapi.json",
            "--header", f"Authorization: Bearer {site.token}",
            "--phases", "examples,coverage,fuzzing", "--max-examples", str(EXAMPLES),
            "--seed", "1", "--generation-database", "none", "--no-color", "--warnings", "off",
            cwd=folder, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        output, _ = await process.communicate()
    assert process.returncode == 0, output.decode()
