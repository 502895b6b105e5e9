"""The environments of a worker and their zygotes: starting them, forking sessions from them, outliving them.

Invariant: a session that `fork` returned has its `ended` set some day, whatever dies; a zygote's death ends its
own sessions only, and the next fork starts another one.
"""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import dataclass
from pathlib import Path

from sagews.errors import NotFound
from sagews.messages.records import Limits
from sagews.worker import processes
from sagews.worker.memory_watch import MemoryWatch
from sagews.worker.session_process import DEFAULT_PATIENCE, Patience, SessionProcess
from sagews.worker.zygote_process import Around, ZygoteProcess


@dataclass(frozen=True)
class EnvironmentSettings:
    """One environment."""

    name: str
    preload: tuple[str, ...] = ()
    """Modules to import, besides what `sage` and `python` import anyway."""
    python: str = ""
    """The Python that runs it; "" = ours."""
    spares: int = 2
    """Sessions to keep prepared: whoever asks for one need not wait for the fork."""


DEFAULT_ENVIRONMENTS = (EnvironmentSettings("sage"), EnvironmentSettings("python"))


class Environments:
    """All environments of one worker."""

    def __init__(
        self,
        data: Path,
        environments: tuple[EnvironmentSettings, ...] = DEFAULT_ENVIRONMENTS,
        patience: Patience = DEFAULT_PATIENCE,
    ) -> None:
        """
        :param data: the worker's data folder; each zygote has its own below it.
        :param environments: the first one is the default.
        """
        self._zygotes = {
            settings.name: ZygoteProcess(
                settings.name,
                settings.preload,
                data / "zygotes" / settings.name,
                settings.python,
                settings.spares,
            )
            for settings in environments
        }
        self._around = Around(patience, MemoryWatch())
        self._numbers = itertools.count(1)

    @property
    def names(self) -> tuple[str, ...]:
        """The first one is the default."""
        return tuple(self._zygotes)

    async def start(self) -> None:
        """Start every zygote, and return when all are warm. Call it before any key is read.

        :raises SetupError: where one cannot start; it has the last lines of its log.
        """
        processes.become_subreaper()
        await asyncio.gather(*(zygote.ready() for zygote in self._zygotes.values()))

    async def fork(self, environment: str, session: str, folder: Path, limits: Limits) -> SessionProcess:
        """Start a session.

        :param environment: one of `names`; "" = the default.
        :param session: its name, for logs.
        :param folder: its home and working directory; it exists.
        :raises NotFound: where there is no such environment; SetupError where its zygote cannot start;
            Unavailable where the zygote died or cannot fork just now.
        """
        zygote = self._zygotes.get(environment or self.names[0])
        if zygote is None:
            raise NotFound(
                f"There is no environment {environment!r} here.", mend=f"Choose one of {', '.join(self.names)}."
            )
        return await zygote.fork(session, next(self._numbers), folder, limits, self._around)

    def zygote_pid(self, environment: str) -> int:
        """The process id of an environment's zygote; 0 where it does not run."""
        return self._zygotes[environment].pid

    async def stop(self) -> None:
        """End every session and every zygote; return when none is left."""
        await asyncio.gather(*(zygote.stop() for zygote in self._zygotes.values()))
