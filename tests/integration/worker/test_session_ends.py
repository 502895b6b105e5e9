"""How sessions are interrupted and how they end: with a reason, and with nothing left behind."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from sagews.errors import NotFound, SessionEnded, SetupError
from sagews.messages import Frame, jupyter
from sagews.messages.records import Limits
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.environments import Environments
from sagews.worker.session_end import SessionEnd
from tests.integration.worker.conftest import Begin
from tests.integration.worker.talk import Talk, living, marked, state_of, zombies_below
from tests.waiting import eventually

pytestmark = pytest.mark.asyncio(loop_scope="session")

SPIN = """
import ctypes, mmap
page = mmap.mmap(-1, 4096, prot=mmap.PROT_READ | mmap.PROT_WRITE | mmap.PROT_EXEC)
page.write(bytes([0xEB, 0xFE]))  # x86-64: jmp to itself
ctypes.CFUNCTYPE(None)(ctypes.addressof(ctypes.c_char.from_buffer(page)))()
"""
IGNORE = "import signal\nsignal.signal(signal.SIGINT, signal.SIG_IGN)\n"
DAEMONS = """
import os, time
os.environ["SAGEWS_TEST_MARK"] = {mark!r}
for _ in range(3):
    os.system("setsid sh -c '(setsid sh -c \\"trap : TERM INT HUP; while :; do :; done\\" &) &' > /dev/null 2>&1")
if not os.fork():
    os.setsid()
    if not os.fork():
        os.execv("/bin/sleep", ["sleep", "1000"])
    os._exit(0)
