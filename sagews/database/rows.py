"""Turns rows into the frozen values that the stores return."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, Row, Table

_Value = TypeVar("_Value")


def columns(table: Table, kind: type[Any]) -> list[ColumnElement[Any]]:
    """The columns of ``table`` that are the fields of the dataclass ``kind``, by name."""
    return [table.c[field.name] for field in fields(kind)]


def value(kind: type[_Value], row: Row[Any]) -> _Value:
    """One row as a ``kind``; its columns must be named as the fields."""
    return kind(**row._mapping)


def values(kind: type[_Value], rows: Sequence[Row[Any]]) -> list[_Value]:
    """Each row as a ``kind``, in the same order."""
    return [value(kind, row) for row in rows]
