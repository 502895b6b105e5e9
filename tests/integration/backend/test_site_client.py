"""The Python client of a site, through a real backend and worker."""

from __future__ import annotations

import pytest

from sagews.client.site import SiteClient
from sagews.errors import NotFound
from tests.integration.backend.running import Site


async def test_a_program_evaluates_code(working_site: Site) -> None:
    async with SiteClient(working_site.address, working_site.token) as site:
        session = await site.open_session("python")
        result = await session.evaluate("print('hello'); 6 * 7", timeout_seconds=30)
        assert (result.stdout, result.text, result.status) == ("hello\n", "42", "ok")
        assert (await session.evaluate("1/0", timeout_seconds=30)).error == "ZeroDivisionError: division by zero"
        await session.close()
        with pytest.raises(NotFound):
            await site.call("GET", f"/api/workspaces/{session.channel.workspace}")


async def test_all_of_a_large_output_comes(working_site: Site) -> None:
    lines = 120_000  # of 1000 bytes: more than an HTTP client takes unless it is told to
    async with SiteClient(working_site.address, working_site.token) as site:
        session = await site.open_session("python")
        result = await session.evaluate(f"for i in range({lines}): print(f'{{i:0999d}}')", timeout_seconds=100)
        whole = await site.output(session.channel.workspace, result.run)
        assert len(whole) == lines * 1000
        assert all(int(line) == number for number, line in enumerate(whole.splitlines()))
