"""Publications: what is shown to everybody, as static pages, with all of its versions.

Invariant: a version is written once, whole, and never changed. ``revision`` grows with every change of what is shown,
so whoever has laid out a publication sees by it whether that is still right.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Select, delete, func, insert, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from sagews.database import tables
from sagews.database.clock import Clock
from sagews.database.names import checked
from sagews.database.notices import Notice, Topic
from sagews.database.rows import columns, values
from sagews.database.transactions import Transactions
from sagews.errors import NotFound, OverLimit

MOST_PER_ACCOUNT = 1000
MOST_VERSIONS = 200
MOST_BYTES = 256 * 2**20
"""Of all versions of one publication: whoever lays it out holds them in memory."""
_publications, _versions, _pages = tables.publications, tables.publication_versions, tables.publication_pages


@dataclass(frozen=True)
class Publication:
    """One worksheet (``path``), or all those of a workspace (``path`` is ""), shown in ``version``."""

    id: str
    account: str
    author: str
    """The account's name."""
    workspace: str | None
    path: str
    title: str
    words: str
    """The beginning of its text, for searching."""
    listed: bool
    version: int
    revision: int
    created: datetime
    changed: datetime
    withdrawn: datetime | None


@dataclass(frozen=True)
class Version:
    """One version of a publication."""

    publication: str
    version: int
    title: str
    at: datetime
    size_bytes: int


@dataclass(frozen=True)
class PublishedPage:
    """One file of a version. ``source``: of a worksheet's file, its path in the workspace; "" = a page."""

    name: str
    source: str
    content: bytes


@dataclass(frozen=True)
class Content:
    """What a version is made of."""

    title: str
    words: str
    pages: tuple[PublishedPage, ...]

    @property
    def size_bytes(self) -> int:
        """All of it."""
        return sum(len(page.content) for page in self.pages)


