"""What people's files contain is data to us: no module of ours, outside of sessions, can make objects or code of it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import sagews

SOURCES = Path(sagews.__file__).parent
SESSION = {"worker/environment_preload.py", "worker/session_shell.py", "worker/session_loop.py"}
"""Run inside a session, as whoever it is."""
MODULES = {"pickle", "_pickle", "cPickle", "dill", "cloudpickle", "joblib", "marshal", "shelve", "copyreg", "code"}
CALLS = {"eval", "exec", "compile", "__import__"}


def modules() -> list[Path]:
    return sorted(path for path in SOURCES.rglob("*.py") if str(path.relative_to(SOURCES)) not in SESSION)


def doings(tree: ast.AST) -> Iterator[str]:
    """What makes objects or code of bytes."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (one.name for one in node.names if one.name.partition(".")[0] in MODULES)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] in MODULES:
            yield node.module or ""
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in CALLS:
            yield node.func.id
        elif isinstance(node, ast.Attribute) and node.attr in ("unsafe_load", "load_pickle", "read_pickle"):
            yield node.attr
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle":
            yield node.arg


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(SOURCES)))
def test_nothing_of_ours_makes_objects_of_peoples_bytes(path: Path) -> None:
    assert list(doings(ast.parse(path.read_text()))) == []


def test_it_would_be_seen() -> None:
    code = "import pickle.x\nfrom dill import load\neval('1')\nyaml.unsafe_load(b)\nnumpy.load(b, allow_pickle=True)"
    assert len(list(doings(ast.parse(code)))) == 5
