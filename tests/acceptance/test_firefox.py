"""The first scenario in Firefox: sign in, a new worksheet, a factorisation, a plot, a formula, a loop, a traceback."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.acceptance.solo import ROOT, SoloSite
from tools.installation import node
from tools.installation.layout import Layout

SCRIPT = Path(__file__).with_name("firefox.mjs")

SECONDS = 80


def in_firefox(address: str, folder: Path) -> str:
    """What the script prints.

    :raises AssertionError: where it failed, with what it said.
    """
    with subprocess.Popen(
        ["node", str(SCRIPT), address, str(folder / "firefox.png")],
        cwd=ROOT / "client",
        env=os.environ | node.changes(Layout(ROOT)) | {"HOME": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            printed, said = process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            process.terminate()  # it ends its browser then; after kill -9 that would stay
            printed, said = process.communicate()
    assert process.returncode == 0, said[-3000:]
    return printed


@pytest.mark.firefox
@pytest.mark.sage
def test_the_first_worksheet_in_firefox(tmp_path: Path) -> None:
    own = SoloSite.start(tmp_path / "site")
    try:
        shown = json.loads(in_firefox(own.sign_in_url, tmp_path))
    finally:
        own.stop()
    assert "Firefox" in shown["agent"]
    assert shown["complaints"] == []
    assert shown["outputs"][0].strip() == "274177 * 67280421310721"
    assert shown["picture"] > 300
    assert shown["formulas"] == 1
    assert shown["outputs"][3].split() == ["0", "1", "2", "3", "4"]
    assert "ZeroDivisionError: rational division by zero" in shown["outputs"][4]
    assert shown["statuses"][:5] == ["ok", "ok", "ok", "ok", "error"]
