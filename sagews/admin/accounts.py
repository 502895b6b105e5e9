"""The accounts of a site, as its operator makes and changes them: straight in the database, whatever else is down."""

from __future__ import annotations

import csv
import secrets
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from sagews.backend.links import join_link, mailed_origin, reset_link
from sagews.backend.mail import Mail
from sagews.configuration import Configuration
from sagews.configuration.run_files import read_status
from sagews.database.access import engine_for
from sagews.database.account_types import STANDARD
from sagews.database.accounts import Account
from sagews.database.choices import TokenKind
from sagews.database.identities import plain_form
from sagews.database.migration import require_current
from sagews.database.passwords import LONGEST, SHORTEST
from sagews.database.store import Store
from sagews.database.uses import Use
from sagews.errors import SagewsError, UsageError

OPERATOR = "operator"
TYPES = (STANDARD, OPERATOR)
COLUMNS = ("sign_in", "name", "type", "password")
PASSWORD_BYTES = 12


@dataclass(frozen=True)
class NewAccount:
    """An account to be made. ``sign_in`` is a name or e-mail address."""

    sign_in: str
    name: str = ""
    account_type: str = STANDARD
    password: str = ""


def new_password() -> str:
    """One that nobody guesses, to be told once."""
    return secrets.token_urlsafe(PASSWORD_BYTES)


