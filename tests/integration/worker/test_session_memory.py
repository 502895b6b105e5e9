"""A session grows with what its user keeps, and with nothing else; what the user is shown of the past stays."""

from __future__ import annotations

import re

import pytest

from tests.integration.worker.talk import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")

RESIDENT = "import resource; print(int(open('/proc/self/statm').read().split()[1]) * resource.getpagesize())"


async def resident(session: Talk) -> int:
    return int((await session.run(RESIDENT)).text())


async def test_printed_text_is_not_kept(python: Talk) -> None:
    before = await resident(python)
    answer = await python.run("for _ in range(600):\n    print('x' * 100_000)")
    assert len(answer.text()) == 600 * 100_001
    assert await resident(python) - before < 20_000_000


async def test_results_that_out_has_lost_are_gone(python: Talk) -> None:
    await python.run("get_ipython().displayhook.cache_size = 10\nclass Thing:\n    living = 0")
    await python.run("def count(self, by): Thing.living += by")
    await python.run("Thing.__init__, Thing.__del__ = lambda self: count(self, 1), lambda self: count(self, -1)")
    for _ in range(30):
        await python.run("Thing()")
    assert 1 <= int((await python.run("Thing.living")).result) <= 12


async def test_input_and_output_of_earlier_runs(python: Talk) -> None:
    await python.run("6*7")
    await python.run("def f(): return 1/0")
    assert (await python.run("In[1], _i1, Out[1], _1")).result == "('6*7', '6*7', 42, 42)"
    assert "6*7" in (await python.run("%history 1")).text()
    traceback = "".join((await python.run("f()")).error.traceback)
    assert "def f(): return 1/0" in re.sub(r"\x1b\[[0-9;]*m", "", traceback)
    assert (await python.run("Out")).result.startswith("{1: 42,")
