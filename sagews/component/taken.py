"""TakenSettings: of the configuration, what an instance has taken, so that it is seen when the file says more by now.

Invariant: a digest only, written when the instance takes its settings: when it is started, or, where a reload takes
all of them, at each reload.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from sagews.configuration import Configuration
from sagews.configuration.run_files import PUBLIC, tell


class TakenSettings:
    """What one instance has taken."""

    def __init__(self, path: Path, names: Sequence[str]) -> None:
        """
        :param path: of the file that remembers it; its folder exists.
        :param names: sections and settings that the instance reads: ``worker``, ``log.format``.
        """
        self._path = path
        self._names = names

    def note(self, configuration: Configuration) -> None:
        """The instance takes what the configuration says now."""
        tell(self._path, self._digest(configuration), PUBLIC)

    def differ(self, configuration: Configuration) -> bool:
        """Whether the configuration says something else now; False where nothing was noted."""
        try:
            return self._path.read_text() != self._digest(configuration)
        except FileNotFoundError:  # older code started it
            return False

    def _digest(self, configuration: Configuration) -> str:
        values = [(name, attrgetter(name)(configuration)) for name in self._names]
        return hashlib.sha256(repr(values).encode()).hexdigest()