def read_accounts(file: Path) -> list[NewAccount]:
    """The accounts of a CSV file with a heading line; where no password is given, one is made up.

    :raises UsageError: with one line for each mistake.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            rows = csv.DictReader(text)
            names = tuple(rows.fieldnames or ())
            if "sign_in" not in names or not set(names) <= set(COLUMNS):
                raise UsageError(
                    f"The first line of {file} is {','.join(names)[:100]!r}.",
                    mend=f"It names the columns: sign_in, and any of {', '.join(COLUMNS[1:])}.",
                )
            return _checked(file, [_account(row) for row in rows])
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise UsageError(f"{file} cannot be read: {error}.", mend="Give a CSV file in UTF-8.") from error


def _account(row: dict[str, str | None]) -> NewAccount:
    found = {name: (row.get(name) or "").strip() for name in COLUMNS}
    return NewAccount(found["sign_in"], found["name"], found["type"] or STANDARD, found["password"] or new_password())


def _checked(file: Path, found: Sequence[NewAccount]) -> list[NewAccount]:
    mistakes, seen = [], set()
    for line, one in enumerate(found, start=2):
        plain = plain_form(one.sign_in)
        if not plain:
            mistakes.append(f"{file}:{line}: sign_in is empty")
        elif plain in seen:
            mistakes.append(f"{file}:{line}: {one.sign_in} is there twice")
        if one.account_type not in TYPES:
            mistakes.append(
                f"{file}:{line}: there is no account type {one.account_type!r}; allowed: {', '.join(TYPES)}"
            )
        if not SHORTEST <= len(one.password) <= LONGEST:
            mistakes.append(f"{file}:{line}: the password has not {SHORTEST} to {LONGEST} characters")
        seen.add(plain)
    if mistakes:
        raise UsageError("\n".join(mistakes), mend="Nothing was changed; mend the file and try again.")
    return list(found)


class Accounts:
    """The accounts of one site."""

    def __init__(self, store: Store, configuration: Configuration) -> None:
        self._store = store
        self._configuration = configuration

    @classmethod
    @asynccontextmanager
    async def of(cls, configuration: Configuration) -> AsyncIterator[Accounts]:
        """The accounts of a site whose database answers.

        :raises DatabaseUnavailable: it does not; SetupError: its tables are of another version.
        """
        engine = engine_for(configuration, Use.ADMIN, connections=1)
        store = Store(engine)
        try:
            await require_current(engine)
            for account_type in TYPES:
                await store.account_types.ensure(account_type)
            yield cls(store, configuration)
        finally:
            await store.close()

    async def all(self) -> list[tuple[Account, str]]:
        """All accounts, each with the names by which it signs in."""
        found = []
        for account in await self._store.accounts.all():
            names = [one.subject for one in await self._store.identities.of_account(account.id)]
            found.append((account, ", ".join(names)))
        return found

    async def create(self, new: NewAccount) -> Account:
        """Make an account.

        :raises Conflict: the name is taken; UsageError: name or password are too short or too long.
        """
        _require_type(new.account_type)
        return await self._store.identities.create_account(
            new.sign_in, new.password, name=new.name, account_type=new.account_type
        )

    async def create_all(self, new: Iterable[NewAccount]) -> list[tuple[NewAccount, str]]:
        """Make many; returns for each what went wrong, or nothing. Those that are there already stay as they are."""
        results = []
        for one in new:
            try:
                await self.create(one)
                results.append((one, ""))
            except SagewsError as error:
                results.append((one, error.what))
        return results

    async def set_password(self, sign_in: str, password: str) -> None:
        """:raises NotFound: nobody signs in by this name; UsageError: it is too short or too long."""
        await self._store.identities.change_password(sign_in, password)

    async def new_token(self, sign_in: str, name: str) -> str:
        """A new API token of an account, told this once.

        :param name: what it is for.
        :raises NotFound: nobody signs in by this name.
        """
        account = await self._store.identities.account_of(sign_in)
        return (await self._store.tokens.create(account.id, TokenKind.API, name=name)).secret

    async def new_reset_link(self, sign_in: str) -> str:
        """An address by which the person sets a new password, once.

        :raises NotFound: nobody signs in by this name.
        """
        account = await self._store.identities.account_of(sign_in)
        lifetime = timedelta(hours=self._configuration.accounts.reset_hours)
        new = await self._store.tokens.create(account.id, TokenKind.RESET, name="new password", lifetime=lifetime)
        return reset_link(self._origin(), new.secret)

    async def mail_reset_link(self, address: str, link: str) -> None:
        """Send it to the address by which the person signs in.

        :raises UsageError: that is none, or the site sends no mail; Unavailable: the command fails.
        """
        mail = Mail(self._configuration)
        if not mail.can_send:
            raise UsageError("This site sends no mail.", mend="Configure mail.command, or leave out --mail.")
        hours = f"{self._configuration.accounts.reset_hours:g}"
        text = f"Open this address to set a new password. It is good once, for {hours} hours.\n\n{link}\n"
        await mail.send(plain_form(address), "A new password", text)

    async def new_invitation(self, uses: int | None) -> str:
        """An address by which so many (None = any number of) people make an account.

        :raises UsageError: nobody can sign up on this site.
        """
        chosen = self._configuration.accounts
        if chosen.sign_up == "closed":
            raise UsageError("Nobody can sign up here.", mend="Set accounts.sign_up to invitation, or use `create`.")
        new = await self._store.invitations.create(lifetime=timedelta(days=chosen.invitation_days), uses=uses)
        return join_link(self._origin(), new.secret)

    def _origin(self) -> str:
        """Of the site; of a solo site, the one that it has or had last."""
        told = read_status(self._configuration.status_file("backend", 0)).get("port", 0)
        return mailed_origin(self._configuration, f"http://127.0.0.1:{told or self._configuration.backend.port}")

    async def disable(self, sign_in: str) -> None:
        """:raises NotFound: nobody signs in by this name."""
        await self._store.accounts.disable((await self._store.identities.account_of(sign_in)).id)

    async def enable(self, sign_in: str) -> None:
        """:raises NotFound: nobody signs in by this name."""
        await self._store.accounts.enable((await self._store.identities.account_of(sign_in)).id)

    async def set_type(self, sign_in: str, account_type: str) -> None:
        """:raises NotFound: nobody signs in by this name; UsageError: there is no such type."""
        _require_type(account_type)
        await self._store.accounts.set_type((await self._store.identities.account_of(sign_in)).id, account_type)


def _require_type(account_type: str) -> None:
    if account_type not in TYPES:
        raise UsageError(f"There is no account type {account_type!r}.", mend=f"Allowed: {', '.join(TYPES)}.")
