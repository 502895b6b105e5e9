"""What a zygote refuses, whoever asks."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sagews.worker.confinement import Confinement
from sagews.worker.session_user import SessionUser

ONE, TWO = SessionUser(700_001, 700_001), SessionUser(700_002, 700_002)


def test_a_session_is_one_of_the_users_or_stays_who_it_is() -> None:
    Confinement(users=frozenset({ONE})).check(ONE)
    Confinement().check(None)
    for users, wanted in (({ONE}, TWO), ({ONE}, None), (set[SessionUser](), ONE)):
        with pytest.raises(PermissionError):
            Confinement(users=frozenset(users)).check(wanted)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_nothing_but_a_pipe_of_the_workers_is_given_to_a_user(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.touch()
    descriptor = os.open(file, os.O_RDONLY)
    reading, writing = os.pipe()
    try:
        with pytest.raises(PermissionError):
            Confinement(owner=os.geteuid())._hand_over_pipe(descriptor, ONE)
        assert file.stat().st_uid == os.geteuid()
        with pytest.raises(PermissionError):
            Confinement(owner=65534)._hand_over_pipe(writing, ONE)
        Confinement(owner=os.geteuid())._hand_over_pipe(writing, ONE)
        assert os.fstat(writing).st_uid == ONE.uid
    finally:
        for one in (descriptor, reading, writing):
            os.close(one)
