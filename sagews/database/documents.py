"""Documents: the stored states of shared documents.

Invariant: a state never goes back to an older (epoch, n), and what a state contains is deleted from the journal in
the same transaction in which the state is stored; so is the bundle of files that it belongs to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, delete, or_, select, tuple_, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.bundles import NewBundle, store_bundle
from sagews.database.clock import Clock
from sagews.database.epochs import hold_epoch
from sagews.database.journal import JournalRow, read_journal
from sagews.database.rows import columns, values
from sagews.database.transactions import Transactions
from sagews.errors import NotFound


@dataclass(frozen=True)
class DocumentState:
    """A document to store: ``state`` is its full Yjs state, ``file_digest`` tells which file it agrees with."""

    id: str
    path: str
    state: bytes
    file_digest: str | None = None


@dataclass(frozen=True)
class StoredDocument:
    """A stored document; (``epoch``, ``n``) is the last edit that ``state`` contains."""

    id: str
    path: str
    state: bytes
    file_digest: str | None
    epoch: int
    n: int


@dataclass(frozen=True)
class StoredWorkspace:
    """All that a worker needs to reopen: apply the states, then the journal in its order."""

    documents: list[StoredDocument]
    journal: list[JournalRow]


class Documents:
    """Checkpoints, and what they stored."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def checkpoint(
        self, workspace: str, epoch: int, n: int, states: Sequence[DocumentState], bundle: NewBundle | None = None
    ) -> None:
        """Store states which contain everything up to (epoch, n), and drop that from the journal, in one commit.

        Only the journal of the documents in ``states`` is dropped. A checkpoint older than the stored one changes
        nothing.

        :param bundle: of the workspace's files, to be stored in the same commit.
        :raises Fenced: ``epoch`` is over; nothing was written.
        :raises Conflict: the bundle does not go on from what is stored; nothing was written.
        :raises DatabaseUnavailable: try again.
        """
        if not states and bundle is None:
            return
        # In the order of ids, so that two checkpoints at once cannot wait for each other's rows in a circle.
        rows = [
            {"workspace": workspace, "epoch": epoch, "n": n, **vars(state)}
            for state in sorted(states, key=lambda state: state.id)
        ]
        async with self._transactions.write() as connection:
            await hold_epoch(connection, workspace, epoch)
            if bundle is not None:
                await store_bundle(connection, workspace, epoch, bundle, self._clock())
            if rows:
                await connection.execute(self._upsert(), rows)
                await connection.execute(_delete_contained(workspace, epoch, n, [state.id for state in states]))

    async def read(self, workspace: str) -> list[StoredDocument]:
        """The stored documents, by path. They lack what is in the journal: see :meth:`load`."""
        async with self._transactions.read() as connection:
            return await _read(connection, workspace)

    async def load(self, workspace: str) -> StoredWorkspace:
        """The stored documents and the journal, such that together they hold every edit stored before the call."""
        async with self._transactions.read() as connection:
            # The journal first: a checkpoint in between moves edits into states, which are then read after it.
            # Edits read twice do no harm, they repeat harmlessly.
            journal = await read_journal(connection, workspace)
            return StoredWorkspace(await _read(connection, workspace), journal)

    async def rename(self, workspace: str, epoch: int, document: str, path: str) -> None:
        """Note that a document's file has another path now, in its state and in its journal.

        :raises Fenced: ``epoch`` is over.
        :raises NotFound: nothing is stored of such a document.
        """
        await self._change(workspace, epoch, document, path)

    async def delete(self, workspace: str, epoch: int, document: str) -> None:
        """Forget a document's state and journal: its file was deleted.

        :raises Fenced: ``epoch`` is over.
        :raises NotFound: nothing is stored of such a document.
        """
        await self._change(workspace, epoch, document, None)

    async def _change(self, workspace: str, epoch: int, document: str, path: str | None) -> None:
        documents, journal = tables.documents, tables.journal
        found = 0
        async with self._transactions.write() as connection:
            await hold_epoch(connection, workspace, epoch)
            for table, key in ((documents, documents.c.id), (journal, journal.c.document)):
                statement = delete(table) if path is None else update(table).values(path=path)
                result = await connection.execute(statement.where(table.c.workspace == workspace, key == document))
                found += result.rowcount
            if not found:
                raise NotFound("There is no such document.")

    def _upsert(self) -> Any:
        insert = self._transactions.insert(tables.documents)
        new, old = insert.excluded, tables.documents.c
        return insert.on_conflict_do_update(
            index_elements=["workspace", "id"],
            set_={name: new[name] for name in ("path", "state", "file_digest", "epoch", "n")},
            where=tuple_(old.epoch, old.n) <= tuple_(new.epoch, new.n),
        )


def _delete_contained(workspace: str, epoch: int, n: int, documents: list[str]) -> Any:
    journal = tables.journal
    contained = or_(journal.c.epoch < epoch, and_(journal.c.epoch == epoch, journal.c.n <= n))
    return delete(journal).where(journal.c.workspace == workspace, journal.c.document.in_(documents), contained)


async def _read(connection: AsyncConnection, workspace: str) -> list[StoredDocument]:
    documents = tables.documents
    query = select(*columns(documents, StoredDocument)).where(documents.c.workspace == workspace)
    rows = await connection.execute(query.order_by(documents.c.path, documents.c.id))
    return values(StoredDocument, rows.all())
