"""Facts about the database as a whole, for who watches over the site."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from sqlalchemy import text

from sagews.database.migration import newest
from sagews.database.transactions import Transactions

_SIZE = {
    "postgresql": "SELECT pg_database_size(current_database())",
    "sqlite": "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()",
}
_VERSION = text("SELECT version_num FROM alembic_version")


@dataclass(frozen=True)
class Facts:
    """``kind`` is ``postgresql`` or ``sqlite``."""

    kind: str
    size_bytes: int
    tables: str
    """The version of the tables that are there."""
    needed: str
    """The version that this program needs."""


async def facts(transactions: Transactions) -> Facts:
    """What there is to know.

    :raises DatabaseUnavailable: the database does not answer.
    """
    kind = transactions.engine.dialect.name
    async with transactions.read() as connection:
        size = await connection.scalar(text(_SIZE[kind]))
        tables = await connection.scalar(_VERSION)
    return Facts(kind, int(size or 0), str(tables or ""), _needed())


@cache
def _needed() -> str:
    """Read once: the steps of a program do not change while it runs."""
    return newest()
