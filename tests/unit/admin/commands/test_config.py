from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from sagews.admin.main import main
from sagews.configuration import example, reference
from sagews.configuration.catalogue import entries


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty home folder, and no variables of ours."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("SAGEWS_CONFIG", raising=False)
    monkeypatch.setattr("sagews.admin.command.FILES", (Path("~/.config/sagews/sagews.toml"),))
    return tmp_path


def output_of(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["config", *arguments]) == 0
    output = capsys.readouterr()
    assert output.err == ""
    return output.out


def test_show_prints_each_setting_as_toml_with_its_origin(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    file = home / "my.toml"
    file.write_text("[backend]\nport = 99\n")
    monkeypatch.setenv("SAGEWS_LOG_LEVEL", "debug")
    text = output_of(capsys, "show", "--config", str(file))
    assert text.startswith(f"# file: {file}\n")
    assert "\nbackend.port = 99  # file line 2\n" in text
    assert '\nlog.level = "debug"  # environment SAGEWS_LOG_LEVEL\n' in text
    assert '\nworker.environments.sage.kind = "sage"  # default\n' in text
    assert tomllib.loads(text)["worker"]["session"]["open_files"] == 1024
    for entry in entries():
        name = entry.name.replace("environments.NAME", "environments.sage").replace("hosts.NAME", "hosts.localhost")
        assert f"\n{name} = " in text


def test_password_of_the_database_is_not_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAGEWS_DATABASE_URL", "postgresql+asyncpg://me:secret@host/name")
    assert "secret" not in output_of(capsys, "show")


def test_file_is_found_by_option_then_variable_then_home(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    assert output_of(capsys, "check") == "The default configuration has no mistakes.\n"
    own = home / ".config/sagews/sagews.toml"
    own.parent.mkdir(parents=True)
    own.touch()
    assert output_of(capsys, "check") == f"{own} has no mistakes.\n"
    other, third = home / "other.toml", home / "third.toml"
    other.touch()
    third.touch()
    monkeypatch.setenv("SAGEWS_CONFIG", str(other))
    assert output_of(capsys, "check") == f"{other} has no mistakes.\n"
    assert output_of(capsys, "check", "--config", str(third)) == f"{third} has no mistakes.\n"


def test_check_prints_one_line_a_mistake(capsys: pytest.CaptureFixture[str], home: Path) -> None:
    file = home / "my.toml"
    file.write_text("[backend]\nprot = 99\nport = -1\n")
    assert main(["config", "check", "--config", str(file)]) == 2
    assert capsys.readouterr().err.splitlines() == [
        "sagews: The configuration is wrong:",
        f"{file}:2: backend.prot is unknown; did you mean backend.port?",
        f"{file}:3: backend.port is -1; allowed: a whole number from 0 to 65535",
        "`sagews config reference` lists what is allowed.",
    ]


def test_pages_are_printed_whole(capsys: pytest.CaptureFixture[str]) -> None:
    assert output_of(capsys, "reference") == reference()
    assert output_of(capsys, "example") == example()
