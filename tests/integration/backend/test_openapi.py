"""The description of the API agrees with what the server does: schemathesis finds nothing."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from sagews.rates import Rate
from tests.integration.backend.running import running_backend
from tests.waiting import eventually

EXAMPLES = 10
EXPECTED = """
[checks.positive_data_acceptance]
# Besides the usual ones: a body may tell of a file that is larger than the site takes.
expected-statuses = ["2xx", "3xx", "401", "403", "404", "409", "413", "429", "5xx"]
"""


@pytest.mark.usefixtures("worker")
@pytest.mark.timeout(300)
async def test_schemathesis_finds_nothing(folder: Path) -> None:
    (folder / "schemathesis.toml").write_text(EXPECTED)
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
