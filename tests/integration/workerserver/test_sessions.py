"""Evaluating in sessions of a real worker."""

from __future__ import annotations

import asyncio

import pytest

from sagews.client.worker import WorkerClient
from sagews.errors import NotFound, SessionEnded
from sagews.messages.records import Limits


@pytest.mark.sage
async def test_sage_answers(worker: WorkerClient) -> None:
    session = await worker.open_session("sage")
    result = await session.evaluate("factor(2^64+1)")
    assert (result.text, result.status, result.error) == ("274177 * 67280421310721", "ok", "")


async def test_text_value_and_count(worker: WorkerClient) -> None:
    session = await worker.open_session("python")
    result = await session.evaluate("print('hi')\n1+1")
    assert (result.stdout, result.text, result.execution_count) == ("hi\n", "2", 1)


async def test_error_is_told(worker: WorkerClient) -> None:
    session = await worker.open_session("python")
    result = await session.evaluate("1/0")
    assert (result.status, result.error) == ("error", "ZeroDivisionError: division by zero")


async def test_unknown_environment_is_refused(worker: WorkerClient) -> None:
    with pytest.raises(NotFound, match="no environment 'ruby'"):
        await worker.open_session("ruby")


async def test_interrupt_ends_the_run_and_keeps_the_session(worker: WorkerClient) -> None:
    session = await worker.open_session("python")
    await session.evaluate("x = 5")
    running = asyncio.create_task(session.evaluate("input()", allow_stdin=True))
    await session.on_input.get()
    await session.interrupt()
    assert (await running).status == "interrupted"
    assert (await session.evaluate("x")).text == "5"


async def test_input_is_answered(worker: WorkerClient) -> None:
    session = await worker.open_session("python")
    running = asyncio.create_task(session.evaluate("input('name? ')", allow_stdin=True))
    assert (await session.on_input.get()).prompt == "name? "
    await session.reply("Ada")
    assert (await running).text == "'Ada'"


async def test_restart_forgets_values(worker: WorkerClient) -> None:
    session = await worker.open_session("python")
    await session.evaluate("x = 5")
    await session.restart()
    assert (await session.evaluate("x")).error.startswith("NameError")


async def test_death_ends_the_runs_with_its_reason(worker: WorkerClient) -> None:
    session = await worker.open_session("python")
    dying = asyncio.create_task(session.evaluate("import os; os.kill(os.getpid(), 9)"))
    waiting = asyncio.create_task(session.evaluate("1"))
    results = await asyncio.gather(dying, waiting, return_exceptions=True)
    died = results[0]
    assert not isinstance(died, BaseException)
    assert (died.status, died.reason) == ("died", "killed by SIGKILL")
    with pytest.raises(NotFound):
        await session.evaluate("1")


async def test_completion_goes_to_who_asked(worker: WorkerClient) -> None:
    session = await worker.open_session("python")
    assert "import" in (await session.complete("impo", 4)).matches


async def test_session_that_ends_refuses_open_questions(worker: WorkerClient) -> None:
    session = await worker.open_session("python")
    running = asyncio.create_task(session.evaluate("input()", allow_stdin=True))
    await session.on_input.get()
    question = asyncio.create_task(session.complete("impo", 4))
    await session.restart()
    with pytest.raises(SessionEnded):
        await question
    assert (await running).reason == "restarted"


async def test_output_limit_is_said_and_interrupts(worker: WorkerClient) -> None:
    session = await worker.open_session("python", limits=Limits(output_bytes=100_000))
    result = await session.evaluate("while True: print('x' * 99)")
    assert result.status == "interrupted"
    assert "Output limit reached (100000 bytes" in session.notices[-1].text
    assert (await session.evaluate("'alive'")).text == "'alive'"


async def test_what_is_run_right_after_a_restart_runs_in_the_new_session(worker: WorkerClient) -> None:
    session = await worker.open_session("python")
    await session.evaluate("x = 5")
    restart = asyncio.create_task(session.restart())
    evaluation = asyncio.create_task(session.evaluate("'x' in globals()", timeout_seconds=30))
    result = await evaluation
    await restart
    assert (result.status, result.text) == ("ok", "False")
