"""The examples of docs/worker-api.md do what the page says."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path

from tests.integration.workerserver.conftest import WorkerProgram

PAGE = Path(__file__).parents[3] / "docs" / "worker-api.md"


async def test_every_example_runs(worker_program: WorkerProgram) -> None:
    names: dict[str, object] = {"path": worker_program.socket}
    examples = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert len(examples) == 4
    for number, example in enumerate(examples):
        code = compile(example, f"{PAGE}, example {number}", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        running = eval(code, names)
        if inspect.iscoroutine(running):
            await running
