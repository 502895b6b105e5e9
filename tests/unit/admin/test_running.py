"""How commands find the site that they talk to."""

from __future__ import annotations

import os
import stat
from argparse import Namespace
from pathlib import Path

import pytest

from sagews.admin.running import RunningSite, site_of
from sagews.configuration import load
from sagews.errors import UsageError

SITE = RunningSite(os.getpid(), "http://127.0.0.1:5", "secret")


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEWS_DATA_FOLDER", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("SAGEWS_URL", "SAGEWS_TOKEN", "SAGEWS_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "run").mkdir()


def _arguments(**given: str) -> Namespace:
    return Namespace(**({"url": None, "token": None, "config": None} | given))


def test_the_site_that_runs_here_is_found(tmp_path: Path) -> None:
    SITE.write(tmp_path / "run")
    assert site_of(_arguments()) == ("http://127.0.0.1:5", "secret")


def test_its_files_are_for_its_owner_only(tmp_path: Path) -> None:
    for path in SITE.write(tmp_path / "run"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_site_that_has_died_is_none(tmp_path: Path) -> None:
    largest = int(Path("/proc/sys/kernel/pid_max").read_text())
    RunningSite(largest + 1, SITE.url, SITE.token).write(tmp_path / "run")
    assert RunningSite.read(load(None, os.environ)) is None


def test_where_none_runs_it_is_said_how_to_start_one() -> None:
    with pytest.raises(UsageError, match=r"No site runs here.*sagews run"):
        site_of(_arguments())


@pytest.mark.parametrize("url", ["example.org", "ftp://example.org", "--help"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(UsageError, match="no address of a site"):
        site_of(_arguments(url=url, token="t"))


def test_a_named_site_needs_a_token() -> None:
    with pytest.raises(UsageError, match="needs a token"):
        site_of(_arguments(url="http://127.0.0.1:5"))


def test_variables_name_a_site_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SAGEWS_URL", "https://sage.example.org")
    monkeypatch.setenv("SAGEWS_TOKEN", "mine")
    assert site_of(_arguments()) == ("https://sage.example.org", "mine")
    assert site_of(_arguments(token="other")) == ("https://sage.example.org", "other")
