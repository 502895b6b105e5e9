"""People: the accounts of a site as its operator looks for them, with their names for signing in and what they have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, func, or_, select

from sagews.database import tables
from sagews.database.accounts import Account
from sagews.database.identities import plain_form
from sagews.database.rows import columns, value
from sagews.database.transactions import Transactions


@dataclass(frozen=True)
class Sought:
    """Which accounts are wanted; empty or None: any."""

    text: str = ""
    """Words, each of which is in the name, the id or a name for signing in."""
    account_type: str = ""
    disabled: bool | None = None


@dataclass(frozen=True)
class FoundAccount:
    """An account, and what is known of its person."""

    account: Account
    sign_in: tuple[str, ...]
    """Names for signing in."""
    workspaces: int
    """That it owns."""
    seen: datetime | None
    """When one of its cookies or tokens was last used."""


class People:
    """Looking for accounts."""

    def __init__(self, transactions: Transactions) -> None:
        self._transactions = transactions

    async def count(self) -> int:
        """All accounts."""
        async with self._transactions.read() as connection:
            return int(await connection.scalar(select(func.count()).select_from(tables.accounts)) or 0)

    async def find(self, sought: Sought, at_most: int) -> tuple[list[FoundAccount], int]:
        """Those that are wanted, by name, and how many there are in all."""
        accounts, where = tables.accounts, and_(*_conditions(sought))
        query = select(*columns(accounts, Account)).where(where).order_by(func.lower(accounts.c.name), accounts.c.id)
        async with self._transactions.read() as connection:
            total = int(await connection.scalar(select(func.count()).select_from(accounts).where(where)) or 0)
            found = [value(Account, row) for row in (await connection.execute(query.limit(at_most))).all()]
            ids = [account.id for account in found]
            names: dict[str, list[str]] = {}
            identities, workspaces, tokens = tables.identities, tables.workspaces, tables.tokens
            known_as = select(identities.c.account, identities.c.subject).where(identities.c.account.in_(ids))
            for account, subject in await connection.execute(known_as.order_by(identities.c.subject)):
                names.setdefault(account, []).append(subject)
            own = workspaces.c.owner.in_(ids) & workspaces.c.deleted_at.is_(None)
            counted = select(workspaces.c.owner, func.count()).where(own).group_by(workspaces.c.owner)
            have = {row[0]: row[1] for row in (await connection.execute(counted)).all()}
            used = select(tokens.c.account, func.max(tokens.c.last_used)).where(tokens.c.account.in_(ids))
            last = (await connection.execute(used.group_by(tokens.c.account))).all()
            seen = {row[0]: row[1] for row in last}
        return [
            FoundAccount(one, tuple(names.get(one.id, ())), have.get(one.id, 0), seen.get(one.id)) for one in found
        ], total


def _conditions(sought: Sought) -> list[ColumnElement[bool]]:
    accounts, identities = tables.accounts, tables.identities
    conditions: list[ColumnElement[bool]] = [accounts.c.id == accounts.c.id]
    for word in sought.text.split():
        known_as = select(identities.c.account).where(identities.c.subject.contains(plain_form(word), autoescape=True))
        conditions.append(
            or_(
                accounts.c.name.icontains(word, autoescape=True),
                accounts.c.id == word,
                accounts.c.id.in_(known_as),
            )
        )
    if sought.account_type:
        conditions.append(accounts.c.account_type == sought.account_type)
    if sought.disabled is not None:
        conditions.append(accounts.c.disabled == sought.disabled)
    return conditions
