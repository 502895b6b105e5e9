"""The limits of account types, as the operator sees and changes them: straight in the database."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import fields, replace
from typing import Any

from sagews.admin.accounts import TYPES
from sagews.configuration import Configuration
from sagews.database.access import engine_for
from sagews.database.account_types import AccountType
from sagews.database.migration import require_current
from sagews.database.store import Store
from sagews.database.uses import Use
from sagews.errors import UsageError

UNITS = {"K": 2**10, "M": 2**20, "G": 2**30, "T": 2**40}
LARGEST = 2**62
TRUTH = {"yes": True, "no": False}
KINDS = {field.name: field.type for field in fields(AccountType) if field.name != "id"}


def read_changes(words: Sequence[str]) -> dict[str, int | bool]:
    """What `NAME=VALUE` say.

    :raises UsageError: there is no such limit, or the value is none.
    """
    return dict(_read(word) for word in words)


def _read(word: str) -> tuple[str, int | bool]:
    name, _, text = word.partition("=")
    if name not in KINDS:
        raise UsageError(f"There is no limit {name!r}.", mend=f"There are {', '.join(KINDS)}.")
    if KINDS[name] == "bool":
        if text not in TRUTH:
            raise UsageError(f"{name} cannot be {text!r}.", mend="It is `yes` or `no`.")
        return name, TRUTH[text]
    number, unit = (text[:-1], UNITS[text[-1].upper()]) if text[-1:].upper() in UNITS else (text, 1)
    if not (number.isascii() and number.isdigit()) or int(number) * unit > LARGEST:
        raise UsageError(f"{name} cannot be {text!r}.", mend="Give a whole number, also with K, M, G or T: 512M.")
    return name, int(number) * unit


class TypeLimits:
    """The account types of one site."""

    def __init__(self, store: Store) -> None:
        self._store = store

    @classmethod
    @asynccontextmanager
    async def of(cls, configuration: Configuration) -> AsyncIterator[TypeLimits]:
        """Those of a site whose database answers.

        :raises DatabaseUnavailable: it does not; SetupError: its tables are of another version.
        """
        engine = engine_for(configuration, Use.ADMIN, connections=1)
        store = Store(engine)
        try:
            await require_current(engine)
            if not configuration.is_solo:
                for account_type in TYPES:
                    await store.account_types.ensure(account_type)
            yield cls(store)
        finally:
            await store.close()

    async def change(self, account_type: str, changes: Mapping[str, Any]) -> None:
        """:raises NotFound: there is no such account type."""
        known = await self._store.account_types.get(account_type)
        await self._store.account_types.save(replace(known, **changes))

    async def lines(self, account_type: str = "") -> list[str]:
        """For people: each limit of one type, or of all.

        :raises NotFound: there is no such account type.
        """
        types = self._store.account_types
        lines = []
        for one in [await types.get(account_type)] if account_type else await types.all():
            lines.append(f"{one.id}:")
            lines += [f"  {name:16} {_text(name, getattr(one, name))}" for name in KINDS]
        return lines


def _text(name: str, value: int | bool) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if not value:
        return "no limit"
    if name.endswith("_bytes"):
        for unit, size in reversed(UNITS.items()):
            if value % size == 0:
                return f"{value // size}{unit}"
    return str(value)
