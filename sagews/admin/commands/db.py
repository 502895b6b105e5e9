"""`sagews db`: bring the database's tables to this version; write and restore backups."""

from __future__ import annotations

import sys
import time
from argparse import Namespace
from pathlib import Path

from sagews.admin.command import Parser, Verbs, add_configuration_option, configuration_of
from sagews.configuration import Configuration
from sagews.errors import SetupError

QUIET_SECONDS = 1.0
"""What is done sooner shows no progress."""
BETWEEN_SECONDS = 0.5


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "db",
        "Migrate, back up and restore the site's database.",
        examples=("sagews db migrate", "sagews db backup FILE", "sagews db restore FILE --replace"),
    )
    inner = Verbs(parser)
    migrate = inner.add(
        "migrate",
        "Bring the database's tables to the version that this sagews needs; nothing where they are.",
        examples=("sagews db migrate", "sagews db migrate --check   # exit status 1 where it is needed"),
    )
    migrate.add_argument("--check", action="store_true", help="only say whether it is needed")
    backup = inner.add(
        "backup",
        "Write all that is in the database, as it is at one moment, into a file; the site may run.",
        examples=("sagews db backup sagews-$(date +%F).backup",),
    )
    restore = inner.add(
        "restore",
        "Put a backup in the place of the database, which nobody may use meanwhile; one that fails changes nothing.",
        examples=("sagews stop backend worker logserver", "sagews db restore sagews-2026-01-31.backup --replace"),
    )
    restore.add_argument("--replace", action="store_true", help="throw away what is in the database now")
    for one, run in ((migrate, run_migrate), (backup, run_backup), (restore, run_restore)):
        _finish(one, with_file=one is not migrate)
        one.set_defaults(run=run)


def _finish(parser: Parser, *, with_file: bool) -> None:
    if with_file:
        parser.add_argument("file", metavar="FILE", type=Path, help="the backup")
    add_configuration_option(parser)


def run_migrate(arguments: Namespace) -> int:
    """Exit status: 0; with ``--check`` 1 where a migration is needed."""
    import asyncio

    return asyncio.run(_migrate(configuration_of(arguments), only_check=arguments.check))


async def _migrate(configuration: Configuration, *, only_check: bool) -> int:
    from sagews.database.access import engine_for
    from sagews.database.grants import grant
    from sagews.database.migration import knows, migrate, newest, revision_of
    from sagews.database.uses import Use

    engine = engine_for(configuration, Use.ADMIN, connections=1)
    try:
        before = await revision_of(engine)
        if before == newest():
            print(f"The database's tables are of version {before}, as they have to be.")
        elif only_check:
            print(f"The database's tables are of version {before or 'none'}; this sagews needs {newest()}.")
            return 1
        elif before and not knows(before):
            raise SetupError(
                f"The database's tables (version {before}) are newer than this sagews.", mend="Upgrade sagews."
            )
        else:
            await migrate(engine)
            print(f"The database's tables were of version {before or 'none'}, and are of version {newest()} now.")
        if not only_check:
            await grant(engine)
    finally:
        await engine.dispose()
    return 0


def run_backup(arguments: Namespace) -> int:
    """Exit status: 0."""
    from sagews.database.backup import backup

    with Progress() as progress:
        about = backup(configuration_of(arguments), arguments.file, progress)
    print(f"Wrote {arguments.file} ({_size(about.length)}, {about.kind}, tables of version {about.revision}).")
    return 0


def run_restore(arguments: Namespace) -> int:
    """Exit status: 0."""
    from sagews.database.backup import restore
    from sagews.database.migration import newest

    with Progress() as progress:
        about = restore(configuration_of(arguments), arguments.file, progress, replace=arguments.replace)
    print(f"Restored the database as it was at {about.made_at}.")
    if about.revision != newest():
        print("Its tables are of an older version: `sagews db migrate` before you start the site.")
    return 0


class Progress:
    """One line on standard error that says how far it is, where it takes longer than a second."""

    def __init__(self) -> None:
        self._next = time.monotonic() + QUIET_SECONDS
        self._shown = False

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._shown and sys.stderr.isatty():
            sys.stderr.write("\n")

    def __call__(self, what: str, done: int, of: int) -> None:
        """Say it, if it is time to."""
        if time.monotonic() < self._next:
            return
        self._next, self._shown = time.monotonic() + BETWEEN_SECONDS, True
        line = f"{what}: {_size(done)}" + (f" of {_size(of)}" if of else "")
        sys.stderr.write(f"\r{line}\x1b[K" if sys.stderr.isatty() else f"{line}\n")
        sys.stderr.flush()


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count >= 2**20 else f"{count / 2**10:.0f} KiB"
