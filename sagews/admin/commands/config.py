"""`sagews config`: look at the settings, check a file, print the reference and an example."""

from __future__ import annotations

import os
from argparse import Namespace
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from sagews.admin.command import Verbs, add_configuration_option, configuration_file
from sagews.configuration import example, load, load_with_origins, reference
from sagews.configuration.values import shown


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "config",
        "Show, check and explain the settings.",
        examples=(
            "sagews config show",
            "sagews config check --config sagews.toml",
            "sagews config example > sagews.toml",
        ),
    )
    inner = Verbs(parser)
    parser = inner.add(
        "show",
        "Print every setting's value and where it comes from.",
        examples=(
            "sagews config show",
            "sagews config show --config sagews.toml",
            "SAGEWS_BACKEND_PORT=9000 sagews config show",
        ),
    )
    add_configuration_option(parser)
    parser.set_defaults(run=show)
    parser = inner.add(
        "check",
        "Say what is wrong in the configuration, one line a mistake.",
        examples=("sagews config check --config sagews.toml",),
    )
    add_configuration_option(parser)
    parser.set_defaults(run=check)
    parser = inner.add("reference", "Print what can be set, as Markdown.", examples=("sagews config reference | less",))
    parser.set_defaults(run=print_reference)
    parser = inner.add(
        "example",
        "Print a configuration file with every setting in it as a comment.",
        examples=("sagews config example > sagews.toml",),
    )
    parser.set_defaults(run=print_example)


def show(arguments: Namespace) -> int:
    """Print ``name = value  # origin``, which is valid TOML."""
    path = configuration_file(arguments)
    loaded = load_with_origins(path, os.environ)
    print(f"# file: {path or 'none'}")
    for name, value in leaves(loaded.configuration):
        print(f"{name} = {shown(value)}  # {loaded.origins[name]}")
    return 0


def check(arguments: Namespace) -> int:
    """Say that all is right, or raise the mistakes."""
    path = configuration_file(arguments)
    load(path, os.environ)
    print(f"{path or 'The default configuration'} has no mistakes.")
    return 0


def print_reference(_: Namespace) -> int:
    """Print the reference page."""
    print(reference(), end="")
    return 0


def print_example(_: Namespace) -> int:
    """Print the example file."""
    print(example(), end="")
    return 0


def leaves(section: Any, prefix: str = "") -> Iterator[tuple[str, object]]:
    """Every setting's full name and value."""
    if isinstance(section, Mapping):
        pairs = list(section.items())
    else:
        pairs = [(field.name, getattr(section, field.name)) for field in fields(section)]
    for name, value in pairs:
        if is_dataclass(value) or isinstance(value, Mapping):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value
