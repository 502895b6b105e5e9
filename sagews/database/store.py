"""The store: all that a site remembers, one small store a noun.

Invariant: queries are in these stores and nowhere else. They return frozen values, never rows or connections.

::

    engine = create_engine("sqlite:////srv/sagews/sagews.db")
    await migrate(engine)
    store = Store(engine)
    account = await store.accounts.ensure_solo_account()
    workspace = await store.workspaces.create(account.id, "Number theory")
    epoch = await store.workspaces.open(workspace.id, "worker:0", if_epoch=workspace.epoch)
    await store.journal.append(workspace.id, epoch, [Entry(1, "document", "a.ipynb", update, account.id)])
    await store.close()
"""

from __future__ import annotations

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from sagews.database.account_types import AccountTypes
from sagews.database.accounts import Accounts
from sagews.database.activity import Activity
from sagews.database.backends import Backends
from sagews.database.bundles import Bundles
from sagews.database.cache import Cache, NoCache
from sagews.database.clock import Clock, utc_now
from sagews.database.documents import Documents
from sagews.database.facts import Facts, facts
from sagews.database.gone_workspaces import GoneWorkspaces
from sagews.database.identities import Identities
from sagews.database.invitations import Invitations
from sagews.database.joining import Joining
from sagews.database.journal import Journal
from sagews.database.listings import Listings
from sagews.database.log import Log
from sagews.database.ownership import Ownership
from sagews.database.passwords import Passwords
from sagews.database.people import People
from sagews.database.permissions import Permissions
from sagews.database.preferences import Preferences
from sagews.database.publications import Publications
from sagews.database.tokens import Tokens
from sagews.database.transactions import Transactions
from sagews.database.version_names import VersionNames
from sagews.database.workers import Workers
from sagews.database.workspaces import Workspaces


class Store:
    """Every store, on one engine. Used from one event loop, by any number of tasks."""

    def __init__(
        self,
        engine: AsyncEngine,
        *,
        clock: Clock = utc_now,
        passwords: Passwords | None = None,
        cache: Cache | None = None,
    ) -> None:
        """
        :param engine: made by :func:`~sagews.database.engine.create_engine`; :meth:`close` ends it.
        :param clock: what tells the time.
        :param passwords: how passwords are hashed; default: argon2-cffi's parameters.
        :param cache: made by :func:`~sagews.database.access.cache_for`; :meth:`close` ends it. Default: none.
        """
        self._transactions = transactions = Transactions(engine)
        self.notices = transactions.notices
        self.account_types = AccountTypes(transactions)
        self.accounts = Accounts(transactions, clock)
        self.identities = Identities(transactions, clock, self.accounts, passwords or Passwords())
        self.people = People(transactions)
        self.tokens = Tokens(transactions, clock)
        self.preferences = Preferences(transactions)
        self.workspaces = Workspaces(transactions, clock)
        self.gone_workspaces = GoneWorkspaces(transactions, clock)
        self.permissions = Permissions(transactions, clock)
        self.invitations = Invitations(transactions, clock)
        self.joining = Joining(transactions, self.invitations, self.identities)
        self.ownership = Ownership(transactions, clock)
        self.publications = Publications(transactions, clock)
        self.cache = cache or NoCache()
        self.listings = Listings(self.workspaces, self.permissions, self.cache)
        self.journal = Journal(transactions, clock)
        self.bundles = Bundles(transactions)
        self.documents = Documents(transactions, clock)
        self.version_names = VersionNames(transactions, clock)
        self.workers = Workers(transactions, clock)
        self.backends = Backends(transactions, clock)
        self.activity = Activity(transactions, clock)
        self.log = Log(transactions)

    async def check(self) -> None:
        """Ask the database for a sign of life.

        :raises DatabaseUnavailable: it does not answer.
        """
        async with self._transactions.read() as connection:
            await connection.execute(text("SELECT 1"))

    async def facts(self) -> Facts:
        """What the database is, its size and the version of its tables.

        :raises DatabaseUnavailable: it does not answer.
        """
        return await facts(self._transactions)

    async def close(self) -> None:
        """Close every connection; repeatable."""
        await self.cache.close()
        await self._transactions.engine.dispose()
