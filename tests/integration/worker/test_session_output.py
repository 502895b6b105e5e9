"""Text of a session: all of it, once, in the program's order, whoever in the process writes it."""

from __future__ import annotations

import asyncio

import pytest

from sagews.messages.jupyter import DisplayData, ExecuteReply, KernelInfoReply, KernelInfoRequest, Stream
from tests.integration.worker.talk import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")

C = "import ctypes, os, sys, subprocess; c = ctypes.CDLL(None)\nfrom IPython.display import display\n"


async def test_c_subprocesses_python_and_displays_in_one_cell(sage: Talk) -> None:
    answer = await sage.run(
        C + "c.printf(b'1 '); print(2, end=' '); c.printf(b'3 '); os.system('echo 4'); c.printf(b'5 ')\n"
        "display('six'); c.printf(b'7 '); print('8', file=sys.stderr); c.puts(b'9'); subprocess.run(['echo', '10'])\n"
        "sys.stderr.write('11 '); display('12'); os.write(1, b'13 '); sys.stdout.buffer.write(b'14 ')\n"
        "print(15); sys.stdout.writelines(['16', ' '])\n17"
    )
    assert answer.pieces == [
        "stdout: 1 2 3 4\n5 ",
        "display: 'six'",
        "stdout: 7 ",
        "stderr: 8\n",
        "stdout: 9\n10\n",
        "stderr: 11 ",
        "display: '12'",
        "stdout: 13 14 15\n16 ",
        "display: 17",
    ]


async def test_four_thousand_alternating_pieces(python: Talk) -> None:
    answer = await python.run(
        C + "for i in range(1000): print(i); print(i, file=sys.stderr); display(i); c.printf(b'%d,', i); display(-i)"
    )
    wanted = []
    for i in range(1000):
        wanted += [f"stdout: {i}\n", f"stderr: {i}\n", f"display: {i}", f"stdout: {i},", f"display: {-i}"]
    assert answer.pieces == wanted


async def test_odd_characters(python: Talk) -> None:
    answer = await python.run(
        C + "os.write(1, b'\\xff\\x00a'); print('\\U0001d538'); print('10%\\r20%'); print('\\udc80'); "
        "os.write(1, b'\\xf0\\x9d'); os.write(1, b'\\x94\\xb8'); os.write(1, b'\\xc3')"
    )
    assert answer.text() == "\ufffd\0a\U0001d538\n10%\r20%\n\\udc80\n\U0001d538\ufffd"


async def test_the_reply_comes_after_all_text(python: Talk) -> None:
    for count in range(20):
        answer = await python.run(C + f"os.system('echo {count}; printf x >&2'); c.printf(b'end')")
        assert answer.text() == f"{count}\nend"
        assert answer.text("stderr") == "x"
        kinds = [type(frame.content) for frame in answer.frames]
        assert Stream not in kinds[kinds.index(ExecuteReply) :]


async def test_a_line_of_five_megabytes(python: Talk) -> None:
    text = (await python.run("print('é' * 2_500_000)")).text()
    assert len(text) == 2_500_001
    assert set(text) == {"é", "\n"}


async def test_two_hundred_thousand_lines(python: Talk) -> None:
    answer = await python.run("for i in range(200_000): print(i)")
    assert answer.text() == "".join(f"{i}\n" for i in range(200_000))


async def test_progress_bars(python: Talk) -> None:
    answer = await python.run("from tqdm import tqdm\nfor _ in tqdm(range(3)): pass")
    assert "\r" in answer.text("stderr")
    assert "3/3" in answer.text("stderr")


async def test_a_program_left_running_goes_on_telling_under_its_run(python: Talk) -> None:
    await python.run(
        "import subprocess; p = subprocess.Popen(['sh', '-c', 'read line; echo late $line'], stdin=subprocess.PIPE)"
    )
    process = python.frames
    answer = await python.run("p.communicate(b'one\\n')")
    assert answer.text() == "late one\n"
    await python.run("q = subprocess.Popen(['sh', '-c', 'kill -STOP $$; echo later'])")
    python.frames.clear()
    await python.run("import os, signal; _ = os.waitpid(q.pid, os.WUNTRACED); os.kill(q.pid, signal.SIGCONT)")
    await python.until(lambda: any(isinstance(f.content, Stream) for f in python.frames))
    late = [f for f in python.frames if isinstance(f.content, Stream)]
    assert [(f.content.text, f.run) for f in late if isinstance(f.content, Stream)] == [("later\n", "r4")]
    assert process is python.frames


