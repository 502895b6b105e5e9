"""A benchmark measures the real thing and checks that nothing is lost."""

from __future__ import annotations

import pytest

from benchmarks.flood import PLAIN, _ours
from benchmarks.idle import _is_init
from benchmarks.processes import descendants, private_megabytes
from benchmarks.site import running_site


@pytest.mark.sage
async def test_figures_come_from_a_running_site() -> None:
    with running_site() as site:
        assert await _ours(site, PLAIN) > 0
        async with site.worker() as worker:
            before = set(descendants(site.pid))
            session = await worker.open_session("sage")
            assert (await session.evaluate("1+1")).text == "2"
            inits = [pid for pid in set(descendants(site.pid)) - before if _is_init(pid)]
            assert inits
            assert 1 < sum(map(private_megabytes, descendants(inits[0]))) < 100
