"""What the configuration wishes: environments, how their sessions are confined, and what may be missing of that."""

from __future__ import annotations

import logging
from pathlib import Path

from sagews.configuration import Configuration
from sagews.errors import SetupError
from sagews.worker.confinement_settings import ConfinementSettings
from sagews.worker.environment_settings import EnvironmentSettings
from sagews.worker.protection import ABSENT, DEMANDED, MENDS, Protection, absent_ones
from sagews.worker.session_user import session_users

log = logging.getLogger(__name__)


def environments_of(configuration: Configuration) -> tuple[EnvironmentSettings, ...]:
    """Those that are enabled; the first one is the default."""
    return tuple(
        EnvironmentSettings(
            name, environment.kind, environment.preload_modules, environment.interpreter, environment.spare_sessions
        )
        for name, environment in configuration.worker.environments.items()
        if environment.enabled
    )


def confinement_of(configuration: Configuration, owner: int) -> ConfinementSettings:
    """How sessions are to be confined.

    :param owner: user id of the worker server.
    :raises ConfigurationError: the users that are named are none.
    """
    worker = configuration.worker
    return ConfinementSettings(
        wanted=worker.confine,
        users=session_users(worker.users),
        owner=owner,
        hidden=tuple(dict.fromkeys((configuration.data_folder.absolute(), configuration.data_folder.resolve()))),
        shown=tuple(map(Path, worker.shown_folders)),
        temporary_bytes=worker.session.temporary_megabytes * 2**20,
    )


def demand(configuration: Configuration, present: Protection) -> None:
    """See that strangers are served only with every protection that the operator has not named as missing.

    :raises SetupError: one is missing in a site; in the solo profile the log says so.
    """
    missing = [one for one in absent_ones(present) if one.label not in configuration.worker.unprotected]
    refused = [one for one in missing if one in DEMANDED]
    if refused and not configuration.is_solo:
        accepted = [one.label for one in absent_ones(present) if one in DEMANDED]
        raise SetupError(
            f"Sessions are not confined: {'; '.join(ABSENT[one] for one in refused)}.",
            mend=f"{MENDS[refused[0]]}; or accept it: worker.unprotected = {accepted}.",
        )
    for one in missing if configuration.worker.confine else ():
        log.info(
            "Sessions are confined without: %s",
            ABSENT[one],
            extra={"action": "protection_absent", "protection": one.label},
        )