print("started", flush=True)
"""


async def started(talk: Talk, code: str) -> None:
    """Run code until it has told something."""
    talk.begin(code)
    await talk.until(lambda: any(isinstance(frame.content, jupyter.Stream) for frame in talk.frames))


async def end_of(talk: Talk) -> SessionEnd:
    async with asyncio.timeout(30):
        return await talk.process.ended


@pytest.mark.parametrize(
    "code",
    [
        "factor(2^1000+1)",
        "while True: pass",
        "import time; time.sleep(1000)",
        "import os; os.system('sleep 1000')",
        "pari('for(i=1,10^12,)')",
        "!sleep 1000",
        "import numpy; a = numpy.ones((500, 500))\nwhile True: b = a @ a",
    ],
)
async def test_an_interrupt_stops_it_and_the_session_goes_on(sage: Talk, code: str) -> None:
    await sage.run("kept = 41")
    await started(sage, f"print('go')\n{code}")
    sage.process.interrupt()
    answer = await sage.answer()
    if "sleep 1000'" not in code and "!" not in code:
        assert answer.reply.ename == "KeyboardInterrupt"
    assert (await sage.run("kept + 1")).result == "42"
    assert not sage.process.ended.done()


async def test_an_interrupt_sent_at_once_reaches_the_run(python: Talk) -> None:
    for _ in range(10):
        python.begin("while True: pass")
        python.process.interrupt()
        assert (await python.answer()).reply.ename == "KeyboardInterrupt"


async def test_interrupts_between_runs_do_nothing(python: Talk) -> None:
    for _ in range(20):
        python.process.interrupt()
    assert (await python.run("1+1")).result == "2"
    await python.run("x = 1")
    python.process.interrupt()
    assert (await python.run("x")).result == "1"


async def test_many_interrupts_in_a_flood_lose_and_double_nothing(python: Talk) -> None:
    for _ in range(10):
        await started(python, "n = 0\nwhile True: print(n); n += 1")
        python.process.interrupt()
        answer = await python.answer()
        lines = answer.text().split("\n")
        assert answer.reply.ename == "KeyboardInterrupt"
        assert lines[: len(lines) - 1] == [str(n) for n in range(len(lines) - 1)]


async def test_what_ignores_interrupts_is_ended(begin: Begin) -> None:
    talk = await begin("python")
    await started(talk, IGNORE + "print('go')\n" + SPIN)
    talk.process.interrupt()
    assert await end_of(talk) == SessionEnd(
        "restarted: it did not react to interrupt", "restart", talk.process.ended.result().cpu_seconds,
        talk.process.ended.result().peak_bytes,
    )  # fmt: skip
    with pytest.raises(SessionEnded):
        talk.process.send(Frame(content=jupyter.ExecuteRequest("1")))


FLINT = """
import ctypes, faulthandler, signal
faulthandler.register(signal.SIGPROF, file=int(2))  # says so from within the call, which no Python can do
[path] = {line.split()[-1] for line in open("/proc/self/maps") if "/libflint" in line}
flint, result, number = ctypes.CDLL(path), ctypes.c_long(0), ctypes.c_long(int(10**18))
signal.setitimer(signal.ITIMER_PROF, float(0.2))
flint.arith_sum_of_squares(ctypes.byref(result), ctypes.c_ulong(int(3)), ctypes.byref(number))  # a billion steps
"""


async def test_a_library_that_ignores_interrupts_is_ended(begin: Begin) -> None:
    neighbour, talk = await begin("sage"), await begin("sage")
    await started(talk, FLINT)
    talk.process.interrupt()
    end = await end_of(talk)
    assert (end.reason, end.code) == ("restarted: it did not react to interrupt", "restart")
    assert talk.warnings == ["The interrupt has had no effect for 0.5 s; it was sent again. In 1 s the session ends."]
    assert (await neighbour.run("1+1")).result == "2"


@pytest.mark.parametrize(
    ("code", "reason", "kind"),
    [
        ("import ctypes; ctypes.string_at(0)", "killed by SIGSEGV", "died"),
        ("import os; os.abort()", "killed by SIGABRT", "died"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "killed by SIGKILL", "died"),
        ("import os; os._exit(3)", "exited with status 3", "died"),
        ("import os; os._exit(0)", "ended by os._exit", "died"),
        ("exit()", "ended by exit", "shutdown"),
    ],
)
async def test_each_end_has_its_reason(begin: Begin, code: str, reason: str, kind: str) -> None:
    talk = await begin("python")
    talk.begin(f"print('last words', end='')\n{code}")
    end = await end_of(talk)
    assert (end.reason, end.code) == (reason, kind)
    assert end.peak_bytes > 10**6
    assert [f.content.text for f in talk.frames if isinstance(f.content, jupyter.Stream)] == ["last words"]


async def test_a_crash_in_sage_has_its_reason(sage: Talk) -> None:
    sage.begin("import ctypes; ctypes.string_at(int(0))")
    assert (await end_of(sage)).reason == "killed by SIGSEGV"


async def test_limits(begin: Begin, tmp_path: Path) -> None:
    talk = await begin("python", Limits(cpu_seconds=1, open_files=64, file_bytes=10**6, memory_bytes=10**9))
    assert (await talk.run("open('big', 'wb').write(bytes(2 * 10**6))")).reply.ename == "OSError"
    assert (await talk.run("files = [open('/dev/null') for _ in range(100)]")).reply.ename == "OSError"
    assert (await talk.run("bytes(10 * 10**9)")).reply.ename == "MemoryError"
    import_code = "import resource; resource.getrlimit(resource.RLIMIT_CORE)"
    assert (await talk.run(import_code)).result == "(0, 0)"
    talk.begin("while True: pass")
    end = await end_of(talk)
    assert (end.reason, end.code) == ("cpu limit 1 s", "limit")
    assert end.cpu_seconds > 0.5


async def test_the_memory_of_all_processes_of_a_session_is_limited(begin: Begin) -> None:
    talk = await begin("python", Limits(memory_bytes=300 * 2**20))
    assert (await talk.run("kept = bytearray(b'x') * (100 * 2**20); len(kept)")).result == str(100 * 2**20)
    talk.begin(
        "import os, time\n"
        "for _ in range(4):\n"
        "    if not os.fork(): more = bytearray(b'x') * (60 * 2**20); time.sleep(1000)\n"
        "time.sleep(1000)"
    )
    end = await end_of(talk)
    assert (end.reason, end.code) == ("memory limit 300 MiB", "limit")


async def test_no_new_privileges(python: Talk) -> None:
    status = (await python.run("print(open('/proc/self/status').read())")).text()
    assert "NoNewPrivs:\t1" in status


async def test_nothing_of_a_session_outlives_it(begin: Begin) -> None:
    mark = uuid.uuid4().hex
    talk = await begin("python")
    await started(talk, DAEMONS.format(mark=mark))
    await eventually(lambda: len(marked(mark)) >= 4)
    inside = marked(mark) | {talk.process.pid}
    talk.process.kill("enough", "operator")
    assert (await end_of(talk)).reason == "enough"
    assert living(inside | marked(mark)) == set()


async def test_an_exit_ends_what_was_started_too(begin: Begin) -> None:
    mark = uuid.uuid4().hex
    talk = await begin("python")
    await started(talk, DAEMONS.format(mark=mark))
    await talk.answer()
    await eventually(lambda: len(marked(mark)) >= 4)
    talk.begin("exit()")
    await end_of(talk)
    assert marked(mark) == set()


async def test_kill_9_of_the_init(begin: Begin, environments: Environments) -> None:
    mark = uuid.uuid4().hex
    talk = await begin("python")
    await started(talk, DAEMONS.format(mark=mark) + SPIN)
    await eventually(lambda: len(marked(mark)) >= 4)
    os.kill(talk.process.pid, signal.SIGKILL)
    assert (await end_of(talk)).reason == "its init process was killed by SIGKILL"
    assert marked(mark) == set()
    assert zombies_below(environments.zygote_pid("python")) == []
    assert (await (await begin("python")).run("1+1")).result == "2"


async def test_an_unknown_environment_is_named(environments: Environments, tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="sage, python"):
        await environments.fork("fortran", "s", tmp_path, Limits())


async def test_a_zygote_that_cannot_start_says_why(tmp_path: Path) -> None:
    broken = Environments(tmp_path, (EnvironmentSettings("broken", preload=("no_such_module",)),))
    with pytest.raises(SetupError, match="no_such_module"):
        await broken.start()
    with pytest.raises(SetupError, match="no_such_module"):
        await broken.fork("", "s", tmp_path, Limits())
    await broken.stop()


@pytest.mark.parametrize(
    ("code", "said"),
    [
        ("import threading, time; threading.Thread(target=time.sleep, args=(1000,), daemon=True).start()", "threads"),
        ("import socket; kept = socket.socketpair()", "connection"),
    ],
)
async def test_a_preload_that_cannot_be_forked_is_refused(tmp_path: Path, code: str, said: str) -> None:
    # The zygote runs in its home, and finds modules there (`python -m`).
    home = tmp_path / "zygotes" / "broken" / "home"
    home.mkdir(parents=True)
    (home / "unforkable.py").write_text(code)
    broken = Environments(tmp_path, (EnvironmentSettings("broken", preload=("unforkable",)),))
    with pytest.raises(SetupError, match=said):
        await broken.start()
    await broken.stop()


async def test_kill_9_of_a_zygote_ends_its_sessions_only(tmp_path: Path) -> None:
    mark, others = uuid.uuid4().hex, set(zombies_below(os.getpid()))
    kept = (EnvironmentSettings("one", preload=("json",)), EnvironmentSettings("two", preload=("json",)))
    environments = Environments(tmp_path, kept)
    await environments.start()
    try:
        one, two = [Talk(await environments.fork(name, name, tmp_path, Limits())) for name in ("one", "two")]
        await started(one, DAEMONS.format(mark=mark) + SPIN)
        await eventually(lambda: len(marked(mark)) >= 4)
        pid = environments.zygote_pid("one")
        os.kill(pid, signal.SIGKILL)
        end = await end_of(one)
        assert (end.reason, end.code) == ("its zygote (one) died", "worker")
        assert marked(mark) == set()
        assert state_of(pid) == ""
        assert state_of(one.process.pid) == ""
        assert (await two.run("1+1")).result == "2"
        again = Talk(await environments.fork("one", "one", tmp_path, Limits()))
        assert (await again.run("1+1")).result == "2"
        assert environments.zygote_pid("one") != pid
    finally:
        await environments.stop()
    assert (await end_of(again)).code == "worker"
    assert set(zombies_below(os.getpid())) <= others


SERVER = """
import asyncio, sys
from pathlib import Path
from sagews.messages import Frame, jupyter
from sagews.messages.records import Limits
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.environments import Environments

