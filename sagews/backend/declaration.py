"""Operations of the HTTP API, each declared once.

The declaration beside a handler function says path, method, who may call it, parameters, body and answers. The server
checks every request by it, and `openapi` makes the description of it, so that the two agree.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict

from sagews.errors import SagewsError

if TYPE_CHECKING:
    from sagews.backend.call import Call

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
Handler = Callable[["Call"], Awaitable[Any]]
_Function = TypeVar("_Function", bound=Handler)

JSON_BODY_BYTES = 256 * 1024
"""The longest JSON body that an operation reads."""


class Schema(BaseModel):
    """A JSON object that comes in or goes out: exact types, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Query(BaseModel):
    """Parameters after the question mark; numbers and truth values are read from their text."""

    model_config = ConfigDict(frozen=True, extra="ignore")


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One thing that the API does."""

    method: Method
    path: str
    """With names in braces: ``/api/workspaces/{workspace}``."""
    handler: Handler
    summary: str
    description: str
    open_to_all: bool = False
    """Nobody has to be signed in."""
    query: type[Query] | None = None
    body: type[Schema] | None = None
    takes_file: bool = False
    """The body is bytes of any length, read as they come."""
    answer: Any = None
    """A `Schema`, or None: there is nothing to say."""
    status: int = 200
    sends: str = ""
    """Media type of an answer that is no JSON."""
    refuses: tuple[type[SagewsError], ...] = ()
    """Errors besides those that every operation may answer with."""


class Operations:
    """The operations of one noun, in the order in which they are declared."""

    def __init__(self, noun: str) -> None:
        """:param noun: heading in the description: ``workspaces``."""
        self.noun = noun
        self.declared: list[Operation] = []

    def declare(self, method: Method, path: str, **facts: Any) -> Callable[[_Function], _Function]:
        """Decorates the function that does it; its docstring is the description."""

        def declared(handler: _Function) -> _Function:
            lines = (handler.__doc__ or "").strip().split("\n", 1)
            text = lines[1].strip() if len(lines) > 1 else ""
            self.declared.append(
                Operation(method=method, path=path, handler=handler, summary=lines[0], description=text, **facts)
            )
            return handler

        return declared


ByMethod = Mapping[str, Operation]


def by_path(nouns: tuple[Operations, ...]) -> dict[str, dict[str, Operation]]:
    """All operations by path, then by method."""
    table: dict[str, dict[str, Operation]] = {}
    for noun in nouns:
        for operation in noun.declared:
            table.setdefault(operation.path, {})[operation.method] = operation
    return table
