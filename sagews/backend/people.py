"""The people of the site, as its operator looks for them."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sagews.backend.accounts import AccountAnswer
from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Query, Schema
from sagews.database.accounts import SOLO
from sagews.database.people import FoundAccount, Sought

people = Operations("administration")

AT_MOST = 500


class PeopleQuery(Query):
    """Which accounts; without any of it all. `text`: words that are in a name."""

    text: Annotated[str, Field(max_length=200, pattern=r"^[^\x00]*$")] = ""
    account_type: Annotated[str, Field(max_length=200)] = ""
    state: Literal["", "enabled", "disabled"] = ""
    limit: Annotated[int, Field(ge=1, le=AT_MOST)] = 100


class PersonAnswer(AccountAnswer):
    """An account; by which names it signs in, how many workspaces it owns, when a token of it was last used."""

    sign_in: list[str]
    workspaces: int
    seen: str | None

    @classmethod
    def about(cls, found: FoundAccount) -> PersonAnswer:
        """The answer about somebody."""
        return cls(
            **AccountAnswer.of(found.account).model_dump(),
            sign_in=list(found.sign_in),
            workspaces=found.workspaces,
            seen=found.seen.isoformat() if found.seen else None,
        )


class PeopleAnswer(Schema):
    """By name; `found` are there in all; `account_types` are those that an account can have."""

    accounts: list[PersonAnswer]
    found: int
    account_types: list[str]


@people.declare("GET", "/api/admin/accounts", query=PeopleQuery, answer=PeopleAnswer)
async def find_people(call: Call) -> PeopleAnswer:
    """Look for accounts (operator)."""
    call.require_operator()
    asked, store = call.query(PeopleQuery), call.backend.store
    disabled = {"": None, "enabled": False, "disabled": True}[asked.state]
    found, total = await store.people.find(Sought(asked.text, asked.account_type, disabled), asked.limit)
    types = [one.id for one in await store.account_types.all()]
    return PeopleAnswer(
        accounts=[PersonAnswer.about(one) for one in found],
        found=total,
        account_types=types if call.backend.is_solo else [one for one in types if one != SOLO],
    )
