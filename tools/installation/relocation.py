"""What to mend when the folder was moved.

The interpreter in the environment is a link to the system's and finds its packages by
its own place, so programs run at once; what holds the old path are the scripts beside
it and ``activate``.
"""

from __future__ import annotations

import sys
from pathlib import Path

from tools.installation.commands import run_logged
from tools.installation.console import Console
from tools.installation.diagnosis import explain
from tools.installation.steps import Step


class Relocation(Step):
    """Scripts that name the folder's old place name its new one."""

    @property
    def title(self) -> str:
        return "Adapting the Python environment to the folder's new place"

    def needed(self) -> bool:
        place = self.stamps.last("place")
        return bool(place) and place != str(self.layout.root) and not self.layout.venv.is_symlink()

    def do(self, console: Console) -> None:
        old = Path(self.stamps.last("place"), ".venv", "bin")
        for script in self.layout.python.parent.iterdir():
            if script.is_file() and not script.is_symlink():
                _repoint(script, str(old), str(self.layout.python.parent))
        log = self.layout.logs / "venv.log"
        command = [sys.executable, "-m", "venv", "--without-pip", str(self.layout.venv)]
        if run_logged(command, log, folder=self.layout.root) != 0:
            raise explain("Adapting the Python environment", log, self.layout.name(log))
        self.stamps.end("place", str(self.layout.root))


def _repoint(script: Path, old: str, new: str) -> None:
    """Put the new path into a script's first lines: pip writes ``#!PATH``, or ``exec PATH`` where that is too long."""
    content = script.read_bytes()
    if content.startswith(b"#!"):
        head, rest = content[:1024], content[1024:]
        script.write_bytes(head.replace(f"{old}/".encode(), f"{new}/".encode()) + rest)
