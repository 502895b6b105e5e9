"""The examples under tests/wire, which the TypeScript tests read too."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from sagews.errors import MessageError
from sagews.messages.frame import TYPES, from_json, parse, to_json

WIRE = Path(__file__).parents[2] / "wire"


def _examples(kind: str) -> list[Path]:
    found = sorted((WIRE / kind).glob("*.json"))
    assert found
    return found


@pytest.mark.parametrize("path", _examples("valid"), ids=lambda path: path.stem)
def test_a_valid_example_is_read_and_written_again_as_it_was(path: Path) -> None:
    data = parse(path.read_bytes())
    assert to_json(from_json(data)) == data


@pytest.mark.parametrize("path", _examples("invalid"), ids=lambda path: path.stem)
def test_an_invalid_example_is_refused_with_the_field_named(path: Path) -> None:
    example = json.loads(path.read_text())
    with pytest.raises(MessageError) as caught:
        from_json(example["frame"] if "frame" in example else parse(example["text"]))
    assert example["error"] in str(caught.value)


def test_every_type_has_an_example() -> None:
    shown = {json.loads(path.read_text())["type"] for path in _examples("valid")}
    assert shown == set(TYPES)
