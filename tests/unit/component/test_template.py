"""Promise: a value stands where it belongs in a file, and cannot end the quotes that it stands in."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagews.component.template import fill, quoted
from sagews.errors import SetupError


def test_only_our_placeholders_are_filled(tmp_path: Path) -> None:
    template = tmp_path / "server.conf"
    template.write_text("root @{folder}; log $uri %[src] ${x} a@@b")
    assert fill(template, folder="/x") == "root /x; log $uri %[src] ${x} a@b"
    with pytest.raises(KeyError):
        fill(template)


@pytest.mark.parametrize("text", ["/a'b", "/a\\b", "/a\nb", "/a\0b"])
def test_what_could_end_the_quotes_is_refused(text: str) -> None:
    with pytest.raises(SetupError):
        quoted(text)
    assert quoted("/a b;{}") == "'/a b;{}'"
