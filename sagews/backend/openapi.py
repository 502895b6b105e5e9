"""The description of the HTTP API (OpenAPI 3.1.0), made of the declarations beside the handlers."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel

from sagews.backend.declaration import JSON_BODY_BYTES, Operation, Operations
from sagews.errors import (
    MessageError,
    NotAllowed,
    NotFound,
    NotSignedIn,
    OverLimit,
    SagewsError,
    TooLarge,
    Unavailable,
    UsageError,
)

_REFERENCE = "#/components/schemas/{model}"
ALWAYS: tuple[type[SagewsError], ...] = (UsageError, NotAllowed, OverLimit, Unavailable)
"""Errors that every operation may answer with."""

LONGEST = {"path": 1000}
"""Characters of path parameters; of the others 200."""

INTRODUCTION = """Every error is `{"error": {"code", "what", "what_to_do"}}`.
A program sends `Authorization: Bearer TOKEN`; a page of the site has a cookie, and sends `X-Sagews: 1` with
every request that changes something. What is live (worksheets, running code) goes over SockJS at `/sockjs`,
or a plain WebSocket at `/sockjs/websocket`."""


def describe(nouns: tuple[Operations, ...], *, version: str, cookie: str) -> dict[str, Any]:
    """The whole description, as JSON.

    :param cookie: name of the cookie.
    """
    schemas: dict[str, Any] = {"Error": _ERROR}
    paths: dict[str, Any] = {}
    for noun in nouns:
        for operation in noun.declared:
            described = _operation(operation, noun.noun, schemas)
            paths.setdefault(operation.path, {})[operation.method.lower()] = described
    return {
        "openapi": "3.1.0",
        "info": {"title": "Sage Workspaces", "version": version, "description": INTRODUCTION},
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer"},
                "cookie": {"type": "apiKey", "in": "cookie", "name": cookie},
            },
        },
    }


def _operation(operation: Operation, noun: str, schemas: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "tags": [noun],
        "operationId": operation.handler.__name__,
        "summary": operation.summary,
        "parameters": _parameters(operation),
        "responses": _answers(operation, schemas),
        "security": [{}] if operation.open_to_all else [{"token": []}, {"cookie": []}],
    }
    if operation.description:
        described["description"] = operation.description
    if operation.body is not None:
        schema = _schema(operation.body, schemas)
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": schema}}}
    if operation.takes_file:
        content = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
        described["requestBody"] = {"required": False, "content": content}
    return described


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    parameters: list[dict[str, Any]] = [
        {"name": name, "in": "path", "required": True, "schema": _text(LONGEST.get(name, 200))}
        for name in re.findall(r"{(\w+)}", operation.path)
    ]
    if operation.query is not None:
        model = operation.query.model_json_schema()
        for name, schema in model["properties"].items():
            needed = name in model.get("required", ())
            parameters.append({"name": name, "in": "query", "required": needed, "schema": schema})
    return parameters


def _text(longest: int) -> dict[str, Any]:
    return {"type": "string", "minLength": 1, "maxLength": longest}


def _answers(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    answers: dict[str, Any] = {str(operation.status): _success(operation, schemas)}
    by_status: dict[int, list[type[SagewsError]]] = {}
    for error in _errors(operation):
        by_status.setdefault(error.status, []).append(error)
    for status, errors in sorted(by_status.items()):
        codes = ", ".join(f"`{code}`" for code in sorted({error.code for error in errors}))
        reference = {"schema": {"$ref": _REFERENCE.format(model="Error")}}
        answers[str(status)] = {
            "description": f"{HTTPStatus(status).phrase}: {codes}",
            "content": {"application/json": reference},
        }
    if operation.body is not None:
        answers["415"] = {**answers["400"], "description": "The body is no JSON: `bad_message`"}
    if operation.takes_file:
        answers["411"] = {**answers["400"], "description": "Length Required: `usage`"}
    return answers


def _errors(operation: Operation) -> list[type[SagewsError]]:
    errors = [*ALWAYS, *operation.refuses]
    if not operation.open_to_all:
        errors.append(NotSignedIn)
    if "{" in operation.path:
        errors.append(NotFound)
    if operation.body is not None or operation.takes_file:
        errors += [TooLarge, MessageError]
    return errors


def _success(operation: Operation, schemas: dict[str, Any]) -> dict[str, Any]:
    if operation.answer is not None:
        schema = _schema(operation.answer, schemas, mode="serialization")
        return {"description": "Done.", "content": {"application/json": {"schema": schema}}}
    if operation.sends:
        content = {operation.sends: {"schema": {"type": "string", "format": "binary"}}}
        return {"description": "The bytes.", "content": content}
    return {"description": "Done."}


def _schema(model: type[BaseModel], schemas: dict[str, Any], mode: Any = "validation") -> dict[str, str]:
    schema = model.model_json_schema(ref_template=_REFERENCE, mode=mode)
    schemas.update(schema.pop("$defs", {}))
    schemas[model.__name__] = schema
    return {"$ref": _REFERENCE.format(model=model.__name__)}


_ERROR: dict[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "what", "what_to_do"],
            "properties": {
                "code": {"type": "string", "description": "For programs; never changes."},
                "what": {"type": "string", "description": "What happened, for people."},
                "what_to_do": {"type": "string", "description": "What to do next, for people."},
            },
        }
    },
    "description": f"JSON bodies have at most {JSON_BODY_BYTES} bytes.",
}
