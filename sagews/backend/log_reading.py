"""The site's log, as its operator reads it."""

from __future__ import annotations

import asyncio
import logging
import re
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, AwareDatetime, BeforeValidator, Field

from sagews.backend.call import Call
from sagews.backend.declaration import Operations, Query, Schema
from sagews.database.log import LogRecord, Wanted
from sagews.errors import OverLimit

log_reading = Operations("administration")

SEARCH_SECONDS = 8.0
AT_MOST = 1000
NO_NUL = r"^[^\x00]*$"
"""PostgreSQL knows no text with it, and none is stored."""
LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40, "critical": 50}
"""As Python's `logging` has them."""


def _written_out(text: Any) -> Any:
    """Numbers, which pydantic would take as seconds, are no times here."""
    if isinstance(text, str) and not _TIME.match(text):
        raise ValueError("a time such as 2026-01-31T14:30:00Z is needed")
    return text


def _in_utc(moment: datetime) -> datetime:
    """At the ends of what a `datetime` can hold, a time zone leads beyond them."""
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        return moment.replace(tzinfo=UTC)


_TIME = re.compile(r"\d{4}-\d{2}-\d{2}[Tt ]\d{2}:")
Time = Annotated[AwareDatetime, BeforeValidator(_written_out), AfterValidator(_in_utc)]


class LogQuery(Query):
    """Which records.

    `component`: `worker` for all of them, or `worker:1`; `level`: at least; `since`, `until`: ISO 8601 with a time
    zone; `text`: words, each of which is in the record.
    """

    component: Annotated[str, Field(pattern=r"^([a-z]{1,30}(:[0-9]{1,5})?)?$")] = ""
    level: Literal["debug", "info", "warning", "error", "critical"] = "debug"
    since: Time | None = None
    until: Time | None = None
    workspace: Annotated[str, Field(max_length=200)] = ""
    text: Annotated[str, Field(max_length=200, pattern=NO_NUL)] = ""
    limit: Annotated[int, Field(ge=1, le=AT_MOST)] = 200

    def wanted(self) -> Wanted:
        """For the database."""
        name, colon, number = self.component.partition(":")
        return Wanted(
            components=((name, int(number) if colon else None),) if name else (),
            level=LEVELS[self.level],
            since=self.since,
            until=self.until,
            workspace=self.workspace,
            text=self.text,
        )


class LogRecordAnswer(Schema):
    """One record."""

    id: int
    at: str
    component: str
    host: str
    level: str
    name: str
    event: str
    workspace: str | None
    account: str | None
    fields: dict[str, Any]
    traceback: str | None

    @classmethod
    def of(cls, record: LogRecord) -> LogRecordAnswer:
        """The answer about a stored record."""
        return cls(
            id=record.id,
            at=record.at.isoformat(),
            component=f"{record.component}:{record.instance}",
            host=record.host,
            level=logging.getLevelName(record.level).lower(),
            name=record.name,
            event=record.event,
            workspace=record.workspace,
            account=record.account,
            fields=record.fields,
            traceback=record.traceback,
        )


class LogAnswer(Schema):
    """The newest of the wanted records, the newest first. `kept`: the site has a log server that keeps them."""

    kept: bool
    records: list[LogRecordAnswer]


@log_reading.declare("GET", "/api/admin/log", query=LogQuery, answer=LogAnswer)
async def read_log(call: Call) -> LogAnswer:
    """Read the log (operator). A solo site keeps none in its database: it is in its data folder."""
    call.require_operator()
    asked = call.query(LogQuery)
    if call.backend.is_solo:
        return LogAnswer(kept=False, records=[])
    try:
        async with asyncio.timeout(SEARCH_SECONDS):
            found = await call.backend.store.log.latest(asked.wanted(), asked.limit)
    except TimeoutError as error:
        raise OverLimit(
            "The search took too long.", mend="Ask for less: a component, a level, or a shorter time."
        ) from error
    return LogAnswer(kept=True, records=[LogRecordAnswer.of(one) for one in reversed(found)])
