"""What the words of the columns mean."""

from __future__ import annotations

import pytest

from sagews.database.choices import Role


@pytest.mark.parametrize("role", Role)
def test_an_owner_may_all_and_a_reader_only_what_readers_may(role: Role) -> None:
    assert Role.OWNER.includes(role)
    assert Role.READER.includes(role) == (role is Role.READER)


def test_a_collaborator_is_no_owner() -> None:
    assert Role.COLLABORATOR.includes(Role.READER)
    assert not Role.COLLABORATOR.includes(Role.OWNER)
