"""The first worksheet in Debian's Firefox ESR, which puppeteer-core drives over WebDriver BiDi."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.acceptance.solo import ROOT, SoloSite
from tools.installation import node
from tools.installation.layout import Layout

SCRIPT = Path(__file__).with_name("firefox.mjs")
SECONDS = 100
CELLS = (
    "factor(2^64+1)",
    "plot(sin, (0, 7))",
    "show(integrate(sin(x)^2, x))",
    "for i in range(5): print(i)",
    "1/0",
)

pytestmark = [pytest.mark.firefox, pytest.mark.sage]


def seen_in_firefox(address: str, folder: Path) -> dict[str, Any]:
    """What the script saw: ``cells`` (status, text, pictureWidth, ...), ``state`` and ``complaints``.

    :raises AssertionError: where the script failed, with what it said.
    """
    # A home of its own: Firefox writes into it.
    environment = os.environ | node.changes(Layout(ROOT)) | {"CELLS": json.dumps(CELLS), "HOME": str(folder)}
    command = ["node", str(SCRIPT), address, str(folder)]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        try:
            seen, said = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()  # it ends its browser then; after kill -9 that would stay
            seen, said = process.communicate()
    assert process.returncode == 0, said[-3000:]
    return dict(json.loads(seen))


def test_from_the_printed_address_to_answers(site: SoloSite, tmp_path: Path) -> None:
    seen = seen_in_firefox(site.sign_in_url, tmp_path)
    assert "firefox" in seen["version"].lower()
    factors, plot, formula, loop, error = seen["cells"]
    assert [cell["status"] for cell in seen["cells"]] == ["ok", "ok", "ok", "ok", "error"]
    assert factors["text"] == "274177 * 67280421310721\n"
    assert plot["pictureWidth"] > 300
    assert formula["formulas"] == 1
    assert formula["formulaHeight"] > 10
    assert loop["text"] == "0\n1\n2\n3\n4\n"
    assert "ZeroDivisionError: rational division by zero" in error["text"]
    assert "\x1b" not in error["text"]
    assert seen["state"] == "idle"
    assert seen["complaints"] == []
