"""What people use works inside of the confinement: Sage with its programs, processes, threads, plots."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.integration.worker.conftest import Confined
from tests.integration.worker.talk import Talk

pytestmark = [pytest.mark.asyncio(loop_scope="session"), pytest.mark.sage]

CELLS = {
    "factor(2^64+1)": "274177 * 67280421310721",
    "gap('SymmetricGroup(4)').Size()": "24",
    "gp('factorint(91)')": "[7, 1; 13, 1]",
    "maxima('integrate(x^2, x)').sage()": "1/3*x^3",
    "libgap.SymmetricGroup(4).Order()": "24",
    "singular('gcd(12, 18)')": "6",
    "sorted(result for _, result in parallel_square([1, 2, 3]))": "[1, 4, 9]",
    "sum(pool_square())": "14",
    "threaded()": "[0, 1, 2]",
    "import os; os.system('true')": "0",
    "import subprocess; subprocess.run(['echo', 'a'], capture_output=True).stdout": r"b'a\n'",
    "save(plot(sin, (0, 7)), 'plot.png'); os.path.getsize('plot.png') > 1000": "True",
    "f = tmp_filename(); open(f, 'w').close(); os.path.exists(f)": "True",
    "os.path.expanduser('~'), os.getcwd(), os.environ['HOME']": "('/home/user', '/home/user', '/home/user')",
}
DEFINITIONS = """
@parallel(2)
def parallel_square(n): return n^2

def square(n): return n * n

def pool_square():
    import multiprocessing
    with multiprocessing.get_context("fork").Pool(2) as pool:
        return pool.map(square, [1, 2, 3])

def threaded():
    import threading
    done = []
    threads = [threading.Thread(target=done.append, args=(int(n),)) for n in range(3)]
    for thread in threads: thread.start()
    for thread in threads: thread.join()
    return sorted(done)
"""


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def sage(confined: Confined) -> AsyncIterator[Talk]:
    talk = await confined.begin("sage", "sage")
    await talk.run(DEFINITIONS)
    yield talk
    talk.process.kill("enough", "shutdown")
    await talk.process.ended


@pytest.mark.parametrize("code", CELLS)
async def test_it_works_inside(sage: Talk, code: str) -> None:
    assert (await sage.run(code)).result == CELLS[code]


async def test_a_command_line_works_inside(sage: Talk) -> None:
    assert (await sage.run("!echo $((6*7)) $USER $HOME")).text().split() == ["42", "user", "/home/user"]


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no compiler")
async def test_a_compiler_works_inside(sage: Talk) -> None:
    await sage.run("open('a.c', 'w').write('int main(void) { return 42; }')")
    assert (await sage.run("os.system('gcc -o a a.c && ./a') >> 8")).result == "42"


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no compiler")
async def test_cython_works_inside(sage: Talk) -> None:
    for factor in (2, 3):
        await sage.run(f"%%cython\ndef times(int n):\n    return {factor} * n")
        assert (await sage.run("times(21)")).result == str(factor * 21)


async def test_two_sages_have_random_numbers_of_their_own(sage: Talk, confined: Confined) -> None:
    other = await confined.begin("other", "sage")
    code = (
        "(ZZ.random_element(10^30), float(RR.random_element()), int(pari('random(10^18)')),"
        " int(libgap.Random(1, 10^18)))"
    )
    found = [eval((await talk.run(code)).result) for talk in (sage, other)]
    assert not set(found[0]) & set(found[1])
    other.process.kill("enough", "shutdown")
    await other.process.ended
