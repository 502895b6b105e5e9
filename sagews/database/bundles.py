"""Bundles: the files of workspaces and all their versions, as a chain of git bundles.

Invariant: each bundle of a workspace begins where the one before it ends, so that together, in the order of `number`,
they are all versions up to the newest; a bundle comes in, or takes the place of others, whole and at the current epoch.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import IO

from sqlalchemy import delete, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.rows import columns, values
from sagews.database.transactions import Transactions
from sagews.errors import Conflict, NotFound

PIECE_BYTES = 4 * 1024 * 1024


@dataclass(frozen=True)
class StoredBundle:
    """What is known of a bundle: the versions after `basis` ("" = from the first on) up to `head`."""

    number: int
    """How many versions there are up to `head`."""
    basis: str
    head: str
    size_bytes: int
    sha256: str
    """Of the bundle (hex)."""


@dataclass(frozen=True)
class NewBundle:
    """A bundle that is to be stored."""

    facts: StoredBundle
    content: IO[bytes]
    """All of it, checked by who got it; is read from its beginning."""


class Bundles:
    """What is stored; storing is part of a checkpoint (`Documents.checkpoint`)."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def chain(self, workspace: str) -> list[StoredBundle]:
        """The bundles of a workspace, in their order."""
        async with self._transactions.read() as connection:
            return await _chain(connection, workspace)

    async def read(self, workspace: str, bundle: StoredBundle) -> AsyncGenerator[bytes]:
        """The pieces of a bundle.

        :raises NotFound: another one has taken its place.
        """
        pieces = tables.bundle_pieces.c
        piece, left = 0, bundle.size_bytes
        while left > 0:
            query = select(pieces.data).where(
                pieces.workspace == workspace, pieces.number == bundle.number, pieces.piece == piece
            )
            async with self._transactions.read() as connection:
                data: bytes | None = (await connection.execute(query)).scalar_one_or_none()
            if not data:
                raise NotFound("This bundle is not stored any more.")
            yield data
            piece, left = piece + 1, left - len(data)

    async def newest(self, workspaces: Collection[str]) -> dict[str, int]:
        """How many versions are stored of each of these workspaces, deleted ones too; without those that are gone."""
        table, bundles = tables.workspaces, tables.bundles
        query = (
            select(table.c.id, func.coalesce(func.max(bundles.c.number), 0))
            .outerjoin(bundles, bundles.c.workspace == table.c.id)
            .where(table.c.id.in_(workspaces))
            .group_by(table.c.id)
        )
        async with self._transactions.read() as connection:
            return {row[0]: int(row[1]) for row in await connection.execute(query)}

    async def size(self, workspace: str) -> int:
        """Bytes of all bundles of a workspace."""
        bundles = tables.bundles.c
        query = select(func.coalesce(func.sum(bundles.size_bytes), 0)).where(bundles.workspace == workspace)
        async with self._transactions.read() as connection:
            return int((await connection.execute(query)).scalar_one())


async def store_bundle(
    connection: AsyncConnection, workspace: str, epoch: int, bundle: NewBundle, now: datetime
) -> None:
    """Store a bundle in a transaction that holds the epoch, in the place of all that come after its basis.

    One that is stored already changes nothing.

    :raises Conflict: the stored bundles do not have its basis, or have more versions than it.
    """
    facts = bundle.facts
    chain = await _chain(connection, workspace)
    if chain and chain[-1].head == facts.head:
        return
    if facts.basis and facts.basis not in {one.head for one in chain}:
        raise Conflict("The bundle builds on a version that is not stored.", mend="Send all versions.")
    if chain and chain[-1].number >= facts.number:
        raise Conflict("A later version is stored already.", mend="Open the workspace again.")
    replaced = [one.number for one in _after(chain, facts.basis)]
    bundles = tables.bundles
    await connection.execute(delete(bundles).where(bundles.c.workspace == workspace, bundles.c.number.in_(replaced)))
    row: dict[str, object] = {"workspace": workspace, "epoch": epoch, "stored": now, **vars(facts)}
    await connection.execute(insert(tables.bundles).values(**row))
    bundle.content.seek(0)
    piece = 0
    while data := bundle.content.read(PIECE_BYTES):
        row = {"workspace": workspace, "number": facts.number, "piece": piece, "data": data}
        await connection.execute(insert(tables.bundle_pieces).values(**row))
        piece += 1


def _after(chain: list[StoredBundle], basis: str) -> Iterator[StoredBundle]:
    """The bundles that come after the one which ends with `basis`; "" = all."""
    is_after = not basis
    for one in chain:
        if is_after:
            yield one
        is_after = is_after or one.head == basis


async def _chain(connection: AsyncConnection, workspace: str) -> list[StoredBundle]:
    bundles = tables.bundles
    query = select(*columns(bundles, StoredBundle)).where(bundles.c.workspace == workspace)
    rows = await connection.execute(query.order_by(bundles.c.number))
    return values(StoredBundle, rows.all())
