"""Attacks on other processes: on the session's own init, on neighbours, on the zygote and the worker."""

from __future__ import annotations

import os
import signal
import uuid

import pytest

from sagews.messages.records import Limits
from tests.integration.worker.conftest import Confined
from tests.integration.worker.talk import Talk, living, marked, zombies_below
from tests.integration.worker.test_session_ends import DAEMONS, IGNORE, SPIN, end_of, started
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_only_its_own_processes_are_there(attacker: Talk) -> None:
    answer = await attacker.run(
        "print([n for n in os.listdir('/proc') if n.isdigit()], os.getpid(), os.getppid())\n"
        "print(sorted({tried(open, f'/proc/1/{name}') for name in ('environ', 'mem', 'maps', 'cmdline', 'fd/0')}))"
    )
    assert answer.text().splitlines() == ["['2'] 2 1", "['ENOENT']"]


async def test_outside_processes_cannot_be_reached_by_number(attacker: Talk, confined: Confined) -> None:
    outside = [os.getpid(), confined.environments.zygote_pid("python"), attacker.process.pid]
    answer = await attacker.run(
        f"print(sorted({{tried(os.kill, number, 0) for number in {outside}}}))\n"
        f"print(sorted({{tried(open, f'/proc/{{number}}/mem', 'rb') for number in {outside}}}))"
    )
    assert answer.text().splitlines() == ["['ESRCH']", "['ENOENT']"]


@pytest.mark.parametrize("number", [1, -1])
async def test_signals_to_init_and_to_all_do_nothing(attacker: Talk, number: int) -> None:
    code = f"print(tried(os.kill, {number}, signal.SIGKILL), tried(os.kill, {number}, signal.SIGSTOP))"
    assert "allowed" not in (await attacker.run(code)).text()
    assert (await attacker.run("1+1")).result == "2"


@pytest.mark.parametrize("code", ["os.kill(0, 9)", "os.killpg(0, 9)", "os.kill(os.getpid(), 9)"])
async def test_a_session_that_kills_its_group_kills_itself_only(confined: Confined, attacker: Talk, code: str) -> None:
    talk = await confined.begin("suicide")
    talk.begin(f"import os; {code}")
    assert (await end_of(talk)).reason == "killed by SIGKILL"


CLOSE = "import os\nfor fd in range(3, 100):\n    try: os.close(fd)\n    except OSError: pass"
FORGE = """import os, stat
for fd in range(3, 100):
    try:
        if stat.S_ISSOCK(os.fstat(fd).st_mode): os.write(fd, {forged})
    except OSError: pass
"""


@pytest.mark.parametrize(
    "code",
    [
        CLOSE,
        FORGE.format(forged=r"b'\xff' * 64"),
        FORGE.format(forged="bytes(4096)"),
        FORGE.format(forged="os.urandom(100_000)"),
    ],
)
async def test_control_of_its_own_socket_gains_nothing(confined: Confined, attacker: Talk, code: str) -> None:
    talk = await confined.begin("forger")
    talk.begin(code)
    end = await end_of(talk)
    assert end.code == "died" or end.reason.startswith("ended by")


async def test_descriptors_and_variables_tell_nothing(attacker: Talk, confined: Confined) -> None:
    answer = await attacker.run(
        "print(sorted({os.readlink(f'/proc/self/fd/{n}').split(':')[0] for n in os.listdir('/proc/self/fd')"
        " if os.path.lexists(f'/proc/self/fd/{n}')}))\nprint(sorted(os.environ.values()))"
    )
    kinds, variables = answer.text().splitlines()
    assert set(eval(kinds)) <= {"/dev/null", "pipe", "socket", "/proc/2/fd"}
    assert "token" not in variables.lower()


async def test_two_sessions_have_random_numbers_of_their_own(confined: Confined) -> None:
    talks = [await confined.begin(f"random-{n}") for n in range(2)]
    code = (
        "import random, uuid, ctypes, numpy\n"
        "(random.random(), float(numpy.random.rand()), ctypes.CDLL(None).random(), uuid.uuid4().hex)"
    )
    found = [eval((await talk.run(code)).result) for talk in talks]
    assert not set(found[0]) & set(found[1])


@pytest.mark.parametrize("ended_by", ["kill", "exit", "init"])
async def test_daemons_do_not_outlive_their_session(confined: Confined, ended_by: str) -> None:
    mark = uuid.uuid4().hex
    talk = await confined.begin("daemons")
    await started(talk, DAEMONS.format(mark=mark))
    await talk.answer()
    await eventually(lambda: len(marked(mark)) >= 4)
    inside = marked(mark)
    if ended_by == "kill":
        talk.process.kill("enough", "operator")
    elif ended_by == "exit":
        talk.begin("exit()")
    else:
        os.kill(talk.process.pid, signal.SIGKILL)
    await end_of(talk)
    assert living(inside) == set()
    assert zombies_below(confined.environments.zygote_pid("python")) == []


async def test_what_ignores_every_signal_is_ended(confined: Confined, attacker: Talk) -> None:
    talk = await confined.begin("stubborn")
    await started(talk, IGNORE + "signal.pthread_sigmask(signal.SIG_BLOCK, range(1, 64))\nprint('go')\n" + SPIN)
    talk.process.interrupt()
    assert (await end_of(talk)).code == "restart"


@pytest.mark.parametrize(
    "code", ["while True: pass", "import time; time.sleep(1000)", "import os; os.system('sleep 1000')"]
)
async def test_an_interrupt_comes_through(confined: Confined, code: str) -> None:
    talk = await confined.begin("interrupted")
    await started(talk, f"print('go')\n{code}")
    talk.process.interrupt()
    await talk.answer()
    assert (await talk.run("1+1")).result == "2"
    talk.process.kill("enough", "shutdown")
    await end_of(talk)


async def test_a_fork_bomb_ends_at_its_limit(confined: Confined, attacker: Talk) -> None:
    talk = await confined.begin("bomb", limits=Limits(processes=40))
    await talk.run(
        "import os, time\nmade = 0\n"
        "try:\n    while True:\n        if not os.fork(): time.sleep(1000)\n        made += 1\n"
        "except BlockingIOError: pass"
    )
    assert 10 < int((await talk.run("made")).result) <= 40
    assert (await attacker.run("1+1")).result == "2"
    talk.process.kill("enough", "operator")
    await end_of(talk)


@pytest.mark.parametrize(
    "code",
    [
        "x = bytearray(b'x') * (400 * 2**20)",
        (
            "for place in ('/dev/shm', '/tmp'):\n"
            "    with open(f'{place}/big', 'wb') as file: file.write(bytes(60 * 2**20))"
        ),
    ],
)
async def test_a_memory_bomb_ends_with_its_reason(confined: Confined, attacker: Talk, code: str) -> None:
    talk = await confined.begin("memory", limits=Limits(memory_bytes=80 * 2**20))
    talk.begin(code)
    assert (await end_of(talk)).reason == "memory limit 80 MiB"
