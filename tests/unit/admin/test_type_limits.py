"""Limits of account types, as they are typed."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagews.admin.type_limits import TypeLimits, read_changes
from sagews.configuration import load
from sagews.database.access import engine_for
from sagews.database.migration import migrate
from sagews.database.store import Store
from sagews.database.uses import Use
from sagews.errors import NotFound, UsageError


def test_numbers_with_units_and_yes_or_no() -> None:
    assert read_changes(["memory_bytes=2G", "cpu_seconds=0", "may_publish=no", "output_bytes=512k"]) == {
        "memory_bytes": 2**31, "cpu_seconds": 0, "may_publish": False, "output_bytes": 2**19,
    }  # fmt: skip


@pytest.mark.parametrize(
    "word", ["memory=1", "memory_bytes", "memory_bytes=-1", "memory_bytes=G", "cpu_seconds=1.5", "may_publish=1",
             "network=yes", "disk_bytes=99999999999T", "id=x", "memory_bytes=²"],
)  # fmt: skip
def test_what_is_no_limit_is_refused(word: str) -> None:
    with pytest.raises(UsageError):
        read_changes([word])


async def test_they_are_changed_and_shown(tmp_path: Path) -> None:
    (tmp_path / "sagews.toml").write_text(f'data_folder = "{tmp_path}/data"\n')
    configuration = load(tmp_path / "sagews.toml", {})
    (tmp_path / "data").mkdir()
    engine = engine_for(configuration, Use.ADMIN)
    await migrate(engine)
    store = Store(engine)
    await store.account_types.ensure("standard")
    await store.close()
    async with TypeLimits.of(configuration) as types:
        await types.change("standard", {"memory_bytes": 2**31, "sessions": 0, "may_publish": False})
        lines = await types.lines("standard")
        assert "  memory_bytes     2G" in lines
        assert "  sessions         no limit" in lines
        assert "  may_publish      no" in lines
        assert "  processes        256" in lines
        assert lines == await types.lines()
        with pytest.raises(NotFound):
            await types.change("student", {"sessions": 1})
