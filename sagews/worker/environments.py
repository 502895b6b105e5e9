"""The environments of a worker and their zygotes: starting them, forking sessions from them, outliving them.

Invariant: a session that `fork` returned has its `ended` set some day, whatever dies; a zygote's death ends its
own sessions only, and the next fork starts another one.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
from pathlib import Path

from sagews.errors import NotFound, Unavailable
from sagews.messages.records import Limits
from sagews.worker import processes
from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.protection import ALL, Protection
from sagews.worker.session_process import SessionProcess
from sagews.worker.session_user import SessionUser
from sagews.worker.stop_ladder import DEFAULT_PATIENCE, Patience
from sagews.worker.usage_watch import UsageWatch
from sagews.worker.user_slots import UserSlots, claim_on_machine
from sagews.worker.zygote_process import Around, ZygoteProcess
from sagews.worker.zygote_starter import OwnStarter, ZygoteStarter

log = logging.getLogger(__name__)

UNCONFINED = ConfinementSettings()
DEFAULT_ENVIRONMENTS = (EnvironmentSettings("sage", "sage"), EnvironmentSettings("python", "python"))


class Environments:
    """All environments of one worker."""

    def __init__(
        self,
        data: Path,
        environments: tuple[EnvironmentSettings, ...] = DEFAULT_ENVIRONMENTS,
        patience: Patience = DEFAULT_PATIENCE,
        confinement: ConfinementSettings = UNCONFINED,
        starter: ZygoteStarter | None = None,
    ) -> None:
        """
        :param data: the worker's data folder; each zygote has its own below it.
        :param environments: the first one is the default.
        :param confinement: of the sessions.
        :param starter: who starts the zygotes; None = this process itself.
        """
        zygotes = data / "zygotes"
        starter = starter or OwnStarter(zygotes, confinement)
        self._zygotes = {
            settings.name: ZygoteProcess(settings, zygotes / settings.name, starter) for settings in environments
        }
        self._around = Around(patience, UsageWatch())
        self._numbers = itertools.count(1)
        self._users = UserSlots(confinement.users, claim_on_machine)
        self._taking = asyncio.Lock()
        self._resets: set[asyncio.Task[None]] = set()

    @property
    def present(self) -> Protection:
        """What protects others from the sessions of every one of them."""
        present = ALL
        for zygote in self._zygotes.values():
            present &= zygote.present
        return present

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
            Unavailable where the zygote died or cannot fork just now; OverLimit where no Unix user is free.
        """
        zygote = self._zygotes.get(environment or self.names[0])
        if zygote is None:
            raise NotFound(
                f"There is no environment {environment!r} here.", mend=f"Choose one of {', '.join(self.names)}."
            )
        await zygote.ready()
        if Protection.USERS not in zygote.present:
            return await zygote.fork(session, next(self._numbers), folder, limits, self._around)
        return await self._fork_as_user(zygote, session, folder, limits)

    async def _fork_as_user(self, zygote: ZygoteProcess, session: str, folder: Path, limits: Limits) -> SessionProcess:
        """The same, as the Unix user that this folder has as long as a session lives in it."""
        async with self._taking:  # a second session in this folder waits for the reset
            user, must_reset = self._users.take(folder)
            try:
                if must_reset and not await zygote.reset(next(self._numbers), user):
                    raise Unavailable(
                        f"The Unix user {user.uid} is not clean.", mend="Try again; `sagews workers reset` says why."
                    )
            except BaseException:
                self._give_user(zygote, folder)
                raise
        try:
            process = await zygote.fork(session, next(self._numbers), folder, limits, self._around, user)
        except BaseException:
            self._give_user(zygote, folder)
            raise
        process.ended.add_done_callback(lambda _: self._give_user(zygote, folder))
        return process

    def _give_user(self, zygote: ZygoteProcess, folder: Path) -> None:
        user = self._users.give(folder)
        if user is not None:
            task = asyncio.get_running_loop().create_task(self._reset(zygote, user))
            self._resets.add(task)
            task.add_done_callback(self._resets.discard)

    async def _reset(self, zygote: ZygoteProcess, user: SessionUser) -> None:
        """Nobody else becomes this user before nothing of it is left."""
        clean = await zygote.reset(next(self._numbers), user)
        if clean is False:
            log.error("A Unix user is not clean after its use", extra={"action": "user_not_clean", "uid": user.uid})
        self._users.put_back(user, clean=bool(clean))

    def zygote_pid(self, environment: str) -> int:
        """The process id of an environment's zygote; 0 where it does not run."""
        return self._zygotes[environment].pid

    async def stop(self) -> None:
        """End every session and every zygote; return when none is left."""
        await asyncio.gather(*(zygote.stop() for zygote in self._zygotes.values()))
        await self._around.watch.close()
        await asyncio.gather(*self._resets)
        self._users.close()
