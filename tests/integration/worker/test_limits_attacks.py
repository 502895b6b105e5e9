"""One session does its worst: its limit ends it with its name, its neighbour goes on, and nothing is left.

What could do harm where a limit is broken is bounded in the attack itself.
"""

from __future__ import annotations

import asyncio
import re

import pytest

from sagews.messages.records import Limits
from sagews.worker import processes
from sagews.worker.environments import Environments
from tests.integration.worker.conftest import Begin
from tests.integration.worker.talk import Talk
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

MIB = 2**20

FORK_BOMB = """
import os, time
for _ in range(11):  # at most 2048 processes
    os.fork()
time.sleep(60)
"""
FORK_STORM = """
import os
for _ in range(100_000):  # children that end, and children that stay, each a session of its own
    if not os.fork():
        os.setsid()
        for _ in range(3):
            os.fork()
        while True: pass
"""
THREADS = """
import threading, time
for _ in range(400):
    threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
time.sleep(60)
"""
MEMORY = """
import time
kept = []
for _ in range(40):
    kept.append(bytearray(b"x") * (50 * 2**20)); time.sleep(0.05)
time.sleep(60)
"""
MEMORY_SHARED = """
import mmap, time
kept = []
for _ in range(20):
    kept.append(mmap.mmap(-1, 50 * 2**20)); kept[-1].write(b"x" * (50 * 2**20)); time.sleep(0.05)
time.sleep(60)
"""
TWO_HOGS = """
import os
os.fork()
while True: pass
"""
CHANGING_HOGS = """
import os, signal
signal.signal(signal.SIGCHLD, signal.SIG_IGN)  # their time is nobody's
while True:
    for _ in range(4):
        if not os.fork():
            for _ in range(20_000_000): pass
            os._exit(0)
    sum(range(30_000_000))
"""
RECURSION = """
import sys
sys.setrecursionlimit(10**9)
def deeper(): deeper()
deeper()
"""
C_RECURSION = """
import sys
sys.setrecursionlimit(10**9)
class A:
    def __getattr__(self, name): return getattr(self, name + "x")
A().a
"""

ATTACKS = {
    "fork bomb": (FORK_BOMB, Limits(processes=100), "process limit 100"),
    "fork storm": (FORK_STORM, Limits(processes=100), "process limit 100"),
    "threads": (THREADS, Limits(processes=100), "process limit 100"),
    "memory": (MEMORY, Limits(memory_bytes=300 * MIB), "memory limit 300 MiB"),
    "shared memory": (MEMORY_SHARED, Limits(memory_bytes=300 * MIB), "memory limit 300 MiB"),
    "two hogs": (TWO_HOGS, Limits(cpu_seconds=2), "cpu limit 2 s"),
    "changing hogs": (CHANGING_HOGS, Limits(cpu_seconds=3), "cpu limit 3 s"),
    "recursion": (RECURSION, Limits(memory_bytes=300 * MIB), "memory limit 300 MiB|killed by SIGSEGV"),
    "recursion in C": (C_RECURSION, Limits(memory_bytes=300 * MIB), "memory limit 300 MiB|killed by SIGSEGV"),
}


@pytest.mark.parametrize("attack", ATTACKS)
async def test_the_limit_ends_it(begin: Begin, environments: Environments, attack: str) -> None:
    code, limits, reason = ATTACKS[attack]
    neighbour = await begin("python")
    await neighbour.run("kept = 41")
    attacker = await begin("python", limits)
    zygote = environments.zygote_pid("python")
    await eventually(lambda: len(processes.descendants(zygote)) == 6)
    attacker.begin(code)
    async with asyncio.timeout(30):
        end = await attacker.process.ended
    assert re.fullmatch(reason, end.reason), end
    assert end.code == ("died" if "SIGSEGV" in end.reason else "limit")
    assert (await neighbour.run("kept + 1")).result == "42"
    # Neighbour and spare, an init and a user's process each.
    await eventually(lambda: len(processes.descendants(zygote)) == 4)


