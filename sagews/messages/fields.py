"""Values of messages to and from JSON, checked against the fields that a dataclass declares.

A declaration such as ``cells: tuple[str, ...]`` is all that a message type says about its form;
this module makes of it the strict check of what comes in and the writing of what goes out.
Unknown fields are ignored, so that a newer minor version of the protocol can add some.
"""

from __future__ import annotations

import base64
import binascii
import dataclasses
import functools
import types
import typing
from collections.abc import Callable
from typing import Any

from sagews.errors import MessageError

LARGEST_INTEGER = 2**53 - 1
"""The largest integer that JavaScript's numbers hold exactly (RFC 8259, section 6)."""

JSON = Any
"""Any JSON value, handed on as it is (notebook outputs, metadata)."""

Reader = Callable[[Any, str], Any]


def read_record(kind: Any, data: Any, where: str) -> Any:
    """Make the frozen dataclass `kind` of the JSON object `data`.

    :param where: the name of the field, for the error ("content.cells[2]").
    :raises MessageError: naming the field, what is there and what is allowed.
    """
    if not isinstance(data, dict):
        raise MessageError(f"{where}: an object is needed, not {_kind(data)}.")
    values = {}
    for name, (reader, needed) in _readers(kind).items():
        if name in data:
            values[name] = reader(data[name], f"{where}.{name}")
        elif needed:
            raise MessageError(f"{where}.{name}: this field is missing.")
    return kind(**values)


def write_record(record: Any) -> dict[str, Any]:
    """The JSON object for a frozen dataclass; fields that have their default are left out."""
    kind: Any = type(record)
    result: dict[str, Any] = {}
    for name, default in _defaults(kind).items():
        value = getattr(record, name)
        if value != default:
            result[name] = _write(value)
    return result


def _write(value: Any) -> Any:
    if isinstance(value, bytes):
        return base64.b64encode(value).decode("ascii")
    if isinstance(value, tuple):
        return [_write(item) for item in value]
    if dataclasses.is_dataclass(value):
        return write_record(value)
    return value


@functools.cache
def _fields(kind: Any) -> tuple[dataclasses.Field[Any], ...]:
    return dataclasses.fields(kind)


@functools.cache
def _defaults(kind: Any) -> dict[str, Any]:
    return {
        field.name: field.default if field.default_factory is dataclasses.MISSING else field.default_factory()
        for field in _fields(kind)
    }


@functools.cache
def _readers(kind: Any) -> dict[str, tuple[Reader, bool]]:
    hints = typing.get_type_hints(kind)
    return {
        field.name: (
            _reader(hints[field.name]),
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING,
        )
        for field in _fields(kind)
    }


def _reader(hint: Any) -> Reader:
    """The function that checks and converts a JSON value for one type annotation."""
    if hint in _PLAIN:
        return _PLAIN[hint]
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        return functools.partial(read_record, hint)
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Literal:
        return functools.partial(_one_of, arguments)
    if origin is tuple:
        return functools.partial(_sequence, _reader(arguments[0]))
    if origin is dict:
        return functools.partial(_mapping, _reader(arguments[1]))
    if origin in (types.UnionType, typing.Union):
        inner = next(argument for argument in arguments if argument is not type(None))
        return functools.partial(_optional, _reader(inner))
    raise TypeError(f"A message field cannot have the type {hint!r}")


def _kind(value: Any) -> str:
    names = {
        str: "a string",
        bool: "a truth value",
        int: "a number",
        float: "a number",
        list: "a list",
        dict: "an object",
    }
    return names.get(type(value), "null")


def _string(value: Any, where: str) -> str:
    if not isinstance(value, str):
        raise MessageError(f"{where}: a string is needed, not {_kind(value)}.")
    return value


def _integer(value: Any, where: str) -> int:
    if type(value) is not int:
        raise MessageError(f"{where}: a whole number is needed, not {_kind(value)}.")
    if abs(value) > LARGEST_INTEGER:
        raise MessageError(f"{where}: the number is outside of -2^53 ... 2^53.")
    return value


def _number(value: Any, where: str) -> float:
    if type(value) not in (int, float):
        raise MessageError(f"{where}: a number is needed, not {_kind(value)}.")
    if isinstance(value, int):
        value = _integer(value, where)
    return float(value)


def _boolean(value: Any, where: str) -> bool:
    if not isinstance(value, bool):
        raise MessageError(f"{where}: true or false is needed, not {_kind(value)}.")
    return value


def _bytes(value: Any, where: str) -> bytes:
    try:
        return base64.b64decode(_string(value, where), validate=True)
    except (binascii.Error, ValueError) as error:
        raise MessageError(f"{where}: this is not base64 (RFC 4648): {error}.") from error


def _anything(value: Any, where: str) -> Any:
    return value


def _object(value: Any, where: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MessageError(f"{where}: an object is needed, not {_kind(value)}.")
    return value


def _one_of(allowed: tuple[Any, ...], value: Any, where: str) -> Any:
    if not isinstance(value, str) or value not in allowed:
        raise MessageError(f"{where}: one of {', '.join(map(repr, allowed))} is needed.")
    return value


def _sequence(reader: Reader, value: Any, where: str) -> tuple[Any, ...]:
    if not isinstance(value, list):
        raise MessageError(f"{where}: a list is needed, not {_kind(value)}.")
    return tuple(reader(item, f"{where}[{index}]") for index, item in enumerate(value))


def _mapping(reader: Reader, value: Any, where: str) -> dict[str, Any]:
    return {key: reader(item, f"{where}.{key}") for key, item in _object(value, where).items()}


def _optional(reader: Reader, value: Any, where: str) -> Any:
    return None if value is None else reader(value, where)


_PLAIN: dict[Any, Reader] = {
    str: _string,
    int: _integer,
    float: _number,
    bool: _boolean,
    bytes: _bytes,
    Any: _anything,
}
