"""Identities: how a person signs in to an account.

Invariant: a wrong name and a wrong password are told apart neither by the answer nor by its time.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.accounts import Account, Accounts
from sagews.database.choices import TokenKind
from sagews.database.clock import Clock
from sagews.database.names import checked
from sagews.database.notices import Notice, Topic
from sagews.database.passwords import Passwords
from sagews.database.rows import columns, value, values
from sagews.database.tokens import is_good
from sagews.database.transactions import Transactions
from sagews.errors import Conflict, NotFound, NotSignedIn

LOCAL = "local"
"""The provider of names and passwords that this site keeps itself."""


@dataclass(frozen=True)
class Identity:
    """``subject`` is who the ``provider`` says it is: for ``LOCAL`` a name or e-mail address, in its plain form."""

    provider: str
    subject: str
    account: str
    created: datetime

    @property
    def is_local(self) -> bool:
        """Whether this site itself knows who it is, by a password."""
        return self.provider == LOCAL


def plain_form(subject: str) -> str:
    """The form in which names are compared: no outer spaces, compatibility forms and cases folded (NFKC)."""
    return unicodedata.normalize("NFKC", subject.strip()).casefold()


class Identities:
    """Signing in, and what is needed for it."""

    def __init__(self, transactions: Transactions, clock: Clock, accounts: Accounts, passwords: Passwords) -> None:
        self._transactions = transactions
        self._clock = clock
        self._accounts = accounts
        self._passwords = passwords

    async def create_account(self, subject: str, password: str, *, name: str = "", account_type: str) -> Account:
        """Make an account which signs in with a name (or e-mail address) and a password.

        :raises Conflict: the name is taken, or there is no such account type.
        :raises UsageError: the name or the password is too short or too long.
        """
        password_hash = await self._passwords.hash(password)
        async with self._transactions.write() as connection:
            return await self.add_account(connection, subject, password_hash, name, account_type)

    async def hash(self, password: str) -> str:
        """The hash of a new password, for `add_account`.

        :raises UsageError: the password is too short or too long.
        """
        return await self._passwords.hash(password)

    async def add_account(
        self, connection: AsyncConnection, subject: str, password_hash: str, name: str, account_type: str
    ) -> Account:
        """As `create_account`, as a part of another store's transaction."""
        await self._refuse_taken(connection, LOCAL, subject)
        account = await self._accounts.add(connection, name or subject, account_type)
        await self._insert(connection, LOCAL, subject, account.id, password_hash)
        return account

    async def add(self, account: str, provider: str, subject: str) -> None:
        """Let somebody whom another provider vouches for sign in to this account.

        :raises Conflict: that identity belongs to an account already, or there is no such account.
        """
        async with self._transactions.write() as connection:
            await self._refuse_taken(connection, provider, subject)
            await self._insert(connection, provider, subject, account, None)

    async def of_account(self, account: str) -> list[Identity]:
        """The identities of an account."""
        query = select(*columns(tables.identities, Identity)).where(tables.identities.c.account == account)
        async with self._transactions.read() as connection:
            rows = await connection.execute(query.order_by(tables.identities.c.provider, tables.identities.c.subject))
            return values(Identity, rows.all())

    async def has_password(self, account: str) -> bool:
        """Whether the account signs in by a password."""
        identities = tables.identities
        query = select(identities.c.subject).where(identities.c.account == account, identities.c.provider == LOCAL)
        async with self._transactions.read() as connection:
            return (await connection.execute(query)).first() is not None

    async def find(self, provider: str, subject: str) -> Account:
        """The account of somebody whom ``provider`` has vouched for.

        :raises NotSignedIn: nobody is known by that identity, or the account is disabled.
        """
        try:
            account = await self.account_of(subject, provider)
        except NotFound as error:
            raise NotSignedIn(error.what) from error
        if account.disabled:
            raise NotSignedIn(f"Nobody is known here as {subject!r}.")
        return account

    async def account_of(self, subject: str, provider: str = LOCAL) -> Account:
        """The account of an identity, also where it is disabled: for who administers the site.

        :raises NotFound: nobody is known by that identity.
        """
        identities, accounts = tables.identities, tables.accounts
        query = select(*columns(accounts, Account)).join(identities, identities.c.account == accounts.c.id)
        async with self._transactions.read() as connection:
            row = (await connection.execute(query.where(_is(provider, subject)))).one_or_none()
        if row is None:
            raise NotFound(f"Nobody is known here as {subject!r}.")
        return value(Account, row)

    async def sign_in(self, subject: str, password: str) -> Account:
        """The account of a name and its password.

        :raises NotSignedIn: the name, the password or both are wrong, or the account is disabled.
        """
        stored = await self._password_hash(subject)
        if not await self._passwords.is_right(stored, password):
            raise NotSignedIn("The name or the password is wrong.")
        if stored is not None and self._passwords.is_outdated(stored):
            await self._replace_hash(subject, stored, await self._passwords.hash(password))
        return await self.find(LOCAL, subject)

    async def change_password(self, subject: str, password: str, *, keep: str = "") -> None:
        """Set a new password; whoever is signed in by cookie has to sign in again.

        :param keep: id of the one cookie that stays good, of the person who changes the password.
        :raises NotFound: nobody signs in by this name.
        :raises UsageError: the password is too short or too long.
        """
        password_hash = await self._passwords.hash(password)
        change = update(tables.identities).where(_is(LOCAL, subject)).values(password_hash=password_hash)
        async with self._transactions.write() as connection:
            account = (await connection.execute(change.returning(tables.identities.c.account))).scalar_one_or_none()
            if account is None:
                raise NotFound(f"Nobody signs in here as {subject!r}.")
            await self._sign_out(connection, account, keep)

    async def reset_password(self, secret: str, password: str) -> str:
        """Set the password of the account that a `TokenKind.RESET` was made for, once; returns the account's id.

        Whoever is signed in by cookie has to sign in again.

        :raises NotSignedIn: the token is wrong, used or expired, or the account is disabled or has no password.
        :raises UsageError: the password is too short or too long; the token stays good.
        """
        password_hash = await self._passwords.hash(password)
        tokens, identities, now = tables.tokens, tables.identities, self._clock()
        use = update(tokens).where(is_good(secret, now), tokens.c.kind == TokenKind.RESET).values(revoked=now)
        async with self._transactions.write() as connection:
            account = (await connection.execute(use.returning(tokens.c.account))).scalar_one_or_none()
            change = update(identities).where(identities.c.provider == LOCAL, identities.c.account == account)
            if account is None or not (await connection.execute(change.values(password_hash=password_hash))).rowcount:
                raise NotSignedIn("This address was used already, or its time is over.", mend="Ask for a new one.")
            await self._sign_out(connection, account)
        return str(account)

    async def _sign_out(self, connection: AsyncConnection, account: str, keep: str = "") -> None:
        tokens = tables.tokens
        await connection.execute(
            update(tokens)
            .where(tokens.c.account == account, tokens.c.kind != TokenKind.API)
            .where(tokens.c.revoked.is_(None), tokens.c.id != keep)
            .values(revoked=self._clock())
        )
        await self._transactions.tell(connection, Notice(Topic.ACCOUNT, account))

    async def _password_hash(self, subject: str) -> str | None:
        async with self._transactions.read() as connection:
            query = select(tables.identities.c.password_hash).where(_is(LOCAL, subject))
            stored: str | None = (await connection.execute(query)).scalar_one_or_none()
        return stored

    async def _replace_hash(self, subject: str, old: str, new: str) -> None:
        # Only if it is still the old one: the password may have been changed meanwhile.
        condition = tables.identities.c.password_hash == old
        async with self._transactions.write() as connection:
            await connection.execute(
                update(tables.identities).where(_is(LOCAL, subject), condition).values(password_hash=new)
            )

    async def _refuse_taken(self, connection: AsyncConnection, provider: str, subject: str) -> None:
        query = select(tables.identities.c.account).where(_is(provider, subject))
        if (await connection.execute(query)).one_or_none() is not None:
            raise Conflict(f"The name {subject!r} is taken.", mend="Choose another name.")

    async def _insert(
        self, connection: AsyncConnection, provider: str, subject: str, account: str, password_hash: str | None
    ) -> None:
        await connection.execute(
            insert(tables.identities).values(
                provider=provider,
                subject=checked(plain_form(subject), "a name to sign in with"),
                account=account,
                password_hash=password_hash,
                created=self._clock(),
            )
        )


def _is(provider: str, subject: str) -> ColumnElement[bool]:
    return (tables.identities.c.provider == provider) & (tables.identities.c.subject == plain_form(subject))
