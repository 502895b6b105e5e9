"""A benchmark measures the real thing and checks that nothing is lost."""

from __future__ import annotations

import pytest

from benchmarks.flood import FLUSHED, PLAIN, flood
from benchmarks.processes import descendants, private_megabytes
from benchmarks.site import running_site


@pytest.mark.sage
async def test_figures_come_from_a_running_site() -> None:
    with running_site() as site:
        async with site.worker() as worker:
            session = await worker.open_session("sage")
            assert (await session.evaluate("1+1")).text == "2"
            sizes = [sum(map(private_megabytes, descendants(init))) for init in site.inits("sage")]
            assert sizes
            assert all(1 < size < 100 for size in sizes)
        for code in (PLAIN, FLUSHED):
            came = await flood(site, code)
            assert (came.whole, came.lost) == (True, 0.0)
            assert came.megabytes_per_second > 0
