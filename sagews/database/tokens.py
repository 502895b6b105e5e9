"""Tokens: cookies, API tokens and sign-in addresses.

Invariant: the database holds only SHA-256 hashes of tokens, so that who reads it can sign in nowhere. (A token is
256 random bits: it needs no slow hash, and looking up its hash tells nothing about it by its time.)
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from uuid import uuid4

from sqlalchemy import ColumnElement, and_, delete, insert, or_, select, update

from sagews.database import tables
from sagews.database.choices import TokenKind
from sagews.database.clock import Clock
from sagews.database.notices import Notice, Topic
from sagews.database.rows import columns, value, values
from sagews.database.transactions import Transactions
from sagews.errors import NotFound, NotSignedIn

_NOTE_USE_EVERY = timedelta(minutes=1)


@dataclass(frozen=True)
class Token:
    """What is known about a token; not the token itself."""

    id: str
    account: str
    kind: TokenKind
    name: str
    created: datetime
    expires: datetime | None
    last_used: datetime | None
    revoked: datetime | None


@dataclass(frozen=True)
class NewToken:
    """A token just made. ``secret`` is the token, shown this once and never stored."""

    token: Token
    secret: str

    def __repr__(self) -> str:
        return f"NewToken(token={self.token!r}, secret=...)"


class Tokens:
    """Making, checking and revoking tokens."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    async def create(
        self, account: str, kind: TokenKind, *, name: str = "", lifetime: timedelta | None = None
    ) -> NewToken:
        """Make a token.

        :param name: what its owner calls it.
        :param lifetime: how long it is good; ``None``: until it is revoked.
        :raises Conflict: there is no such account.
        """
        secret = secrets.token_urlsafe(32)
        now = self._clock()
        expires = None if lifetime is None else now + lifetime
        token = Token(uuid4().hex, account, kind, name, now, expires, last_used=None, revoked=None)
        async with self._transactions.write() as connection:
            await connection.execute(insert(tables.tokens).values(**vars(token), sha256=hashed(secret)))
        return NewToken(token, secret)

    async def verify(self, secret: str, *kinds: TokenKind) -> Token:
        """The token that this is, if it is good and of one of ``kinds``; notes (to the minute) that it was used.

        :raises NotSignedIn: it is wrong, expired, revoked, of another kind, or its account is disabled.
        """
        now = self._clock()
        query = select(*columns(tables.tokens, Token)).where(is_good(secret, now), tables.tokens.c.kind.in_(kinds))
        async with self._transactions.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise NotSignedIn
        token = value(Token, row)
        if token.last_used is None or now - token.last_used >= _NOTE_USE_EVERY:
            await self._note_use(token.id, now)
        return token

    async def consume(self, secret: str) -> Token:
        """Use a token of kind ``ONCE``: of any number of uses at the same time, one succeeds.

        :raises NotSignedIn: it is wrong, expired, used or revoked, or its account is disabled.
        """
        now = self._clock()
        statement = (
            update(tables.tokens)
            .where(is_good(secret, now), tables.tokens.c.kind == TokenKind.ONCE)
            .values(revoked=now, last_used=now)
            .returning(*columns(tables.tokens, Token))
        )
        async with self._transactions.write() as connection:
            row = (await connection.execute(statement)).one_or_none()
        if row is None:
            raise NotSignedIn("This sign-in address was used already, or its time is over.", mend="Get a new one.")
        return value(Token, row)

    async def of_account(self, account: str, *kinds: TokenKind) -> list[Token]:
        """The tokens of an account that are neither revoked nor expired, the newest first."""
        query = (
            select(*columns(tables.tokens, Token))
            .where(tables.tokens.c.account == account, tables.tokens.c.kind.in_(kinds), _is_live(self._clock()))
            .order_by(tables.tokens.c.created.desc(), tables.tokens.c.id)
        )
        async with self._transactions.read() as connection:
            return values(Token, (await connection.execute(query)).all())

    async def revoke(self, account: str, token: str) -> None:
        """Make a token of this account useless, from now on; repeatable.

        :param token: its id.
        :raises NotFound: the account has no such token.
        """
        tokens = tables.tokens
        query = select(tokens.c.id).where(tokens.c.id == token, tokens.c.account == account)
        statement = update(tokens).where(tokens.c.id == token, tokens.c.revoked.is_(None)).values(revoked=self._clock())
        async with self._transactions.write() as connection:
            if (await connection.execute(query)).one_or_none() is None:
                raise NotFound("There is no such token.")
            await connection.execute(statement)
            await self._transactions.tell(connection, Notice(Topic.ACCOUNT, account))

    async def forget_old(self, older_than: timedelta) -> int:
        """Delete the tokens that have been revoked or expired for longer than this; returns how many."""
        limit = self._clock() - older_than
        tokens = tables.tokens
        async with self._transactions.write() as connection:
            result = await connection.execute(
                delete(tokens).where(or_(tokens.c.revoked < limit, tokens.c.expires < limit))
            )
            return result.rowcount

    async def _note_use(self, token: str, now: datetime) -> None:
        statement = update(tables.tokens).where(tables.tokens.c.id == token).values(last_used=now)
        async with self._transactions.write() as connection:
            await connection.execute(statement)


def hashed(secret: str) -> bytes:
    """What the database holds of a secret."""
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()


def _is_live(now: datetime) -> ColumnElement[bool]:
    tokens = tables.tokens
    return and_(tokens.c.revoked.is_(None), or_(tokens.c.expires.is_(None), tokens.c.expires > now))


def is_good(secret: str, now: datetime) -> ColumnElement[bool]:
    """The condition that a token is this one, neither revoked nor expired, and of an account that is not disabled."""
    enabled = select(tables.accounts.c.id).where(tables.accounts.c.disabled.is_(False))
    return and_(tables.tokens.c.sha256 == hashed(secret), _is_live(now), tables.tokens.c.account.in_(enabled))
