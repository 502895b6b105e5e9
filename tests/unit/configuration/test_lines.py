from __future__ import annotations

from sagews.configuration.lines import lines_of_keys

TEXT = '''\
# a comment

data = "x"
many = [
    1,
    # [table]
    2,
]
[a.b]   # a table
text = """
[no.table]
c = 3
"""
"quoted key".d = { e = 1,  f = 2 }

[[a.list]]
g = 1
[[a.list]]
h = 2
'''


def test_each_key_has_the_line_on_which_it_begins() -> None:
    assert lines_of_keys(TEXT) == {
        ("data",): 3,
        ("many",): 4,
        ("a",): 9,
        ("a", "b"): 9,
        ("a", "b", "text"): 10,
        ("a", "b", "quoted key"): 14,
        ("a", "b", "quoted key", "d"): 14,
        ("a", "b", "quoted key", "d", "e"): 14,
        ("a", "b", "quoted key", "d", "f"): 14,
        ("a", "list"): 16,
        ("a", "list", "g"): 17,
        ("a", "list", "h"): 19,
    }


def test_windows_line_ends_are_lines() -> None:
    assert lines_of_keys("[a]\r\n\r\nb = 1\r\n") == {("a",): 1, ("a", "b"): 3}


def test_statement_without_end_of_reason_is_not_located() -> None:
    assert lines_of_keys("a = 1\nb = [\n" + "1,\n" * 5000 + "]\nc = 2\n") == {("a",): 1}
