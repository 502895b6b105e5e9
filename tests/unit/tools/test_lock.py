from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools.lock import LOCKS, foreign

ROOT = Path(__file__).resolve().parents[3]


def named(text: str) -> set[str]:
    """The packages that a list of requirements names, as pip compares names."""
    names = re.findall(r"^([A-Za-z0-9][A-Za-z0-9._-]*)", text, flags=re.MULTILINE)
    return {re.sub(r"[-_.]+", "-", name).lower() for name in names}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_names_no_place(lock: str) -> None:
    assert foreign((ROOT / f"{lock}.txt").read_text()) == []


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_has_all_that_is_asked_for(lock: str) -> None:
    wanted = named((ROOT / f"{lock}.in").read_text())
    assert wanted
    assert wanted - named((ROOT / f"{lock}.txt").read_text()) == set()


@pytest.mark.parametrize("lock", LOCKS)
def test_each_package_of_a_lock_is_exact_and_has_hashes(lock: str) -> None:
    entries = re.split(r"^(?=[A-Za-z0-9])", (ROOT / f"{lock}.txt").read_text(), flags=re.MULTILINE)[1:]
    assert entries
    assert [entry for entry in entries if "==" not in entry or "--hash=sha256:" not in entry] == []


def test_both_locks_agree() -> None:
    """What tests run with is what people run with."""
    runtime, development = (
        set(re.findall(r"^\S+==.*", (ROOT / f"{lock}.txt").read_text(), flags=re.MULTILINE)) for lock in LOCKS
    )
    assert runtime <= development


@pytest.mark.parametrize(
    "line",
    [
        "--index-url https://example.invalid/simple",
        "--find-links /somewhere",
        "tqdm @ file:///somewhere/tqdm.whl",
        "/somewhere/tqdm.whl",
        "-e git+https://example.invalid/tqdm",
    ],
)
def test_places_are_found(line: str) -> None:
    assert foreign(f"tqdm==1.0\n{line}\n") == [line]
