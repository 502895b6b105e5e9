"""What is found of a user, also while others come and go."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sagews.worker import user_reset


class Meanwhile(set[int]):
    """Users; whoever looks for the first one finds that these files have gone."""

    going: tuple[Path, ...] = ()

    def __contains__(self, user: object) -> bool:
        for path in self.going:
            path.unlink(missing_ok=True)
        return super().__contains__(user)


def test_a_file_that_goes_hides_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(user_reset, "OPEN_FOLDERS", (str(tmp_path),))
    monkeypatch.setattr(user_reset, "SPOOLS", ())
    kept, going = ([tmp_path / f"{name}{number}" for number in range(5)] for name in ("kept", "going"))
    for path in (*kept, *going):
        path.touch()
    users = Meanwhile({os.geteuid()})
    users.going = tuple(going)
    assert set(kept) <= set(user_reset.files_of(users))
