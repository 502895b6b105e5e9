"""Who is it? The account behind a request, by its cookie or its bearer token (RFC 6750).

Invariant: nothing is remembered between requests, so a token that is revoked is worth nothing at once.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from sagews.database.accounts import SOLO, Account
from sagews.database.choices import TokenKind
from sagews.database.store import Store
from sagews.errors import NotFound, NotSignedIn

OPERATORS = frozenset({SOLO, "operator"})
"""Account types that may administer the site."""


@dataclass(frozen=True)
class Who:
    """An account, and how it showed who it is."""

    account: Account
    token: str
    """Id of the stored token; "" = the sign-in token of a solo site."""
    by_cookie: bool

    @property
    def is_operator(self) -> bool:
        """Whether it may administer the site."""
        return self.account.account_type in OPERATORS


class Identity:
    """Finds accounts; makes and ends cookies."""

    def __init__(self, store: Store, *, cookie: str, cookie_lifetime: timedelta, solo_token: str = "") -> None:
        """
        :param cookie: name of the cookie.
        :param solo_token: what the sign-in address of a solo site has; "" = no such site.
        """
        self.cookie = cookie
        self.cookie_lifetime = cookie_lifetime
        self._store = store
        self._solo_token = solo_token

    async def of_headers(self, authorization: str, cookies: Mapping[str, str]) -> Who:
        """The account that a request comes from.

        :param authorization: the header of this name, or "".
        :raises NotSignedIn: there is no token, or it is good for nothing.
        """
        if authorization:
            scheme, _, secret = authorization.partition(" ")
            if scheme.lower() != "bearer":
                raise NotSignedIn("Only bearer tokens are understood.", mend="Send `Authorization: Bearer TOKEN`.")
            return await self.of_token(secret.strip())
        secret = cookies.get(self.cookie, "")
        if not secret:
            raise NotSignedIn
        return await self._stored(secret, TokenKind.COOKIE)

    async def of_token(self, secret: str) -> Who:
        """The account of an API token, or of the solo site's sign-in token.

        :raises NotSignedIn: it is neither.
        """
        if self.is_solo_token(secret):
            return Who(await self.solo_account(), token="", by_cookie=False)
        try:
            return await self._stored(secret, TokenKind.API)
        except NotSignedIn as error:
            raise NotSignedIn("The token is wrong, or its time is over.", mend="Use another one.") from error

    def is_solo_token(self, secret: str) -> bool:
        """Whether this is the sign-in token of a solo site; takes the same time for every wrong one."""
        if not self._solo_token:
            return False
        return hmac.compare_digest(_digest(secret), _digest(self._solo_token))

    async def account_of_solo_token(self, secret: str) -> Account:
        """The one account of a solo site, for who has its sign-in token.

        :raises NotSignedIn: the token is wrong.
        """
        if not self.is_solo_token(secret):
            raise NotSignedIn("The token is wrong.", mend="Open the address that `sagews run` printed.")
        return await self.solo_account()

    async def solo_account(self) -> Account:
        """The one account of a solo site."""
        try:
            return await self._store.accounts.get(SOLO)
        except NotFound:
            return await self._store.accounts.ensure_solo_account()

    async def new_cookie(self, account: str, what: str) -> str:
        """The value of a new cookie of the account.

        :param what: name of the browser or program, shown to its owner.
        """
        new = await self._store.tokens.create(account, TokenKind.COOKIE, name=what, lifetime=self.cookie_lifetime)
        return new.secret

    def cookie_header(self, value: str, *, secure: bool) -> str:
        """The Set-Cookie header (RFC 6265bis) that gives a browser this cookie; "" takes it away.

        :param secure: the browser came by https.
        """
        age = int(self.cookie_lifetime.total_seconds()) if value else 0
        attributes = f"Path=/; Max-Age={age}; HttpOnly; SameSite=Lax" + ("; Secure" if secure else "")
        return f"{self.cookie}={value}; {attributes}"

    async def _stored(self, secret: str, kind: TokenKind) -> Who:
        token = await self._store.tokens.verify(secret, kind)
        account = await self._store.accounts.get(token.account)
        return Who(account, token=token.id, by_cookie=kind is TokenKind.COOKIE)


def _digest(secret: str) -> bytes:
    return sha256(secret.encode("utf-8", "surrogatepass")).digest()
