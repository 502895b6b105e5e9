"""What another machine is given."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest

from sagews import __version__
from sagews.admin.delivery import failed_there, for_machine, receive, require_same_version
from sagews.configuration import Host, load
from sagews.errors import SetupError, UsageError
from sagews.hosts import Machine, Result

THERE = Machine("second", Host(ssh="second", program="/opt/sagews"), is_here=False, known_hosts=Path("known_hosts"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        'data_folder = "."\n',
        '# a comment\ndata_folder = \'/srv/sagews\' # here\nhost = "localhost"\n[site]\nname = "é"',
        '[site]\nprofile = "site"\n[hosts.second]\ndata_folder = "/elsewhere"\n',
        'site.profile = "site"\r\n"data_folder" = "x"\r\n[worker]\r\nhosts = [\r\n"second"]\r\n',
    ],
)
def test_a_configuration_says_whose_it_is(text: str) -> None:
    wanted = tomllib.loads(text) | {"host": "second", "data_folder": "."}
    assert tomllib.loads(for_machine(text, "second")) == wanted


def test_lines_stay_where_they_are_if_they_can() -> None:
    text = 'host = "localhost"\ndata_folder = "/srv"\n\n[site]\nname = "x"\n'
    assert for_machine(text, "second") == text.replace("localhost", "second").replace("/srv", ".")


@pytest.mark.parametrize("text", ['data_folder = """\n/srv"""\n', "data_folder = '''\nx'''\nhost = 'a'"])
def test_one_that_cannot_be_changed_is_refused(text: str) -> None:
    with pytest.raises(SetupError, match="cannot be made ready"):
        for_machine(text, "second")


def test_the_same_version_is_fine() -> None:
    require_same_version(THERE, Result(0, f"sagews {__version__}\n", ""))


def test_another_version_is_said() -> None:
    with pytest.raises(SetupError, match=rf"second has sagews 0.0.9 in /opt/sagews, this machine has {__version__}"):
        require_same_version(THERE, Result(0, "sagews 0.0.9\n", ""))


def test_a_main_machine_is_no_other_machine() -> None:
    with pytest.raises(SetupError, match="is that of a main machine"):
        require_same_version(THERE, Result(99, "", ""))


@pytest.mark.parametrize(
    "told",
    [
        Result(127, "", "env: '/opt/sagews/.venv/bin/python': No such file or directory"),
        Result(2, "", "sh: 1: cd: can't cd to /opt/sagews"),
        Result(1, "", "/usr/bin/python3: No module named sagews"),
    ],
)
def test_no_sagews_is_said(told: Result) -> None:
    with pytest.raises(SetupError, match=r"There is no sagews on second in /opt/sagews: .+") as raised:
        require_same_version(THERE, told)
    assert "`program` in [hosts.second]" in raised.value.what_to_do


def test_what_sagews_said_there_is_handed_on() -> None:
    assert failed_there(THERE, Result(1, "", "sagews: The disk is full.\n")).what == "second: The disk is full."
    assert failed_there(THERE, Result(1, "", "")).what == "second: it says nothing"


def configured(tmp_path: Path, host: str) -> Path:
    file = tmp_path / "sagews.toml"
    users = "".join(f'{name}.user = ""\n' for name in ("postgresql", "memcached", "logserver", "worker", "backend"))
    users += 'staticserver.user = ""\nloadbalancer.user = ""\n'
    file.write_text(f'host = "{host}"\ndata_folder = "."\nsite.profile = "site"\n{users}[hosts.second]\nssh = "second"')
    return file


def one(name: str, content: str, mode: int = 0o600) -> dict[str, object]:
    return {"name": name, "content": content, "mode": mode, "user": ""}


def test_what_comes_replaces_and_what_does_not_goes(tmp_path: Path) -> None:
    configuration = load(configured(tmp_path, "second"), {})
    folder = configuration.certificate_folder
    said: list[str] = []
    receive(configuration, json.dumps([one("admin.second.pem", "a"), one("authority.pem", "b", 0o644)]), said.append)
    before = (folder / "admin.second.pem").stat().st_ino
    (folder / "known_hosts").touch()
    receive(configuration, json.dumps([one("admin.second.pem", "a"), one("worker-token.admin", "c")]), said.append)
    assert {path.name for path in folder.iterdir()} == {"admin.second.pem", "worker-token.admin", "known_hosts"}
    assert (folder / "admin.second.pem").stat().st_ino == before
    assert (folder / "admin.second.pem").stat().st_mode & 0o777 == 0o600


def test_nothing_is_taken_outside_of_the_folder(tmp_path: Path) -> None:
    configuration = load(configured(tmp_path, "second"), {})
    with pytest.raises(UsageError):
        receive(configuration, json.dumps([one("../sagews.toml", "x")]), lambda sentence: None)


def test_the_main_machine_takes_nothing(tmp_path: Path) -> None:
    configuration = load(configured(tmp_path, "localhost"), {})
    with pytest.raises(UsageError, match="other machines"):
        receive(configuration, json.dumps([one("admin.localhost.pem", "x")]), lambda sentence: None)
    assert not configuration.certificate_folder.exists()