async def main():
    folder = Path(sys.argv[1])
    environments = Environments(folder, (EnvironmentSettings("one", preload=("json",)),))
    await environments.start()
    session = await environments.fork("one", "s", folder, Limits())
    came = asyncio.Event()
    session.on_frame = lambda frame: isinstance(frame.content, jupyter.Stream) and came.set()
    session.send(Frame(content=jupyter.ExecuteRequest(sys.argv[2]), run="r"))
    await came.wait()
    print(environments.zygote_pid("one"), session.pid, flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.mark.parametrize("also_zygote", [False, True])
async def test_kill_9_of_the_server(tmp_path: Path, also_zygote: bool) -> None:
    mark = uuid.uuid4().hex
    code = DAEMONS.format(mark=mark) + IGNORE + SPIN
    server = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(tmp_path), code], stdout=subprocess.PIPE, text=True, cwd=Path.cwd()
    )
    with server:
        assert server.stdout is not None
        zygote, init = map(int, server.stdout.readline().split())
        await eventually(lambda: len(marked(mark)) >= 4)
        inside = marked(mark) | {zygote, init}
        if also_zygote:
            os.kill(server.pid, signal.SIGSTOP)
            os.kill(zygote, signal.SIGKILL)
        server.kill()
    await eventually(lambda: not living(inside | marked(mark)), within_seconds=5)
    # The inits of spare sessions, which are not among those, wipe what is theirs too.
    await eventually(lambda: list((tmp_path / "zygotes" / "one" / "temporary").iterdir()) == [])


LOADING = """
import asyncio, sys
from pathlib import Path
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.environments import Environments

asyncio.run(Environments(Path(sys.argv[1]), (EnvironmentSettings("one", preload=("endless",)),)).start())
"""


async def test_kill_9_of_the_server_ends_a_zygote_that_still_loads(tmp_path: Path) -> None:
    home = tmp_path / "zygotes" / "one" / "home"
    home.mkdir(parents=True)
    (home / "endless.py").write_text("import pathlib\npathlib.Path('loads').touch()\nwhile True: pass\n")
    server = subprocess.Popen([sys.executable, "-c", LOADING, str(tmp_path)], cwd=Path.cwd())
    with server:
        await eventually((home / "loads").exists)
        inside = marked(str(home))
        assert inside
        server.kill()
    await eventually(lambda: not living(inside), within_seconds=5)
