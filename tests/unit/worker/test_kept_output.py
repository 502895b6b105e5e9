"""Text of a run: all of it kept, some of it told."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from sagews.worker.kept_output import KeptOutput

TEXTS = st.lists(st.text(st.characters(exclude_categories=()), max_size=40), max_size=30)


@given(TEXTS, st.integers(0, 200), st.integers(1, 100))
def test_file_has_all_and_told_is_its_beginning_and_end(texts: list[str], shown: int, tail: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = KeptOutput(Path(folder) / "run.txt", shown, tail, 10**6)
        told = "".join(kept.write("stdout", text).text for text in texts)
        kept.close()
        whole = "".join(texts)
        data = whole.encode("utf-8", "surrogatepass")
        assert (kept.path.read_bytes() if data else b"") == data
        assert (kept.kept_bytes, kept.kept_lines) == (len(data), whole.count("\n"))
        assert kept.cut == (len(data) > shown)
        if kept.cut:
            assert len(told.encode("utf-8", "surrogatepass")) <= shown
            assert len(kept.tail().encode("utf-8", "surrogatepass")) <= tail
            assert len(told.encode("utf-8", "surrogatepass")) + kept.untold_bytes == len(data)
        else:
            assert told == whole


def test_a_limit_of_nothing_is_no_limit(tmp_path: Path) -> None:
    kept = KeptOutput(tmp_path / "run.txt", 50, 20, 0)
    assert not kept.write("stdout", "x" * 1000).full
    kept.close()
    assert kept.path.read_bytes() == b"x" * 1000


@given(TEXTS, st.integers(1, 200))
def test_nothing_beyond_the_limit_is_kept(texts: list[str], maximum: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        kept = KeptOutput(Path(folder) / "run.txt", 50, 20, maximum)
        full = [kept.write("stdout", text).full for text in texts]
        kept.close()
        data = "".join(texts).encode("utf-8", "surrogatepass")
        assert kept.kept_bytes == min(len(data), maximum)
        assert sum(full) == (len(data) > maximum)


def test_clearing_makes_room_to_show_again(tmp_path: Path) -> None:
    kept = KeptOutput(tmp_path / "run.txt", 4, 4, 100)
    assert [kept.write("stdout", "abcdef").text, kept.cut] == ["abcd", True]
    assert kept.untold_bytes == 2
    kept.cleared()
    assert kept.untold_bytes == 0
    assert [kept.write("stdout", "xyz").text, kept.cut] == ["xyz", False]
    kept.close()
    assert kept.path.read_text() == "abcdefxyz"
