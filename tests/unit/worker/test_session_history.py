"""Which sources a session keeps for its tracebacks."""

from __future__ import annotations

import linecache
from collections.abc import Iterator

import pytest

from sagews.worker import session_history
from sagews.worker.session_history import SessionCompiler


@pytest.fixture
def compiler(monkeypatch: pytest.MonkeyPatch) -> Iterator[SessionCompiler]:
    monkeypatch.setattr(session_history, "LATEST_SOURCES", 3)
    monkeypatch.setattr(session_history, "SOURCES", 2)
    known = set(linecache.cache)
    yield SessionCompiler()
    for name in set(linecache.cache) - known:
        del linecache.cache[name]


def is_kept(compiler: SessionCompiler, name: str) -> bool:
    in_both = {name in linecache.cache, compiler.format_code_name(name) is not None}
    assert len(in_both) == 1
    return in_both.pop()


def test_the_latest_sources_are_kept(compiler: SessionCompiler) -> None:
    names = [compiler.cache(f"x = {number}", number) for number in range(5)]
    assert [is_kept(compiler, name) for name in names] == [False, False, True, True, True]


def test_what_was_defined_keeps_its_source(compiler: SessionCompiler) -> None:
    codes = ["def f(): pass", "x = 1", "class A: pass", "undefined = 2", "y = lambda: 0", "x = 3", "x = 4", "x = 5"]
    names = [compiler.cache(code, number) for number, code in enumerate(codes)]
    assert [is_kept(compiler, name) for name in names] == [False, False, True, False, True, True, True, True]


def test_a_source_that_comes_again_is_one_of_the_latest(compiler: SessionCompiler) -> None:
    again = compiler.cache("x = 1", 7)
    compiler.cache("x = 2", 8)
    assert compiler.cache("x = 1", 7) == again
    compiler.cache("x = 3", 9)
    assert is_kept(compiler, again)
