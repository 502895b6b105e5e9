"""Where things are in a clone. Invariant: nothing is ever written outside of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Layout:
    """The folders and files that set-up reads and writes."""

    root: Path

    @property
    def venv(self) -> Path:
        """The virtual environment. A link is somebody else's: it is used as it is."""
        return self.root / ".venv"

    @property
    def python(self) -> Path:
        """The interpreter inside; also after the folder was moved, which its scripts do not survive."""
        return self.venv / "bin" / "python"

    @property
    def state(self) -> Path:
        return self.root / ".setup"

    @property
    def logs(self) -> Path:
        return self.state / "logs"

    @property
    def client(self) -> Path:
        return self.root / "client"

    def name(self, path: Path) -> str:
        """*path* as a person in this folder writes it."""
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)