async def test_what_stays_in_the_background_is_limited_too(begin: Begin) -> None:
    talk = await begin("python", Limits(cpu_seconds=3))
    # Two, because the kernel ends one by itself at its own three seconds, and the session would live on.
    answer = await talk.run("import os\nfor _ in range(2):\n    if not os.fork():\n        while True: pass")
    assert answer.reply.status == "ok"
    async with asyncio.timeout(30):
        assert (await talk.process.ended).reason == "cpu limit 3 s"


async def test_people_are_warned_before_the_limit(begin: Begin) -> None:
    talk = await begin("python", Limits(memory_bytes=400 * MIB))
    await talk.run("import os, time; kept = bytearray(b'x') * (355 * 2**20)")
    talk.begin("time.sleep(60)")
    await talk.until(lambda: talk.warnings)
    assert re.fullmatch(r"The session uses 3\d\d.* MiB of memory, 9\d % of its limit\. At .* ends\.", talk.warnings[0])
    talk.process.interrupt()
    await talk.answer()


async def test_a_spin_that_ignores_every_signal_is_ended(begin: Begin) -> None:
    talk = await begin("python")
    await _tell(talk, "import signal\nsignal.pthread_sigmask(signal.SIG_BLOCK, range(1, 65))\n")
    talk.process.interrupt()
    async with asyncio.timeout(30):
        end = await talk.process.ended
    assert (end.reason, end.code) == ("restarted: it did not react to interrupt", "restart")
    assert talk.warnings == [
        "The interrupt has had no effect for 0.5 s; it was sent again. In 1 s the session ends.",
    ]


async def test_sigquit_lets_a_program_keep_what_it_has(begin: Begin) -> None:
    talk = await begin("python")
    await _tell(talk, "import os, signal\nsignal.signal(signal.SIGQUIT, lambda *_: (print('kept'), os._exit(0)))\n")
    talk.process.quit("wall time limit 1 h", "limit")
    async with asyncio.timeout(30):
        end = await talk.process.ended
    assert (end.reason, end.code) == ("wall time limit 1 h", "limit")
    assert _told(talk) == "go\nkept\n"


async def test_what_ignores_sigquit_is_killed(begin: Begin) -> None:
    talk = await begin("python")
    await _tell(talk, "import signal\nsignal.signal(signal.SIGQUIT, signal.SIG_IGN)\n")
    talk.process.quit("wall time limit 1 h", "limit")
    async with asyncio.timeout(30):
        assert (await talk.process.ended).reason == "wall time limit 1 h"


async def test_a_restart_does_not_wait_for_sigquit(begin: Begin, environments: Environments) -> None:
    talk = await begin("python")
    await _tell(talk, "import signal\nsignal.signal(signal.SIGQUIT, signal.SIG_IGN)\n")
    talk.process.quit("wall time limit 1 h", "limit")
    talk.process.kill("restarted", "restart")
    async with asyncio.timeout(30):
        assert (await talk.process.ended).reason == "wall time limit 1 h"


async def test_descriptors_run_out_in_the_session_only(begin: Begin) -> None:
    neighbour = await begin("python")
    talk = await begin("python", Limits(open_files=64))
    code = "import socket\nkept = []\nwhile True: kept.append(socket.socketpair())"
    assert (await talk.run(code)).reply.ename == "OSError"
    assert (await neighbour.run("open('/dev/null').close(); 1+1")).result == "2"


async def _tell(talk: Talk, preparation: str) -> None:
    """Prepare, say so, and spin."""
    talk.begin(f"{preparation}print('go', flush=True)\nwhile True: pass")
    await talk.until(lambda: _told(talk))


def _told(talk: Talk) -> str:
    return "".join(getattr(frame.content, "text", "") for frame in talk.frames if frame.content.type == "stream")
