"""A whole site that root starts runs as users of its own, who have to get at this folder and at its Python."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

from sagews.errors import SetupError
from tools.installation.console import Console
from tools.installation.steps import Step


class OpenToOthers(Step):
    """Asked first: all that follows would be in vain."""

    @property
    def title(self) -> str:
        return "Looking whether the users of a site's components get at this folder and its Python"

    def needed(self) -> bool:
        return os.geteuid() == 0 and any(map(closed_above, (self.layout.root, self._python)))

    def do(self, console: Console) -> None:
        """:raises SetupError: they do not."""
        folder = closed_above(self.layout.root)
        if folder:
            raise SetupError(
                f"A site's components run as users of their own, who cannot get at {self.layout.root}: "
                f"{folder} is closed to them.",
                mend="Move this folder, for example below /opt, and run the same there.",
            )
        raise SetupError(
            f"A site's components run as users of their own, who cannot get at the Python {self._python}: "
            f"{closed_above(self._python)} is closed to them.",
            mend="Use one that is open to all: make clean, then make site PYTHON=/usr/bin/python3.",
        )

    @property
    def _python(self) -> Path:
        """The one of the environment, or, where there is none yet, the one that will make it."""
        return (self.layout.python if self.layout.python.exists() else Path(sys.executable)).resolve()


def closed_above(path: Path) -> Path | None:
    """The first folder above a path that others may not enter."""
    return next((one for one in path.parents if not one.stat().st_mode & stat.S_IXOTH), None)