class Publications:
    """Publishing, finding, withdrawing."""

    def __init__(self, transactions: Transactions, clock: Clock) -> None:
        self._transactions = transactions
        self._clock = clock

    def new_id(self) -> str:
        """The id of a publication to be: part of its address, which nobody guesses."""
        return secrets.token_hex(12)

    async def publish(
        self, publication: str, account: str, workspace: str, path: str, content: Content, *, listed: bool
    ) -> None:
        """Publish version 1.

        :param publication: from `new_id`.
        :raises OverLimit: the account has published `MOST_PER_ACCOUNT` already, or as many bytes as it may.
        :raises UsageError: the title is blank or too long.
        :raises Conflict: there is no such account or workspace.
        """
        now = self._clock()
        title = checked(content.title, "a title")
        row = {"id": publication, "account": account, "workspace": workspace, "path": path, "title": title}
        shown = {"words": content.words, "listed": listed, "version": 1, "revision": 1, "created": now, "changed": now}
        counted = select(func.count()).where(_publications.c.account == account)
        async with self._transactions.write() as connection:
            if (await connection.execute(counted)).scalar_one() >= MOST_PER_ACCOUNT:
                raise OverLimit(f"The account has published {MOST_PER_ACCOUNT} times.", mend="Delete some first.")
            await _require_room(connection, account, content.size_bytes)
            await connection.execute(insert(_publications).values(**row, **shown))
            await self._add(connection, publication, 1, content, now)

    async def publish_again(self, publication: str, content: Content) -> int:
        """Publish the next version, and show it, also where the publication was withdrawn; returns its number.

        :raises OverLimit: there are `MOST_VERSIONS` already, or they would have more than `MOST_BYTES`, or all that the
            account has published more bytes than it may.
        :raises UsageError: the title is blank or too long.
        :raises NotFound: there is no such publication.
        """
        now, title = self._clock(), checked(content.title, "a title")
        wanted = _publications.c.id == publication
        found, whose = select(_publications.c.version), select(_publications.c.account).where(wanted)
        sized = select(func.coalesce(func.sum(_versions.c.size_bytes), 0)).where(_versions.c.publication == publication)
        async with self._transactions.write() as connection:
            account: str | None = (await connection.execute(whose)).scalar_one_or_none()
            if account is None:
                raise _nothing()
            # The account first, as in `publish` and at an account's end, so that nobody waits in a circle.
            await _require_room(connection, account, content.size_bytes)
            latest: int | None = (await connection.execute(found.where(wanted).with_for_update())).scalar_one_or_none()
            if latest is None:
                raise _nothing()
            if latest >= MOST_VERSIONS:
                raise OverLimit(f"It has {MOST_VERSIONS} versions, as many as it may.", mend="Publish it anew.")
            size = int((await connection.execute(sized)).scalar_one())
            if size + content.size_bytes > MOST_BYTES:
                raise OverLimit("Its versions are too large together.", mend="Publish it anew.")
            changes = {"title": title, "words": content.words, "version": latest + 1, "withdrawn": None}
            await self._change(connection, publication, changes)
            await self._add(connection, publication, latest + 1, content, now)
        return latest + 1

    async def change(self, publication: str, *, listed: bool | None = None, withdrawn: bool | None = None) -> None:
        """List it or not, withdraw it or show it again.

        :raises NotFound: there is no such publication.
        """
        changes: dict[str, Any] = {}
        if listed is not None:
            changes["listed"] = listed
        if withdrawn is not None:
            changes["withdrawn"] = self._clock() if withdrawn else None
        async with self._transactions.write() as connection:
            await self._change(connection, publication, changes)

    async def delete(self, publication: str) -> None:
        """Delete it with all its versions, for good; repeatable."""
        async with self._transactions.write() as connection:
            await connection.execute(delete(_publications).where(_publications.c.id == publication))
            await self._transactions.tell(connection, Notice(Topic.PUBLISHED, publication))

    async def get(self, publication: str) -> Publication:
        """:raises NotFound: there is no such publication."""
        found = await self._find(_publications.c.id == publication)
        if not found:
            raise _nothing()
        return found[0]

    async def of_account(self, account: str) -> list[Publication]:
        """What an account has published, the one changed last first."""
        return await self._find(_publications.c.account == account)

    async def size(self, account: str) -> int:
        """Bytes of all that an account has published, with all versions, withdrawn or not."""
        async with self._transactions.read() as connection:
            return await _size(connection, account)

    async def of_workspace(self, workspace: str) -> list[Publication]:
        """What was published of a workspace, the one changed last first."""
        return await self._find(_publications.c.workspace == workspace)

    async def listed(self, text: str = "", at_most: int = 100) -> list[Publication]:
        """What is listed and not withdrawn, the one changed last first.

        :param text: words, each of which is in the title, the author's name or the beginning of the text.
        """
        conditions: list[ColumnElement[bool]] = [_publications.c.listed.is_(True), _publications.c.withdrawn.is_(None)]
        conditions += [
            or_(
                _publications.c.title.icontains(word, autoescape=True),
                _publications.c.words.icontains(word, autoescape=True),
                tables.accounts.c.name.icontains(word, autoescape=True),
            )
            for word in text.split()
        ]
        return await self._find(*conditions, at_most=at_most)

    async def shown(self) -> list[Publication]:
        """All that are not withdrawn, listed or not."""
        return await self._find(_publications.c.withdrawn.is_(None))

    async def versions(self, publication: str) -> list[Version]:
        """The versions, the newest first."""
        query = select(*columns(_versions, Version)).where(_versions.c.publication == publication)
        async with self._transactions.read() as connection:
            return values(Version, (await connection.execute(query.order_by(_versions.c.version.desc()))).all())

    async def pages(self, publication: str, version: int, *, sources: bool | None = None) -> list[PublishedPage]:
        """The files of one version, by name.

        :param sources: True = only worksheets' files, False = only pages.
        """
        query = select(*columns(_pages, PublishedPage)).where(_is(publication, version)).order_by(_pages.c.name)
        if sources is not None:
            query = query.where(_pages.c.source != "" if sources else _pages.c.source == "")
        async with self._transactions.read() as connection:
            return values(PublishedPage, (await connection.execute(query)).all())

    async def page(self, publication: str, version: int, name: str) -> PublishedPage:
        """:raises NotFound: the version has no such file."""
        query = select(*columns(_pages, PublishedPage)).where(_is(publication, version), _pages.c.name == name)
        async with self._transactions.read() as connection:
            row = (await connection.execute(query)).one_or_none()
        if row is None:
            raise _nothing()
        return PublishedPage(*row)

    async def _find(self, *conditions: ColumnElement[bool], at_most: int | None = None) -> list[Publication]:
        own: list[ColumnElement[Any]] = [
            column for column in _publications.c if column.name in Publication.__dataclass_fields__
        ]
        query: Select[Any] = (
            select(*own, tables.accounts.c.name.label("author"))
            .join(tables.accounts, tables.accounts.c.id == _publications.c.account)
            .where(*conditions)
            .order_by(_publications.c.changed.desc(), _publications.c.id)
            .limit(at_most)
        )
        async with self._transactions.read() as connection:
            return values(Publication, (await connection.execute(query)).all())

    async def _change(self, connection: AsyncConnection, publication: str, changes: dict[str, Any]) -> None:
        more = {"revision": _publications.c.revision + 1, "changed": self._clock()}
        statement = update(_publications).where(_publications.c.id == publication).values({**changes, **more})
        if not (await connection.execute(statement)).rowcount:
            raise _nothing()
        await self._transactions.tell(connection, Notice(Topic.PUBLISHED, publication))

    async def _add(
        self, connection: AsyncConnection, publication: str, version: int, content: Content, at: datetime
    ) -> None:
        row = {"publication": publication, "version": version}
        size = content.size_bytes
        await connection.execute(insert(_versions).values(**row, title=content.title.strip(), at=at, size_bytes=size))
        pages: Sequence[dict[str, Any]] = [row | vars(page) for page in content.pages]
        await connection.execute(insert(_pages), pages)
        await self._transactions.tell(connection, Notice(Topic.PUBLISHED, publication))


async def _size(connection: AsyncConnection, account: str) -> int:
    query = select(func.coalesce(func.sum(_versions.c.size_bytes), 0)).join(
        _publications, _publications.c.id == _versions.c.publication
    )
    return int((await connection.execute(query.where(_publications.c.account == account))).scalar_one())


async def _require_room(connection: AsyncConnection, account: str, more: int) -> None:
    """Make sure that the account may publish so many bytes more; to the end of this transaction, others wait.

    :raises OverLimit: it may not.
    """
    accounts, types = tables.accounts, tables.account_types
    hold = select(accounts.c.account_type).where(accounts.c.id == account).with_for_update(key_share=True)
    account_type = (await connection.execute(hold)).scalar_one_or_none()
    allowed = select(types.c.published_bytes).where(types.c.id == account_type)
    limit = (await connection.execute(allowed)).scalar_one_or_none()
    if limit and await _size(connection, account) + more > limit:
        raise OverLimit(
            f"The account would have published more than {limit / 2**20:.4g} MiB, as much as it may.",
            mend="Delete publications first, or publish less.",
        )


def _is(publication: str, version: int) -> ColumnElement[bool]:
    return (_pages.c.publication == publication) & (_pages.c.version == version)


def _nothing() -> NotFound:
    return NotFound("There is no such publication.", mend="It may have been withdrawn.")
