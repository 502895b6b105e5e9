"""Commands on another machine, over a real sshd."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from sagews import hosts
from sagews.configuration import Host, load
from sagews.errors import SetupError, Unavailable
from sagews.hosts import Machine, machine
from tests.sshd import Sshd, new_key, why_not

pytestmark = pytest.mark.skipif(bool(why_not()), reason=why_not())
ODD = 'it\'s a "file" $HOME `id` \\ * ; & | é #1\t%h'
"""A name in which every character means something to a shell or to ssh."""


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


@pytest.fixture
def sshd(tmp_path: Path) -> Iterator[Sshd]:
    one = Sshd(tmp_path, "127.0.0.1", free_port())
    one.let_in(tmp_path / "key")
    one.start()
    yield one
    one.stop()


@pytest.fixture
def other(sshd: Sshd) -> Machine:
    """The machine behind it; its keys are remembered in a file with an odd name."""
    settings = Host(ssh="root@127.0.0.1", ssh_port=sshd.port, ssh_key=str(sshd.folder / "key"))
    return Machine("second", settings, is_here=False, known_hosts=sshd.folder / "known %h hosts")


class Sleeper:
    """A command that does not end, and its end."""

    def __init__(self, folder: Path) -> None:
        self._file = folder / "pids"

    def command(self, before: str = ":") -> list[str]:
        """
        :param before: what it does first; its parent is the sshd of its connection.
        """
        return ["sh", "-c", f"echo $$ $PPID > {self._file}; {before}; exec sleep 600"]

    def end(self) -> None:
        for pid in self._file.read_text().split():
            with contextlib.suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


@pytest.fixture
def sleeper(tmp_path: Path) -> Iterator[Sleeper]:
    one = Sleeper(tmp_path)
    yield one
    one.end()


def test_words_arrive_as_they_are(other: Machine) -> None:
    done = other.run(["printf", "%s\\n", ODD, "", "-n", "--", "a\nb"])
    assert done.output == f"{ODD}\n\n-n\n--\na\nb\n"
    assert (done.status, done.errors) == (0, "")


def test_what_is_given_and_what_comes_back(other: Machine) -> None:
    data = os.urandom(2**18).hex().encode()
    done = other.run(["sh", "-c", "cat; echo sorry >&2; exit 7"], given=data)
    assert done.output.encode() == data
    assert (done.status, done.errors, done.complaint) == (7, "sorry\n", "sorry")


def test_lines_are_said_as_they_come(other: Machine, tmp_path: Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if line == "one":
            fifo.write_text("two\n")  # what it prints next, which nobody would if "one" came at the end

    done = other.run(["sh", "-c", f"echo one; cat {fifo}"], say=say)
    assert said == ["one", "two"]
    assert done.output == "one\ntwo\n"


def test_a_file_is_replaced_whole(other: Machine, tmp_path: Path) -> None:
    file = tmp_path / ODD.replace("/", "") / ODD.replace("/", "")
    for content in (b"first", b"second \0 " * 100):
        other.write(file, content, mode=0o644)
        assert (file.read_bytes(), file.stat().st_mode & 0o777) == (content, 0o644)
    assert [path.name for path in file.parent.iterdir()] == [file.name]
    assert file.parent.stat().st_mode & 0o777 == 0o755  # the users of components find what is theirs below


def test_a_file_that_cannot_be_written(other: Machine, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match=r"cannot be written on second: .*File exists"):
        other.write(tmp_path / "file" / "below", b"", mode=0o600)


def test_a_command_that_takes_too_long(other: Machine, sleeper: Sleeper) -> None:
    with pytest.raises(Unavailable, match="did not finish 'sh' within 1 s"):
        other.run(sleeper.command(), within_seconds=1.0)


def test_nobody_listens(other: Machine, sshd: Sshd) -> None:
    sshd.stop()
    with pytest.raises(
        Unavailable, match=r"The machine second \(root@127.0.0.1\) does not answer: .*refused\."
    ) as raised:
        other.run(["true"])
    assert "\n" not in raised.value.what
    assert "[hosts.second]" in raised.value.what_to_do


def test_a_machine_that_takes_connections_and_says_nothing(
    other: Machine, sshd: Sshd, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "CONNECT_SECONDS", 1)
    assert sshd.process is not None
    sshd.process.send_signal(signal.SIGSTOP)
    with pytest.raises(Unavailable, match=r"does not answer: Connection timed out"):
        other.run(["true"])


def test_a_machine_that_falls_silent(other: Machine, sleeper: Sleeper, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosts, "SILENCE_SECONDS", 1)
    with pytest.raises(Unavailable, match="does not answer: the connection broke off"):
        other.run(sleeper.command("kill -STOP $PPID"))


def test_a_key_that_it_does_not_know(other: Machine, sshd: Sshd) -> None:
    new_key(sshd.folder / "stranger")
    stranger = dataclasses.replace(
        other, settings=dataclasses.replace(other.settings, ssh_key=str(sshd.folder / "stranger"))
    )
    with pytest.raises(Unavailable, match=r"does not let us in: .*Permission denied") as raised:
        stranger.run(["true"])
    assert "ssh_key" in raised.value.what_to_do


def test_another_host_key_than_before(other: Machine, sshd: Sshd) -> None:
    other.run(["true"])
    sshd.stop()
    sshd.new_host_key()
    sshd.start()
    with pytest.raises(Unavailable, match="shows another host key than before") as raised:
        other.run(["true"])
    assert f"line 1 of {other.known_hosts}" in raised.value.what_to_do
    other.known_hosts.unlink()
    assert other.run(["true"]).status == 0


def test_no_ssh_here(other: Machine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(SetupError, match="no program ssh here"):
        other.run(["true"])


def test_here_needs_no_ssh(tmp_path: Path) -> None:
    here = Machine("localhost", Host(), is_here=True, known_hosts=tmp_path / "none")
    done = here.run(["sh", "-c", "cat; exit 255"], given=ODD.encode())
    assert (done.status, done.output) == (255, ODD)


def test_the_main_machine_is_not_reached_from_the_others(tmp_path: Path) -> None:
    file = tmp_path / "sagews.toml"
    file.write_text('host = "second"\nhosts.second.ssh = "root@192.0.2.1"\nhosts.third.ssh = "root@192.0.2.2"')
    configuration = load(file, {})
    assert machine(configuration, "second").is_here
    with pytest.raises(Unavailable, match="no way from here to localhost"):
        machine(configuration, "localhost").run(["true"])
    main = load(file, {"SAGEWS_HOST": "localhost"})
    assert [machine(main, name).is_here for name in ("localhost", "second", "third")] == [True, False, False]


def test_the_command_line_of_sagews_there(other: Machine, tmp_path: Path) -> None:
    program = tmp_path / ODD.replace("/", "")
    python = program / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.write_text('#!/bin/sh\npwd; echo "$SAGEWS_HOST|$SAGEWS_DATA_FOLDER"; for one; do echo "$one"; done\n')
    python.chmod(0o755)
    settings = dataclasses.replace(other.settings, program=str(program), data_folder=f"{tmp_path}/{ODD}")
    there = dataclasses.replace(other, settings=settings)
    done = there.run(there.sagews("status", "--here", file=Path(ODD)))
    assert (done.status, done.errors) == (0, "")
    assert done.output == f"{program}\nsecond|{tmp_path}/{ODD}\n-m\nsagews\nstatus\n--here\n--config\n{ODD}\n"


def test_children_of_a_command_hold_nothing_up(tmp_path: Path) -> None:
    here = Machine("localhost", Host(), is_here=True, known_hosts=tmp_path / "none")
    done = here.run(["sh", "-c", "sleep 600 >/dev/null 2>&1 & echo $!"])
    subprocess.run(["kill", "-9", done.output.strip()], check=True)
