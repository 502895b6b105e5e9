from __future__ import annotations

import re
import tomllib
from pathlib import Path

from sagews.configuration import example, load, reference
from sagews.configuration.catalogue import entries

PROJECT = Path(__file__).parents[3]


def test_committed_reference_is_up_to_date() -> None:
    assert (PROJECT / "docs/configuration.md").read_text() == reference(), "see sagews/configuration/__init__.py"


def test_committed_example_is_up_to_date() -> None:
    assert (PROJECT / "deploy/sagews.example.toml").read_text() == example(), "see sagews/configuration/__init__.py"


def test_every_setting_is_in_the_reference() -> None:
    page = reference()
    for entry in entries():
        assert f"### `{entry.name}`\n\n{entry.rule.help}\n" in page


def test_example_as_it_is_changes_nothing(tmp_path: Path) -> None:
    file = tmp_path / "sagews.toml"
    file.write_text(f"{example()}\n")
    assert load(file, {"SAGEWS_DATA_FOLDER": "/x"}) == load(None, {"SAGEWS_DATA_FOLDER": "/x"})


def test_example_with_every_setting_taken_in_has_the_defaults(tmp_path: Path) -> None:
    text = re.sub(r"(?m)^# (?=[a-z_]+ = |\[)", "", example()).replace("NAME", "mine")
    assert len(tomllib.loads(text)["worker"]["session"]) > 10
    file = tmp_path / "sagews.toml"
    file.write_text(text)
    configuration = load(file, {"SAGEWS_DATA_FOLDER": "/x"})
    assert configuration.worker.session == load(None, {}).worker.session
    assert configuration.backend == load(None, {}).backend
    assert list(configuration.worker.environments) == ["sage", "python", "mine"]