async def test_forks_of_the_users_code_write_text_only(python: Talk) -> None:
    answer = await python.run(
        C + "pid = os.fork()\nif not pid:\n"
        "    print('child'); print('error', file=sys.stderr); display('nowhere'); print('still'); os._exit(0)\n"
        "os.waitpid(pid, 0); print('parent'); display('shown')"
    )
    assert answer.text() == "child\nstill\nparent\n"
    assert answer.text("stderr") == "error\n"
    assert [piece for piece in answer.pieces if piece.startswith("display")] == ["display: 'shown'"]
    assert (await python.run("1+1")).result == "2"


async def test_threads_print_and_show(python: Talk) -> None:
    answer = await python.run(
        C + "import threading\n"
        "def work(n):\n"
        "    for i in range(200): print(f'{n}.{i}', file=sys.stderr); print(f'{n}.{i}'); display(i)\n"
        "threads = [threading.Thread(target=work, args=(n,)) for n in range(4)]\n"
        "for t in threads: t.start()\nfor t in threads: t.join()"
    )
    wanted = sorted(f"{n}.{i}" for n in range(4) for i in range(200))
    assert sorted(answer.text().split()) == sorted(answer.text("stderr").split()) == wanted
    assert len(answer.all(DisplayData)) == 800
    assert (await python.run("1+1")).result == "2"


async def test_alarms_between_two_halves(python: Talk) -> None:
    """A signal handler that prints, thousands of times a second, while marks are written."""
    answer = await python.run(
        C + "import signal\ncount = 0\n"
        "def ring(*_):\n    global count; count += 1; print('ring', file=sys.stderr)\n"
        "_ = signal.signal(signal.SIGALRM, ring); _ = signal.setitimer(signal.ITIMER_REAL, 0.0002, 0.0002)\n"
        "for i in range(2000): print(i, file=sys.stderr); print(i)\n"
        "_ = signal.setitimer(signal.ITIMER_REAL, 0); display(count)"
    )
    assert answer.reply.status == "ok"
    assert answer.text() == "".join(f"{i}\n" for i in range(2000))
    assert answer.text("stderr").count("ring") == int(answer.pieces[-1].removeprefix("display: ")) > 0


async def test_an_alarm_after_the_run(sage: Talk) -> None:
    # Long enough that the next run has begun, also on a busy machine: one that comes between runs hits nothing.
    await sage.run("alarm(5)")
    assert (await sage.run("while True: pass")).reply.ename == "AlarmInterrupt"
    for _ in range(5):
        await sage.run("alarm(0.005)")
        for _ in range(100):
            await sage.ask(KernelInfoRequest(), KernelInfoReply)
    assert (await sage.run("1+1")).result == "2"


async def test_a_fork_that_returns_into_the_session_ends(python: Talk) -> None:
    answer = await python.run("import os; pid = os.fork(); print(os.waitpid(pid, 0)[1] if pid else 'child')")
    assert sorted(answer.text().split()[:2]) == ["256", "child"], answer.text()
    assert (await python.run("1+1")).result == "2"


async def test_forged_marks_do_no_harm(python: Talk) -> None:
    """The program reads its own nonce and writes marks that are not its to write."""
    await python.run(
        "import gc, os\nfrom sagews.worker.session_output import Marks\n"
        "[marks] = [o for o in gc.get_objects() if type(o) is Marks and o.active and o.number]"
    )
    await python.run(
        "for kind in (b'', b'm'):\n"
        "    for n in (0, 1, marks.number + 1, marks.number + 2, 10**14):\n"
        "        os.write(1, marks._start + str(n).encode() + kind + b'\\x1f' + b'text ')"
    )
    assert (await python.run("1+1")).result == "2"
    assert (await python.run("print('as ever')")).text().endswith("as ever\n")


async def test_descriptors_closed_by_the_program(python: Talk) -> None:
    answer = await python.run("import os; saved = os.dup(1); os.close(1); os.dup2(saved, 1); print('again')")
    assert answer.text() == "again\n"
    answer = await python.run(
        "import tempfile; f = tempfile.TemporaryFile(); os.dup2(f.fileno(), 1); print('into the file')\n"
        "os.dup2(saved, 1); f.seek(0); print(f.read())"
    )
    assert answer.text() == "b'into the file\\n'\n"


async def test_a_paused_session_waits_and_loses_nothing(python: Talk) -> None:
    python.begin("for i in range(100_000): print('%06d' % i)")
    await python.until(lambda: any(isinstance(f.content, Stream) for f in python.frames))
    python.process.pause_output()
    count = len(python.frames)
    await asyncio.sleep(0)
    assert len(python.frames) == count
    python.process.resume_output()
    answer = await python.answer()
    assert answer.text() == "".join(f"{i:06d}\n" for i in range(100_000))
