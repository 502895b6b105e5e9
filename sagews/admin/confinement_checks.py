"""What protects others from a session on this machine, found by trying, each thing with what its absence means."""

from __future__ import annotations

import os
import pwd
import tempfile
from collections.abc import Iterator
from pathlib import Path

from sagews.admin.finding import Finding
from sagews.configuration import Configuration
from sagews.worker.confinement_trial import try_out
from sagews.worker.protection import ABSENT, DEMANDED, MENDS, PRESENT, Protection
from sagews.worker.wishes import confinement_of


def protections(configuration: Configuration) -> Iterator[Finding]:
    """One finding for each; wrong is what a site would not start without."""
    if not configuration.worker.confine:
        yield Finding.doubtful("Sessions are not confined, because `worker.confine` is false", "Set it to true")
        return
    with tempfile.TemporaryDirectory() as folder:
        present = try_out(confinement_of(configuration, _owner(configuration)), Path(folder)).present
    for one in Protection:
        if one in present:
            yield Finding.good(f"{one.label}: {PRESENT[one]}")
        elif configuration.is_solo or one not in DEMANDED or one.label in configuration.worker.unprotected:
            yield Finding.doubtful(f"{one.label} is absent: {ABSENT[one]}", MENDS[one])
        else:
            yield Finding.wrong(f"{one.label} is absent: {ABSENT[one]}", MENDS[one])


def _owner(configuration: Configuration) -> int:
    """User id to which the files of workspaces belong."""
    name = configuration.worker.user
    if os.geteuid() != 0 or not name or configuration.is_solo:
        return os.geteuid()
    try:
        return pwd.getpwnam(name).pw_uid
    except KeyError:
        return os.geteuid()
