"""A Python that every user of this machine can run, with our packages; ours may be closed to them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PYTHON = "/usr/bin/python3"


def system_python_fits() -> bool:
    """Whether the system's Python, which every user can run, takes our packages."""
    asked = [PYTHON, "-c", "import sys; print(*sys.version_info[:2])"]
    if not Path(PYTHON).exists():
        return False
    return subprocess.run(asked, capture_output=True, text=True).stdout.split() == [*map(str, sys.version_info[:2])]


def make_open_python(folder: Path) -> Path:
    """A Make it in this folder; returns its program."""
    subprocess.run([PYTHON, "-m", "venv", "--without-pip", str(folder)], check=True)
    [packages] = folder.glob("lib/python*/site-packages")
    ours = [name for name in sys.path if name.endswith("site-packages")]
    (packages / "ours.pth").write_text("\n".join(str(Path(name).resolve()) for name in ours))
    return folder / "bin" / "python"
