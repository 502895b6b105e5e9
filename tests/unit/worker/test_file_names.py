"""Names that a file may be given, and hostile ones."""

from __future__ import annotations

import pytest

from sagews.errors import UsageError
from sagews.worker.file_names import check_new

REFUSED = {
    "up": "../x",
    "up from a folder": "a/../../x",
    "absolute": "/etc/passwd",
    "nothing": "",
    "here": ".",
    "a gap": "a//b",
    "a slash at the end": "a/",
    "git's folder": ".git/config",
    "git's folder within": "a/.git/hooks/post-checkout",
    "git's folder where case does not count": "a/.GIT",
    "git's folder by its short name": "GIT~1/config",
    "git's folder with a stream": ".git::$INDEX_ALLOCATION/config",
    "git's folder with what Windows leaves out": ".git. . /config",
    "git's folder with what macOS leaves out": ".g\u200cit/config",
    "NUL": "a\0b",
    "a line break": "a\nb",
    "a line separator": "a\u2028b",
    "an escape sequence": "\x1b[31mred",
    "256 bytes": "x" * 256,
    "256 bytes of two each": "é" * 128,
    "half a character": "\ud800",
    "what is not complete": ".sagews-part-1",
    "a path without end": "x/" * 3000 + "x",
}
TAKEN = {
    "an option": "-rf",
    "emoji": "🧶 knots 🪢.ipynb",
    "255 bytes": "x" * 255,
    "a device of Windows": "CON.txt",
    "what Windows reserves": 'a:b*c?"d|e<f>.txt',
    "a backslash": "..\\..\\x",
    "a dot at the end": "name.",
    "spaces around": " name ",
    "a shell's words": "$(reboot); `reboot`",
    "of a repository": ".gitignore",
    "almost git's": ".github/workflows/a.yml",
    "right to left": "שלום.txt",
    "tags": "<script>alert(1)</script>",
}


@pytest.mark.parametrize("path", REFUSED.values(), ids=REFUSED.keys())
def test_a_name_that_may_not_be_is_refused_with_what_to_do(path: str) -> None:
    with pytest.raises(UsageError) as caught:
        check_new(path)
    assert caught.value.what_to_do


@pytest.mark.parametrize("path", TAKEN.values(), ids=TAKEN.keys())
def test_an_unusual_name_is_taken(path: str) -> None:
    check_new(path)
