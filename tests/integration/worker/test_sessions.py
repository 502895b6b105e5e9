"""What a session answers: Sage, Python, text, displays, errors, questions, input, widgets."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from sagews.errors import OverLimit
from sagews.messages import Frame, jupyter
from sagews.worker.session_writing import WAITING_BYTES
from tests.integration.worker.conftest import Begin
from tests.integration.worker.talk import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_sage_answers(sage: Talk) -> None:
    answer = await sage.run("factor(2^64+1)")
    assert answer.result == "274177 * 67280421310721"
    assert [type(frame.content).type for frame in answer.frames] == [
        "status",
        "execute_input",
        "execute_result",
        "execute_reply",
        "status",
    ]
    assert {frame.run for frame in answer.frames} == {"r1"}
    assert answer.reply.execution_count == 1
    assert (await sage.run("_ * 2; _")).result == "274177 * 67280421310721"


async def test_python_answers(python: Talk) -> None:
    assert (await python.run("2^64")).result == "66"
    assert (await python.run("import numpy; numpy.arange(3).sum()")).result.endswith("3)")


async def test_a_session_is_as_new(sage: Talk) -> None:
    for name in ("x1", "Out[1]", "_1"):
        assert (await sage.run(f"{name}", store_history=False)).reply.ename in ("NameError", "KeyError")
    answer = await sage.run("print([n for n in globals() if n.startswith('_') and n[1:].isdigit()], len(In), repr(_))")
    assert answer.text() == "[] 2 ''\n"
    assert answer.reply.execution_count == 1


async def test_an_error_has_its_traceback(sage: Talk) -> None:
    answer = await sage.run("print('before')\n1/0")
    assert answer.text() == "before\n"
    assert (answer.reply.status, answer.reply.ename) == ("error", "ZeroDivisionError")
    assert answer.error.evalue == "rational division by zero"
    assert "\x1b[" in "".join(answer.error.traceback)
    assert (await sage.run("for for")).reply.ename == "SyntaxError"


async def test_what_an_error_cannot_print_does_no_harm(python: Talk) -> None:
    await python.run("class E(Exception):\n  def __str__(self): raise ValueError('no')")
    assert (await python.run("raise E()")).reply.status == "error"
    assert (await python.run("1+1")).result == "2"


async def test_plots_and_formulas(sage: Talk) -> None:
    answer = await sage.run("plot(sin, (0, 7))")
    [result] = answer.all(jupyter.ExecuteResult)
    assert str(result.data["image/png"]).startswith("iVBOR")
    [shown] = (await sage.run("show(integrate(sin(x)^2, x))")).all(jupyter.DisplayData)
    assert "sin" in str(shown.data["text/latex"]) or "sin" in str(shown.data["text/html"])
    [scene] = (await sage.run("sphere()")).all(jupyter.ExecuteResult)
    assert "three" in str(scene.data["text/html"]).lower()
    [table] = (await sage.run("table([[1,2],[3,4]])")).all(jupyter.ExecuteResult)
    assert "<table" in str(table.data["text/html"])


async def test_display_update_and_clear(python: Talk) -> None:
    answer = await python.run(
        "from IPython.display import display, clear_output\n"
        "h = display('a', display_id='d1'); h.update('b'); clear_output(wait=True)"
    )
    [shown] = answer.all(jupyter.DisplayData)
    [updated] = answer.all(jupyter.UpdateDisplayData)
    assert shown.transient == updated.transient == {"display_id": "d1"}
    assert updated.data["text/plain"] == "'b'"
    assert answer.all(jupyter.ClearOutput) == [jupyter.ClearOutput(wait=True)]


async def test_display_of_what_json_has_no_form_for(python: Talk) -> None:
    answer = await python.run(
        "from IPython.display import publish_display_data\n"
        "odd = {'a': float('nan'), 'b': b'x', 3: {1}, 'c': object}\n"
        "publish_display_data({'application/x': odd, 'image/png': b'x'})"
    )
    [shown] = answer.all(jupyter.DisplayData)
    assert json.loads(json.dumps(shown.data))["application/x"]["a"] is None
    assert shown.data["image/png"] == "eA=="


async def test_silent_history_and_expressions(python: Talk) -> None:
    quiet = await python.run("7", silent=True)
    assert not quiet.all(jupyter.ExecuteResult)
    assert not quiet.all(jupyter.ExecuteInput)
    assert (await python.run("8", store_history=False)).reply.execution_count == 1
    answer = await python.run("a = 5", user_expressions={"twice": "2*a", "bad": "nothing"})
    assert answer.reply.execution_count == 1
    assert answer.reply.user_expressions["twice"]["data"]["text/plain"] == "10"
    assert answer.reply.user_expressions["bad"]["status"] == "error"
    assert (await python.run("9")).reply.execution_count == 2


async def test_completion_inspection_completeness_and_info(sage: Talk) -> None:
    completion = await sage.ask(jupyter.CompleteRequest("fact", 4), jupyter.CompleteReply)
    assert "factorial" in completion.matches
    assert (completion.cursor_start, completion.cursor_end) == (0, 4)
    attribute = await sage.ask(jupyter.CompleteRequest("x = '𝔸'; ZZ.ran", 15), jupyter.CompleteReply)
    assert "random_element" in [match.rpartition(".")[2] for match in attribute.matches]
    inspection = await sage.ask(jupyter.InspectRequest("factorial(", 9), jupyter.InspectReply)
    assert inspection.found
    assert "factorial" in str(inspection.data["text/plain"])
    assert not (await sage.ask(jupyter.InspectRequest("nothing_here", 5), jupyter.InspectReply)).found
    whole = await sage.ask(jupyter.IsCompleteRequest("K.<a> = QQ[]"), jupyter.IsCompleteReply)
    assert whole.status == "complete"
    half = await sage.ask(jupyter.IsCompleteRequest("for i in [1..3]:"), jupyter.IsCompleteReply)
    assert (half.status, half.indent) == ("incomplete", "    ")
    info = await sage.ask(jupyter.KernelInfoRequest(), jupyter.KernelInfoReply)
    assert info.implementation == "sage"
    assert info.language_info["name"] == "sage"


async def test_question_mark_pages_and_magics(sage: Talk) -> None:
    [page] = (await sage.run("factorial?")).reply.payload
    assert page["source"] == "page"
    assert "factorial" in str(page["data"])
    assert "hello" in (await sage.run("!echo hello")).text()
    assert (await sage.run("a = !echo hello\na[0]")).result == "'hello'"
    assert "1" in (await sage.run("%%bash\necho 1")).text()
    assert "loop" in (await sage.run("%timeit -n1 -r1 1+1")).text()
    assert (await sage.run("%time 3")).result == "3"
    assert (await sage.run("%who")).text() == "a\t \n"
    assert (await sage.run("%history")).text().endswith("\n%who\n%history\n")


async def test_input_asks_a_person(python: Talk) -> None:
    python.begin("import getpass\nname = input('Name? '); secret = getpass.getpass('Word? '); print(name, secret)")
    for reply in ("Zoë", "geheim"):
        await python.until(lambda: isinstance(python.frames[-1].content, jupyter.InputRequest) if python.frames else 0)
        asked = python.frames[-1].content
        python.frames.clear()
        python.process.send(Frame(content=jupyter.InputReply(reply)))
        assert asked == (
            jupyter.InputRequest("Name? ") if reply == "Zoë" else jupyter.InputRequest("Word? ", password=True)
        )
    assert (await python.answer()).text() == "Zoë geheim\n"
    refused = await python.run("input()", allow_stdin=False)
    assert refused.reply.status == "error"
    assert (await python.run("import sys; sys.stdin.read()")).result == "''"


async def test_input_can_be_interrupted(python: Talk) -> None:
    python.begin("input()")
    await python.until(lambda: any(isinstance(f.content, jupyter.InputRequest) for f in python.frames))
    python.process.interrupt()
    answer = await python.answer()
    assert answer.reply.ename == "KeyboardInterrupt"
    [error] = answer.all(jupyter.Error)
    traceback = re.sub(r"\x1b\[[\d;]*m", "", "\n".join(error.traceback))
    assert "input()" in traceback
    assert "sagews" not in traceback, "it tells of the person's program only"
    assert (await python.run("1+1")).result == "2"


async def test_widgets_speak_through_comms(python: Talk) -> None:
    answer = await python.run(
        "import ipywidgets\ns = ipywidgets.IntSlider(value=3)\ns.observe(lambda c: print('now', c.new), 'value')\ns"
    )
    opened = answer.all(jupyter.CommOpen)
    assert {comm.target_name for comm in opened} == {"jupyter.widget"}
    [slider] = [comm for comm in opened if comm.data["state"].get("_model_name") == "IntSliderModel"]
    python.frames.clear()
    change = jupyter.CommMsg(slider.comm_id, {"method": "update", "state": {"value": 8}, "buffer_paths": []})
    python.process.send(Frame(content=change, run="w1"))
    told = await python.answer()
    assert told.text() == "now 8\n"
    assert (await python.run("s.value")).result == "8"


async def test_sage_interact(sage: Talk) -> None:
    answer = await sage.run("@interact\ndef f(n=slider(1, 9, 1, default=4)):\n    print('n is', n)")
    opened = answer.all(jupyter.CommOpen)
    [slider] = [comm for comm in opened if "SliderModel" in str(comm.data["state"].get("_model_name"))]
    assert answer.all(jupyter.DisplayData)
    sage.frames.clear()
    state = {"index": 6} if "index" in slider.data["state"] else {"value": 7}
    change = jupyter.CommMsg(slider.comm_id, {"method": "update", "state": state, "buffer_paths": []})
    sage.process.send(Frame(content=change, run="w1"))
    told = [one.data["state"] for one in (await sage.answer()).all(jupyter.CommMsg) if "state" in one.data]
    [shown] = [one["outputs"] for one in told if one.get("outputs")]
    assert [one["text"] for one in shown] == ["n is 7\n"]


GENERATORS = {
    "random": "__import__('random').random()",
    "numpy": "__import__('numpy').random.random()",
    "sage": "ZZ.random_element(10^30)",
    "field": "GF(10^20+39).random_element()",
    "pari": "pari('random(10^30)')",
    "gap": "libgap.eval('Random([1..10^9])')",
    "libc": "__import__('ctypes').CDLL(None).random()",
    "uuid": "__import__('uuid').uuid4()",
    "temporary folder": "tmp_dir()",
    "temporary file": "__import__('tempfile').mkdtemp()",
}


async def test_sessions_have_random_numbers_of_their_own(begin: Begin) -> None:
    code = f"import json; print(json.dumps([str(v) for v in [{', '.join(GENERATORS.values())}]]))"
    answers = []
    for _ in range(2):
        answer = await (await begin("sage")).run(code)
        answers.append(json.loads(answer.text()))
    same = [name for name, one, other in zip(GENERATORS, *answers, strict=True) if one == other]
    assert same == []


async def test_folders_and_environment(sage: Talk, tmp_path: Path) -> None:
    code = "import os, sys; print(os.getcwd(), os.environ['HOME'], os.environ['TMPDIR'], DOT_SAGE, sep='\\n')"
    answer = await sage.run(f"from sage.env import DOT_SAGE\n{code}")
    folder, home, temporary, dot_sage = answer.text().split("\n")[:4]
    assert folder == home == str(tmp_path / "files")
    assert dot_sage.startswith(temporary)
    await sage.run("open('a.txt', 'w').write('here'); tmp_filename()")
    assert (tmp_path / "files" / "a.txt").read_text() == "here"
    sage.process.kill("over", "shutdown")
    await sage.process.ended
    assert not Path(temporary).exists()


async def test_a_session_has_only_its_own_descriptors(sage: Talk) -> None:
    code = (
        "import os\n"
        "for number in os.listdir('/proc/self/fd'):\n"
        "    if os.path.lexists(f'/proc/self/fd/{number}'):\n"
        "        print(os.readlink(f'/proc/self/fd/{number}').partition(':')[0])"
    )
    kinds = (await sage.run(code)).text().split()
    assert sorted(kinds) == ["/dev/null", *["pipe"] * 4, "socket"]


async def test_other_programs_of_sage(sage: Talk) -> None:
    assert (await sage.run("gap('2+3')")).result == "5"
    assert (await sage.run("maxima('2+3')")).result == "5"
    code = "@parallel(2)\ndef f(n):\n    return n^2\nsorted(r for _, r in f([1, 2, 3]))"
    assert (await sage.run(code)).result == "[1, 4, 9]"
    assert (await sage.run("singular('2+3')")).result == "5"


async def test_an_object_that_cannot_be_looked_at_ends_no_session(python: Talk) -> None:
    code = (
        "class Shy:\n    def __dir__(self): raise SystemExit(3)\n    __doc__ = property(lambda self: 1/0)\nshy = Shy()"
    )
    await python.run(code)
    completed = await python.ask(jupyter.CompleteRequest("shy.a", 5), jupyter.CompleteReply)
    assert completed.matches == ()
    await python.ask(jupyter.InspectRequest("shy", 2), jupyter.InspectReply)
    assert (await python.run("6*7")).result == "42"


async def test_what_waits_for_a_busy_session_is_bounded_and_refused(python: Talk, tmp_path: Path) -> None:
    python.begin("import os, time\nwhile not os.path.exists('go'): time.sleep(0.01)")
    await python.until(lambda: any(frame.content == jupyter.Status("busy") for frame in python.frames))
    large = Frame(content=jupyter.CommMsg("nobody", {"data": "x" * 2**20}))
    refused = 0
    for _ in range(2 * WAITING_BYTES // 2**20):
        try:
            python.process.send(large)
        except OverLimit:
            refused += 1
    assert refused
    (tmp_path / "files" / "go").touch()
    await python.ask(jupyter.KernelInfoRequest(), jupyter.KernelInfoReply)  # it has read all that was before
    python.process.send(large)
