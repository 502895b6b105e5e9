"""Promise: what is in the spool comes out once, in order, whatever the process was doing when it was killed."""

from __future__ import annotations

import os
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import given
from hypothesis import strategies as st

from sagews.remotelog import Spool
from sagews.remotelog.spool_reader import SpoolReader

LINE = st.binary(max_size=60).map(lambda data: data.replace(b"\n", b" ") + b"\n")
LINES = st.lists(LINE, max_size=30)
BATCH_BYTES = 100
LARGE = 10**6


def whole_lines(data: bytes) -> list[bytes]:
    """The lines that have their end."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]]


def drain(reader: SpoolReader) -> list[bytes]:
    """Every line that the reader has, acknowledged."""
    lines: list[bytes] = []
    while batch := reader.next():
        assert len(batch.lines) <= BATCH_BYTES
        assert reader.next() == batch, "without an acknowledgement it comes again"
        lines += whole_lines(batch.lines)
        reader.acknowledge(batch)
    assert not reader.waits
    return lines


@given(LINES, LINE, st.integers(0, 400), st.integers(0, 10**6))
def test_of_a_process_killed_at_any_byte_all_whole_records_are_shipped(
    lines: list[bytes], new: bytes, segment_bytes: int, cut: int
) -> None:
    with TemporaryDirectory() as name:
        dead = Spool(Path(name), LARGE, segment_bytes=segment_bytes)
        for line in lines:
            assert dead.append(line)
        dead.close()
        files = [segment.path for segment in dead.segments]
        if files:
            os.truncate(files[-1], cut % (files[-1].stat().st_size + 1))
        written = b"".join(path.read_bytes() for path in files)
        spool = Spool(Path(name), LARGE)
        reader = SpoolReader(spool, BATCH_BYTES)
        assert spool.append(new)
        assert drain(reader) == [*whole_lines(written), new]
        assert reader.torn == int(not written.endswith(b"\n") and written != b"")
        assert [path for path in files if path.exists()] == []
        spool.end()
        assert drain(reader) == []
        assert (spool.held_bytes, [path.name for path in Path(name).iterdir()]) == (0, ["lock"])
        reader.close()
        spool.close()


@given(st.lists(st.one_of(LINE, st.just("ship"), st.just("die")), max_size=60), st.integers(1, 200))
def test_nothing_is_lost_or_repeated_however_writing_and_shipping_take_turns(
    steps: list[bytes | str], segment_bytes: int
) -> None:
    with TemporaryDirectory() as name:
        spool = Spool(Path(name), LARGE, segment_bytes=segment_bytes)
        reader = SpoolReader(spool, BATCH_BYTES)
        written: list[bytes] = []
        shipped: list[bytes] = []
        for step in steps:
            if isinstance(step, bytes):
                assert spool.append(step)
                written.append(step)
            elif step == "ship":
                shipped += drain(reader)
                assert shipped == written
            else:
                reader.close()
                spool.close()
                spool = Spool(Path(name), LARGE, segment_bytes=segment_bytes)
                reader = SpoolReader(spool, BATCH_BYTES)
                # What was shipped of its last file is shipped again: the log server knows it by its number.
                left = b"".join(segment.path.read_bytes() for segment in spool.segments)
                shipped = written[: len(written) - len(whole_lines(left))]
        shipped += drain(reader)
        assert shipped == written
        reader.close()
        spool.close()


@given(LINES, st.integers(0, 500))
def test_the_bound_holds_and_refuses_the_newest(lines: list[bytes], bound: int) -> None:
    with TemporaryDirectory() as name:
        spool = Spool(Path(name), bound, segment_bytes=100)
        kept, held = [], 0
        for line in lines:
            fits = held + len(line) <= bound
            assert spool.append(line) == fits
            if fits:
                kept.append(line)
                held += len(line)
        sizes = sum(segment.path.stat().st_size for segment in spool.segments)
        assert spool.held_bytes == sizes <= bound
        reader = SpoolReader(spool, BATCH_BYTES)
        assert drain(reader) == kept
        reader.close()
        spool.close()


def test_two_processes_in_one_folder_ship_only_their_own(tmp_path: Path) -> None:
    first = Spool(tmp_path, LARGE)
    first.append(b"one\n")
    second = Spool(tmp_path, LARGE)
    second.append(b"two\n")
    assert [segment.process for segment in second.segments] == [second.process]
    first.close()
    second.close()
    third = Spool(tmp_path, LARGE)
    assert [segment.process for segment in third.segments] == [first.process, second.process]
    third.close()


def test_a_disk_without_room_refuses_records_and_takes_them_again(tmp_path: Path) -> None:
    folder = tmp_path / "spool"
    spool = Spool(folder, LARGE)
    folder.rename(tmp_path / "elsewhere")
    assert not spool.append(b"lost\n")
    (tmp_path / "elsewhere").rename(folder)
    assert spool.append(b"kept\n")
    reader = SpoolReader(spool, BATCH_BYTES)
    assert drain(reader) == [b"kept\n"]
    reader.close()
    spool.close()
