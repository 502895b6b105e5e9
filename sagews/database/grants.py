"""What each use of the database may do with each table: declared here, once, and granted after each migration.

Invariant: a use has exactly the rights that stand here. A table that is not mentioned is nobody's but its owner's
(`Use.ADMIN`); a test wants every table to be mentioned.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from sagews.database.failures import translated
from sagews.database.uses import Use

_ROWS = ("SELECT", "INSERT", "UPDATE", "DELETE")
_READ = ("SELECT",)
_OF_BACKENDS: Mapping[Use, tuple[str, ...]] = {Use.BACKEND: _ROWS}

RIGHTS: Mapping[str, Mapping[Use, tuple[str, ...]]] = {
    "account_types": _OF_BACKENDS,
    "accounts": _OF_BACKENDS,
    "identities": _OF_BACKENDS,
    "tokens": _OF_BACKENDS,
    "preferences": _OF_BACKENDS,
    "workspaces": _OF_BACKENDS,
    "gone_workspaces": _OF_BACKENDS,
    "permissions": _OF_BACKENDS,
    "invitations": _OF_BACKENDS,
    "removals": _OF_BACKENDS,
    "publications": _OF_BACKENDS,
    "publication_versions": _OF_BACKENDS,
    "publication_pages": _OF_BACKENDS,
    "documents": _OF_BACKENDS,
    "journal": _OF_BACKENDS,
    "bundles": _OF_BACKENDS,
    "bundle_pieces": _OF_BACKENDS,
    "version_names": _OF_BACKENDS,
    "workers": _OF_BACKENDS,
    "backends": _OF_BACKENDS,
    "activity": _OF_BACKENDS,
    # Backends show the log to the operator. They can neither write nor delete in it: what was logged stays as it was.
    "log": {Use.LOGSERVER: ("SELECT", "INSERT", "DELETE"), Use.BACKEND: _READ},
    "alembic_version": {Use.BACKEND: _READ, Use.LOGSERVER: _READ, Use.STATUS: _READ},
}
"""By table. A table that a later migration makes may stand here already."""

_OTHERS = tuple(use for use in Use if use is not Use.ADMIN)


async def grant(engine: AsyncEngine) -> None:
    """Give each use its rights and take away all others, in one transaction; repeatable.

    Nothing, where the database is SQLite or an operator's, which have no roles of ours.

    :param engine: of `Use.ADMIN`.
    :raises DatabaseUnavailable: the database does not answer.
    """
    if engine.dialect.name != "postgresql":
        return
    with translated():
        async with engine.begin() as connection:
            roles = await _names(connection, "SELECT rolname FROM pg_roles")
            if all(use.role in roles for use in Use):
                await _grant(connection)


async def _grant(connection: AsyncConnection) -> None:
    others = ", ".join(use.role for use in _OTHERS)
    for kind in ("TABLES", "SEQUENCES"):
        await connection.execute(text(f"REVOKE ALL ON ALL {kind} IN SCHEMA public FROM PUBLIC, {others}"))
        await connection.execute(text(f"ALTER DEFAULT PRIVILEGES IN SCHEMA public REVOKE ALL ON {kind} FROM PUBLIC"))
    tables = await _names(connection, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    for table in tables & set(RIGHTS):
        for use, rights in RIGHTS[table].items():
            await connection.execute(text(f'GRANT {", ".join(rights)} ON "{table}" TO {use.role}'))
            if "INSERT" in rights:
                await _grant_numbers(connection, table, use)


async def _grant_numbers(connection: AsyncConnection, table: str, use: Use) -> None:
    """Let a use take numbers of the sequences that belong to a table's columns."""
    query = text(
        "SELECT c.relname FROM pg_class c JOIN pg_depend d ON d.objid = c.oid "
        "WHERE c.relkind = 'S' AND d.deptype IN ('a', 'i') AND d.refobjid = CAST(:table AS regclass)"
    )
    for sequence in (await connection.execute(query, {"table": f'public."{table}"'})).scalars().all():
        await connection.execute(text(f'GRANT USAGE ON SEQUENCE "{sequence}" TO {use.role}'))


async def _names(connection: AsyncConnection, query: str) -> set[str]:
    return set((await connection.execute(text(query))).scalars().all())
