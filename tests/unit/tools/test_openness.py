"""A whole site needs its program and Python where all users of the machine get at them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagews.errors import SetupError
from tools.installation.console import Console
from tools.installation.layout import Layout
from tools.installation.openness import OpenToOthers, closed_above
from tools.installation.stamps import Stamps


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that others may enter, as what pytest gives is closed to them."""
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        yield Path(name)


def step(root: Path, python: Path) -> OpenToOthers:
    """With an environment of that Python."""
    (root / ".venv" / "bin").mkdir(parents=True)
    (root / ".venv" / "bin" / "python").symlink_to(python)
    return OpenToOthers(Layout(root), Stamps(root / "stamps"))


def executable(path: Path) -> Path:
    path.parent.mkdir(parents=True)
    path.write_text("#!/bin/sh\n")
    return path


def test_the_first_closed_folder_is_named(folder: Path) -> None:
    (folder / "closed" / "open").mkdir(parents=True)
    assert closed_above(folder / "closed" / "open" / "file") is None
    (folder / "closed").chmod(0o700)
    assert closed_above(folder / "closed" / "open" / "file") == folder / "closed"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts components as other users")
def test_nothing_to_say_where_all_is_open(folder: Path) -> None:
    assert not step(folder / "clone", executable(folder / "python" / "python3")).needed()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts components as other users")
def test_a_closed_python_is_told_with_another(folder: Path) -> None:
    python = executable(folder / "home" / "python3")
    python.parent.chmod(0o700)
    asked = step(folder / "clone", python)
    assert asked.needed()
    with pytest.raises(SetupError, match="home is closed to them") as caught:
        asked.do(Console())
    assert "make site PYTHON=/usr/bin/python3" in caught.value.what_to_do


@pytest.mark.skipif(os.geteuid() != 0, reason="only root starts components as other users")
def test_a_closed_clone_is_told(folder: Path) -> None:
    asked = step(folder / "home" / "clone", executable(folder / "python" / "python3"))
    (folder / "home").chmod(0o700)
    with pytest.raises(SetupError, match="home is closed to them") as caught:
        asked.do(Console())
    assert "Move this folder" in caught.value.what_to_do
