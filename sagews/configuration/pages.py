"""The reference page and the example file, made from the declarations."""

from __future__ import annotations

import textwrap

from sagews.configuration.catalogue import ANY_NAME, Entry, Group, groups
from sagews.configuration.values import allowed, shown

INTRODUCTION = """\
# Configuration

A site is configured by one TOML file. Without one, and for all that it does not mention, the defaults below hold.
An environment variable overrides the file. `sagews` takes the file that `--config FILE` or the variable `SAGEWS_CONFIG`
names, else `~/.config/sagews/sagews.toml`, else `/etc/sagews/sagews.toml`, where it exists.

- `sagews config check` says what is wrong in a file, line by line.
- `sagews config show` prints the values in force and where each comes from.
- `sagews config example` prints a file to start from, `sagews config reference` this page.

This page is made from the declarations in `sagews/configuration/`; a test fails when it is not up to date.
"""

EXAMPLE_HEAD = """\
# Configuration of sagews. Every setting is here with its default; remove the "#" before a name to change it.
# `sagews config check --config FILE` says what is wrong in a file.
"""


def reference() -> str:
    """The reference page of all settings, as Markdown."""
    return "\n".join([INTRODUCTION, *(_group_section(group) for group in groups() if group.entries)])


def example() -> str:
    """A configuration file with every setting, its default and its help, all as comments."""
    return "\n".join([EXAMPLE_HEAD, *(_group_example(group) for group in groups() if group.entries)])


def _group_section(group: Group) -> str:
    title = f"## `[{'.'.join(group.path)}]`\n\n{group.help}" if group.path else "## Outside of any table"
    return "\n\n".join([title, *(_entry_section(entry) for entry in group.entries)]) + "\n"


def _entry_section(entry: Entry) -> str:
    lines = [
        f"### `{entry.name}`\n",
        f"{entry.rule.help}\n",
        f"- default: `{shown(entry.default)}`",
        f"- allowed: {allowed(entry.kind, entry.rule)}",
    ]
    if entry.variable:
        lines.append(f"- variable: `{entry.variable}`")
    return "\n".join(lines)


def _group_example(group: Group) -> str:
    lines = []
    if group.path:
        mark = "# " if ANY_NAME in group.path else ""
        lines += [_comment(group.help), f"{mark}[{'.'.join(group.path)}]", ""]
    for entry in group.entries:
        lines += [
            _comment(f"{entry.rule.help} Allowed: {allowed(entry.kind, entry.rule)}."),
            f"# {entry.path[-1]} = {shown(entry.default)}",
            "",
        ]
    return "\n".join(lines)


def _comment(text: str) -> str:
    return textwrap.fill(text, 110, initial_indent="# ", subsequent_indent="# ", break_long_words=False)
