"""What is known of files that we wrote ourselves."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagews.errors import Unavailable
from sagews.worker.written_digests import WrittenDigests


def test_they_outlive_the_worker(tmp_path: Path) -> None:
    digests = WrittenDigests(tmp_path / "digests.json")
    for digest in "abcd":
        digests.add("d", digest)
    assert WrittenDigests(tmp_path / "digests.json").known("d") == ("b", "c", "d")


def test_a_disk_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    digests = WrittenDigests(tmp_path / "gone" / "digests.json")
    with pytest.raises(Unavailable, match="cannot be written"):
        digests.add("d", "a")
