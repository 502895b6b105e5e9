"""Joining: somebody new signs up, somebody known accepts an invitation.

Invariant: an account that an invitation was needed for is made together with its use, or not at all.
"""

from __future__ import annotations

from sagews.database.accounts import Account
from sagews.database.identities import Identities
from sagews.database.invitations import Invitation, Invitations
from sagews.database.transactions import Transactions


class Joining:
    """Two stores in one transaction."""

    def __init__(self, transactions: Transactions, invitations: Invitations, identities: Identities) -> None:
        self._transactions = transactions
        self._invitations = invitations
        self._identities = identities

    async def accept(self, secret: str, account: str) -> Invitation:
        """Give an account what it is invited to.

        :raises NotFound: the invitation is good for nothing (any more).
        """
        async with self._transactions.write() as connection:
            return await self._invitations.use(connection, secret, account)

    async def sign_up(
        self, subject: str, password: str, *, name: str = "", account_type: str, invitation: str = ""
    ) -> Account:
        """Make an account, and give it what it is invited to.

        :param invitation: its secret; "" = none.
        :raises NotFound: the invitation is good for nothing (any more).
        :raises Conflict: the name is taken, or there is no such account type.
        :raises UsageError: a name or the password is too short or too long.
        """
        password_hash = await self._identities.hash(password)
        async with self._transactions.write() as connection:
            account = await self._identities.add_account(connection, subject, password_hash, name, account_type)
            if invitation:
                await self._invitations.use(connection, invitation, account.id)
        return account
