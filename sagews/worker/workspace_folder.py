"""WorkspaceFolder: where an open workspace's files and its runs' texts are on this machine.

Invariant: the texts together stay within their bounds (the oldest go first); a scratch folder goes
when it is released, or when the next worker starts.
"""

from __future__ import annotations

import shutil
import tempfile
from pathlib import Path

from sagews.errors import NotFound
from sagews.worker.kept_folders import FOLDER
from sagews.worker.settings import WorkerSettings

SCRATCH = "scratch"
RUNS_BETWEEN_LOOKS = 20
"""Runs that begin between two looks at how much text is kept (a look takes a millisecond)."""


class WorkspaceFolder:
    """`files`, which belong to the sessions, and `outputs`, which do not."""

    def __init__(self, top: Path, settings: WorkerSettings, *, scratch: bool) -> None:
        """:param top: made where it is not there."""
        self.top = top
        self.files = top / "files"
        self.outputs = top / "outputs"
        self._scratch = scratch
        self._settings = settings
        self._runs = 0
        for folder in (self.files, self.outputs):
            folder.mkdir(parents=True, exist_ok=True)

    @classmethod
    def kept(cls, data: Path, workspace: str, settings: WorkerSettings) -> WorkspaceFolder:
        """Of a workspace that stays."""
        return cls(data / FOLDER / workspace, settings, scratch=False)

    @classmethod
    def temporary(cls, data: Path, settings: WorkerSettings) -> WorkspaceFolder:
        """Of a scratch workspace."""
        folder = data / SCRATCH
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(Path(tempfile.mkdtemp(dir=folder)), settings, scratch=True)

    @staticmethod
    def wipe_scratch(data: Path) -> None:
        """Throw away what a worker that was killed has left. Only for who has the folder's lock."""
        shutil.rmtree(data / SCRATCH, ignore_errors=True)

    def kept_file(self, run: str) -> Path:
        """A place for the text of a new run; every now and then, old texts make room."""
        if self._runs % RUNS_BETWEEN_LOOKS == 0:
            self._make_room()
        self._runs += 1
        return self.outputs / f"{run}.txt"

    def _make_room(self) -> None:
        texts = sorted(self.outputs.glob("*.txt"), key=lambda path: path.stat().st_mtime)
        total = sum(path.stat().st_size for path in texts)
        while texts and (len(texts) >= self._settings.kept_runs or total > self._settings.kept_bytes):
            oldest = texts.pop(0)
            total -= oldest.stat().st_size
            oldest.unlink()

    def output(self, run: str) -> Path:
        """The text of a run. Raises NotFound where it is not kept (any more)."""
        path = self.outputs / f"{run}.txt"
        if not run.isalnum() or not path.is_file():
            raise NotFound("The text of this run is not kept any more.")
        return path

    def release(self) -> None:
        """The workspace is closed."""
        if self._scratch:
            shutil.rmtree(self.top, ignore_errors=True)
