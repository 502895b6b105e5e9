"""Sends the bundles of a workspace to the worker that is about to open it, as far as it has not what is in them."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager

from sagews.backend.bulk import Bulk
from sagews.database.bundles import StoredBundle
from sagews.database.store import Store
from sagews.errors import MessageError
from sagews.messages.history import BundlesOffered, BundlesWanted, BundleWrite
from sagews.messages.records import BundleRecord


def record_of(stored: StoredBundle) -> BundleRecord:
    """As messages have it."""
    return BundleRecord(stored.basis, stored.head, stored.number, stored.size_bytes, stored.sha256)


def facts_of(record: BundleRecord) -> StoredBundle:
    """As the database has it."""
    return StoredBundle(record.count, record.basis, record.head, record.size, record.sha256)


async def send_bundles(
    connecting: AbstractAsyncContextManager[Bulk], store: Store, workspace: str, bundles: tuple[BundleRecord, ...]
) -> None:
    """Offer them, and send those that are wanted.

    :param connecting: a bulk connection of the workspace at its new epoch.
    :raises WorkerUnavailable: the worker does not take them.
    :raises NotFound: others have taken their place: the workspace is open elsewhere.
    """
    async with connecting as bulk:
        answer = await bulk.request(BundlesOffered(bundles))
        if not isinstance(answer, BundlesWanted):
            raise MessageError("The worker did not say which bundles it wants.")
        for bundle in bundles:
            if bundle.head in answer.heads:
                await bulk.write(BundleWrite(bundle), store.bundles.read(workspace, facts_of(bundle)))
