"""Files for the servers of others: a template beside the code that fills it, in which ``@{name}`` stands for a value.

Invariant: no value can end the quotes that it stands in.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

from sagews.errors import SetupError


class _Placeholders(Template):
    """HAProxy and nginx have a use of their own for ``$`` and ``%``."""

    delimiter = "@"


def fill(template: Path, **values: object) -> str:
    """The text of a template with all its placeholders filled; one that has no value is a mistake of ours."""
    return _Placeholders(template.read_text(encoding="utf-8")).substitute(values)


def quoted(value: object) -> str:
    """A value in single quotes, in which neither HAProxy nor nginx replaces anything.

    :raises SetupError: it has a character that cannot be written there.
    """
    text = str(value)
    if any(character in "'\\" or not character.isprintable() for character in text):
        raise SetupError(f"{text!r} has a quote, backslash or control character.", mend="Choose another path or name.")
    return f"'{text}'"
