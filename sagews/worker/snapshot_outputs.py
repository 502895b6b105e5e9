"""What of all outputs goes into one frame: a snapshot's, or the one that tells of an opened document. Pure.

Where not everything fits, as many runs as possible are told whole; of the others, text that is kept in a file goes
first, and then what is largest. A run that lacks something says that it is cut. Nothing is lost by that: the worker has
it, the worksheet's file too, and `output_read` the text.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace

from sagews.messages.fields import write_record
from sagews.messages.records import CellRun


def size_of(value: object) -> int:
    """Bytes of a JSON value on the wire."""
    return len(json.dumps(value, separators=(",", ":")))


def fitted(records: Iterable[CellRun], maximum_bytes: int) -> tuple[CellRun, ...]:
    """The same runs in the same order, with outputs that together fit.

    :param maximum_bytes: of all of it as JSON; less than 0 is 0.
    """
    given = tuple(records)
    sizes = [size_of(record.outputs) for record in given]
    left = maximum_bytes - sum(size_of(write_record(replace(record, outputs=(), cut=True))) for record in given)
    if sum(sizes) <= left:
        return given
    found = list(given)
    for place in sorted(range(len(given)), key=lambda place: sizes[place]):
        if sizes[place] > left:
            found[place] = _cut(given[place], left)
            sizes[place] = size_of(found[place].outputs)
        left -= sizes[place]
    return tuple(found)


def _cut(record: CellRun, maximum_bytes: int) -> CellRun:
    """The run with those of its outputs that fit, in their order."""
    left, kept = maximum_bytes, set[int]()
    sizes = [size_of(output) + 1 for output in record.outputs]
    in_file = [bool(record.kept_bytes) and output.get("output_type") == "stream" for output in record.outputs]
    for place in sorted(range(len(sizes)), key=lambda place: (in_file[place], sizes[place])):
        if sizes[place] <= left:
            kept.add(place)
            left -= sizes[place]
    cut = record.cut or len(kept) < len(sizes)
    return replace(record, outputs=tuple(record.outputs[place] for place in sorted(kept)), cut=cut)
