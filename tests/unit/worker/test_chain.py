"""How bundles are put together."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from sagews.messages.records import BundleRecord
from sagews.worker.chain import Chain


@given(st.lists(st.integers(1, 10**9), min_size=1, max_size=200))
def test_a_chain_stays_short_and_has_everything(sizes: list[int]) -> None:
    chain, stored = Chain(), [BundleRecord("", "", 0, 0, "")]
    contents = {"": 0}
    """By version: bytes of everything up to it."""
    for number, size in enumerate(sizes, 1):
        head = str(number)
        contents[head] = contents[chain.head] + size
        basis = chain.basis(size)
        bundle = BundleRecord(basis, head, number, contents[head] - contents[basis], "")
        chain.add(bundle)
        while stored[-1].head != basis:
            stored.pop()
        stored.append(bundle)
        assert len(chain) == len(stored) - 1
        assert all(one.size > 2 * other.size for one, other in pairwise(stored[1:]))
        assert sum(one.size for one in stored) == contents[head]
    assert len(chain) <= sum(sizes).bit_length()
