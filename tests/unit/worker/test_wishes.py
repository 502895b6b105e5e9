"""What may be missing of a worker's protections."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from sagews.configuration import load
from sagews.errors import SetupError
from sagews.worker.protection import ABSENT, ALL, MENDS, PRESENT, Protection, absent_ones
from sagews.worker.wishes import confinement_of, demand

SITE = 'site.profile = "site"\n'


def configured(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "sagews.toml"
    file.write_text(text)
    return file


def test_a_site_is_not_served_without_one(tmp_path: Path) -> None:
    configuration = load(configured(tmp_path, SITE), {})
    demand(configuration, ALL)
    with pytest.raises(SetupError, match=r"same Unix user.*worker.unprotected"):
        demand(configuration, ALL & ~Protection.USERS)


def test_what_the_operator_accepts_may_be_missing(tmp_path: Path) -> None:
    configuration = load(configured(tmp_path, SITE + 'worker.unprotected = ["users", "memory"]\n'), {})
    demand(configuration, ALL & ~Protection.USERS & ~Protection.MEMORY)
    with pytest.raises(SetupError):
        demand(configuration, ALL & ~Protection.NETWORK)


def test_to_follow_the_message_is_enough(tmp_path: Path) -> None:
    present = ALL & ~Protection.USERS & ~Protection.MEMORY & ~Protection.PROCESSOR
    with pytest.raises(SetupError) as refused:
        demand(load(configured(tmp_path, SITE + 'worker.unprotected = ["memory"]\n'), {}), present)
    setting = re.search(r"worker.unprotected = \[.*?\]", str(refused.value))
    assert setting is not None
    demand(load(configured(tmp_path, f"{SITE}{setting[0]}\n"), {}), present)


def test_a_solo_site_goes_on(tmp_path: Path) -> None:
    demand(load(configured(tmp_path, ""), {}), Protection(0))


def test_every_protection_has_its_words() -> None:
    for words in (PRESENT, ABSENT, MENDS):
        assert set(words) == set(Protection)
    assert absent_ones(ALL) == ()
    assert Protection.SYSTEM_CALLS.label == "system_calls"


def test_wishes_come_from_the_configuration(tmp_path: Path) -> None:
    text = """
worker.users = "650000-650001"
worker.shown_folders = ["/srv/tables"]
worker.session.temporary_megabytes = 5
"""
    wishes = confinement_of(load(configured(tmp_path, text), {}), 7)
    assert (wishes.wanted, len(wishes.users), wishes.owner, wishes.temporary_bytes) == (True, 2, 7, 5 * 2**20)
    assert wishes.shown == (Path("/srv/tables"),)


def test_the_sites_folder_is_hidden_by_each_of_its_names(tmp_path: Path) -> None:
    real, called = tmp_path / "real", tmp_path / "called"
    real.mkdir()
    called.symlink_to(real)
    assert confinement_of(load(configured(tmp_path, f'data_folder = "{called}"\n'), {}), 7).hidden == (called, real)
