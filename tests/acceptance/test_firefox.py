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


@pytest.mark.firefox
@pytest.mark.sage
def test_the_first_worksheet_in_firefox(tmp_path: Path) -> None:
    own = SoloSite.start(tmp_path / "site")
    try:
        done = subprocess.run(
            ["node", str(SCRIPT), own.sign_in_url, str(tmp_path / "firefox.png")],
            cwd=ROOT / "client",
            env=os.environ | node.changes(Layout(ROOT)) | {"HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            timeout=110,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    finally:
        own.stop()
    shown = json.loads(done.stdout)
    assert "Firefox" in shown["agent"]
    assert shown["complaints"] == []
    assert shown["outputs"][0].strip() == "274177 * 67280421310721"
    assert shown["picture"] > 300
    assert shown["formulas"] == 1
    assert shown["outputs"][3].split() == ["0", "1", "2", "3", "4"]
    assert "ZeroDivisionError: rational division by zero" in shown["outputs"][4]
    assert shown["statuses"][:5] == ["ok", "ok", "ok", "ok", "error"]
