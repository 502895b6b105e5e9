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
