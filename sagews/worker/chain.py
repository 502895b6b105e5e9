"""Chain: the bundles in which the database has the versions of one workspace, and how they are put together.

Invariant: each bundle begins where the one before it ends, and is more than twice as large as the one after it, so that
n small checkpoints are kept in about log2(n) bundles and each byte is sent about as often.
"""

from __future__ import annotations

from sagews.messages.records import BundleRecord

FACTOR = 2


class Chain:
    """What the database has, as far as this worker knows."""

    def __init__(self, bundles: tuple[BundleRecord, ...] = ()) -> None:
        """:param bundles: in their order."""
        self._bundles = list(bundles)

    def __len__(self) -> int:
        return len(self._bundles)

    @property
    def head(self) -> str:
        """The last version that it has; "" = it has none."""
        return self._bundles[-1].head if self._bundles else ""

    def basis(self, size: int) -> str:
        """Where a bundle of what is new, which would have this size, should begin: it may replace some before it."""
        left = list(self._bundles)
        while left and left[-1].size <= FACTOR * size:
            size += left.pop().size
        return left[-1].head if left else ""

    def add(self, bundle: BundleRecord) -> None:
        """It is stored, and what came after its basis is gone."""
        while self._bundles and self._bundles[-1].head != bundle.basis:
            self._bundles.pop()
        self._bundles.append(bundle)
