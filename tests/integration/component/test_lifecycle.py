"""Starting, watching and stopping of a real component under a real supervisord, and what happens when either dies."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest

from sagews.admin.site import WholeSite
from sagews.component import Component, Instance
from sagews.component.status import State
from sagews.errors import SetupError, Unavailable, UsageError
from tests.running_component import site_folder
from tests.waiting import eventually_sync

pytestmark = [pytest.mark.memcached, pytest.mark.timeout(240)]
ONE, OTHER = Instance("memcached", 0, "localhost"), Instance("memcached", 1, "localhost")
TWO = 'memcached.hosts = ["localhost", "localhost"]'


@contextmanager
def memcached_of(settings: str = TWO, name: str = "memcached") -> Iterator[Component]:
    """The component of a new site; at the end everything that runs of it is ended.

    :param name: of another one.
    """
    with site_folder(settings, **{name: "nobody"}) as configuration:
        component = WholeSite(configuration, configuration.data_folder / "sagews.toml").components[name]
        try:
            yield component
        finally:
            _end(supervisor_pid(component))
            for pid in processes(component):
                _end(pid)


@pytest.fixture
def memcached() -> Iterator[Component]:
    """With two instances, which do not run yet."""
    with memcached_of() as component:
        yield component


def pids(component: Component) -> list[int]:
    return [component.lock(one).pid for one in component.instances()]


def supervisor_pid(component: Component) -> int:
    """Of supervisord, by its own file: it need not answer."""
    try:
        return int((component.configuration.run_folder / "supervisord.pid").read_text())
    except FileNotFoundError:
        return 0


def processes(component: Component) -> list[int]:
    """Everything that has the site's folder in its command line, but supervisord."""
    mark = str(component.configuration.data_folder).encode()
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
            if folder.name.isdigit() and mark in (folder / "cmdline").read_bytes():
                found.append(int(folder.name))
    return [pid for pid in found if pid != supervisor_pid(component)]


def memcacheds(component: Component) -> list[int]:
    """The processes that are a memcached, without those that wait beside one."""
    return sorted(
        pid for pid in processes(component) if Path(f"/proc/{pid}/exe").resolve().name.startswith("memcached")
    )


def kill(pid: int) -> None:
    """`kill -9`; returns when it is gone."""
    _end(pid)


def _end(pid: int) -> None:
    with suppress(ProcessLookupError):
        if pid:
            watched = os.pidfd_open(pid)
            os.kill(pid, signal.SIGKILL)
            eventually_sync(lambda: _is_over(watched), within_seconds=30)
            os.close(watched)


def _is_over(watched: int) -> bool:
    import select

    return bool(select.select([watched], [], [], 0)[0])


def answer(component: Component) -> bool:
    try:
        return all(component.answers(one).version for one in component.instances())
    except Unavailable:
        return False


class Said(list[str]):
    """What was said, without what is only progress."""

    def hear(self, sentence: str) -> None:
        if not sentence.endswith(" ..."):
            self.append(sentence)


def test_start_twice_is_one_copy(memcached: Component) -> None:
    said = Said()
    memcached.start(say=said.hear)
    first = pids(memcached)
    memcached.start(say=said.hear)
    assert pids(memcached) == first == memcacheds(memcached)
    assert [line.split(" (")[0] for line in said] == [
        "memcached:0 answers",
        "memcached:1 answers",
        "memcached:0 runs already",
        "memcached:1 runs already",
    ]
    assert [one.state for one in memcached.status()] == [State.UP, State.UP]


def test_start_one_of_them(memcached: Component) -> None:
    memcached.start("1")
    assert [one.state for one in memcached.status()] == [State.STOPPED, State.UP]
    with pytest.raises(UsageError, match="no memcached:7"):
        memcached.start("memcached:7")


def test_stop_twice_leaves_nothing(memcached: Component) -> None:
    memcached.start()
    said = Said()
    memcached.stop(say=said.hear)
    assert processes(memcached) == []
    memcached.stop(say=said.hear)
    assert said[:2] == ["memcached:0 has stopped", "memcached:1 has stopped"]
    assert said[2:] == ["memcached:0 was stopped already", "memcached:1 was stopped already"]
    assert [one.state for one in memcached.status()] == [State.STOPPED, State.STOPPED]
    memcached.supervision.shut_down()
    eventually_sync(lambda: not memcached.supervision.pid, within_seconds=30)
    memcached.stop()


def test_stop_of_what_never_ran(memcached: Component) -> None:
    said = Said()
    memcached.stop(say=said.hear)
    assert said == ["memcached:0 was stopped already", "memcached:1 was stopped already"]


def test_one_that_does_not_end_is_killed(memcached: Component) -> None:
    memcached.start()
    os.kill(pids(memcached)[0], signal.SIGSTOP)  # it cannot take a signal to end
    said = Said()
    memcached.stop(say=said.hear)
    assert said == ["memcached:0 did not stop within 5 s and was killed", "memcached:1 has stopped"]
    assert processes(memcached) == []


def test_one_that_hangs_is_silent(memcached: Component) -> None:
    memcached.start()
    os.kill(pids(memcached)[0], signal.SIGSTOP)
    status = memcached.status("0")[0]
    os.kill(pids(memcached)[0], signal.SIGCONT)
    assert (status.state, status.is_well, status.pid) == (State.SILENT, False, pids(memcached)[0])
    assert "does not answer" in status.health


def test_one_that_crashes_is_started_again(memcached: Component) -> None:
    memcached.start()
    first = pids(memcached)
    kill(first[0])
    eventually_sync(lambda: answer(memcached), within_seconds=60)
    assert pids(memcached)[0] != first[0]
    assert pids(memcached)[1] == first[1]
    assert memcacheds(memcached) == sorted(pids(memcached))


def test_supervisord_killed_and_started_again_makes_no_second_copy(memcached: Component) -> None:
    memcached.start()
    first, supervisor = pids(memcached), supervisor_pid(memcached)
    kill(supervisor)
    assert answer(memcached)
    assert memcached.supervision.pid == 0
    memcached.start()
    assert memcached.supervision.pid not in (0, supervisor)
    assert pids(memcached) == first
    assert memcacheds(memcached) == sorted(first)
    kill(first[0])
    eventually_sync(lambda: answer(memcached), within_seconds=60)
    assert pids(memcached)[0] not in (0, first[0])
    assert memcacheds(memcached) == sorted(pids(memcached))
    memcached.stop()
    assert processes(memcached) == []


def test_what_waited_for_a_dead_supervisord_starts_nothing(memcached: Component) -> None:
    memcached.start()
    first = pids(memcached)
    for _ in range(3):
        kill(supervisor_pid(memcached))
        memcached.start()
        eventually_sync(lambda: len(processes(memcached)) == 2 * len(first), within_seconds=60)  # one waits beside each
    memcached.stop()
    assert processes(memcached) == []


@pytest.mark.nginx
def test_what_a_killed_instance_left_behind_is_ended_for_the_next_one() -> None:
    """Also where it was not the present supervisord that had started it."""
    with memcached_of("", "staticserver") as nginx:
        nginx.start()
        kill(supervisor_pid(nginx))
        nginx.start()
        (one,) = nginx.instances()
        eventually_sync(lambda: any("waiting" in line for line in nginx.log(one).lines()), within_seconds=60)
        dead = nginx.lock(one).pid
        kill(dead)
        eventually_sync(lambda: nginx.lock(one).pid not in (0, dead), within_seconds=60)
        nginx.start()
        nginx.stop()
        assert not nginx.lock(one).is_held


def test_both_killed(memcached: Component) -> None:
    memcached.start()
    first = pids(memcached)
    kill(supervisor_pid(memcached))
    kill(first[1])
    assert [one.state for one in memcached.status()] == [State.UP, State.DOWN]
    memcached.start()
    assert pids(memcached)[0] == first[0]
    assert memcacheds(memcached) == sorted(pids(memcached))
    assert [one.state for one in memcached.status()] == [State.UP, State.UP]


def test_stop_without_supervisord(memcached: Component) -> None:
    memcached.start()
    kill(supervisor_pid(memcached))
    memcached.stop()
    assert processes(memcached) == []
    memcached.start("1")
    assert [one.state for one in memcached.status()] == [State.STOPPED, State.UP]


def test_stop_of_what_a_new_supervisord_waits_beside(memcached: Component) -> None:
    memcached.start()
    kill(supervisor_pid(memcached))
    memcached.start()
    memcached.stop("0")
    assert [one.state for one in memcached.status()] == [State.STOPPED, State.UP]
    memcached.start("0")
    assert [one.state for one in memcached.status()] == [State.UP, State.UP]
    assert memcacheds(memcached) == sorted(pids(memcached))


def test_a_port_that_is_taken() -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as taken,
        memcached_of(f"memcached.port = {taken.getsockname()[1]}") as component,
    ):
        with pytest.raises(SetupError, match="ended while it started") as raised:
            component.start()
        assert "Address already in use" in raised.value.what
        assert str(component.log(ONE).path) in raised.value.what
        assert processes(component) == []
        assert component.status()[0].state is State.STOPPED


def test_a_failure_shows_only_what_was_said_now(memcached: Component) -> None:
    memcached.start()
    memcached.stop()
    log = memcached.log(ONE).path
    log.write_text("something of yesterday\n")
    certificate = memcached.configuration.certificate_folder / "memcached.localhost.pem"
    certificate.write_text("no certificate")
    with pytest.raises(SetupError, match="Error loading the certificate") as raised:
        memcached.start("0")
    assert "yesterday" not in raised.value.what
    assert processes(memcached) == []


def test_two_starts_at_once(memcached: Component) -> None:
    command = [sys.executable, "-m", "sagews", "start", "memcached", "--config", str(memcached.file)]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for _ in range(2)]
    said = [one.communicate(timeout=120)[0] for one in started]
    assert [one.returncode for one in started] == [0, 0], said
    assert memcacheds(memcached) == sorted(pids(memcached))
    assert answer(memcached)


def test_restart_is_one_after_the_other(memcached: Component) -> None:
    memcached.start()
    first, said = pids(memcached), Said()
    memcached.restart(say=said.hear)
    assert [line.split(" (")[0] for line in said] == [
        "memcached:0 has stopped",
        "memcached:0 answers",
        "memcached:1 has stopped",
        "memcached:1 answers",
    ]
    assert not set(pids(memcached)) & set(first)


def test_no_pipe_of_supervisord_is_broken(memcached: Component) -> None:
    """It may watch one by mistake, and would be told of the error without a pause."""
    memcached.start()
    pipes = {str(one.readlink()) for one in Path(f"/proc/{supervisor_pid(memcached)}/fd").iterdir() if is_written(one)}
    assert len(pipes) == len(memcached.instances())
    assert pipes <= {str(one.readlink()) for pid in pids(memcached) for one in Path(f"/proc/{pid}/fd").iterdir()}


def is_written(descriptor: Path) -> bool:
    """Whether it is the end of a pipe that one writes into."""
    mode = descriptor.lstat().st_mode & 0o700
    return mode == 0o300 and str(descriptor.readlink()).startswith("pipe:")


def test_reload_keeps_the_process(memcached: Component) -> None:
    memcached.start("0")
    first, said = pids(memcached), Said()
    memcached.reload(say=said.hear)
    assert said == ["memcached:0 has been reloaded", "memcached:1 does not run"]
    assert pids(memcached) == first


def test_status_says_until_the_restart_that_there_are_new_settings(memcached: Component) -> None:
    memcached.start("0")
    chosen = memcached.configuration
    memcached.file.write_text(f"{memcached.file.read_text()}memcached.memory_megabytes = 65\n")
    larger = replace(chosen, memcached=replace(chosen.memcached, memory_megabytes=65))
    changed = WholeSite(larger, memcached.file).components["memcached"]
    (status,) = changed.status("0")
    assert status.is_well
    assert status.health.endswith("; has not taken new settings (sagews restart memcached:0)")
    changed.restart("0")
    (status,) = changed.status("0")
    assert "new settings" not in status.health


def test_ctrl_c_ends_a_start_at_once_and_what_was_started_goes_on(memcached: Component) -> None:
    memcached.start()
    os.kill(pids(memcached)[0], signal.SIGSTOP)  # so that the next start waits for it
    command = [sys.executable, "-m", "sagews", "start", "memcached", "--config", str(memcached.file)]
    started = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert started.stdout is not None
        supervision_asked = memcached.configuration.run_folder / "supervisord.conf"
        before = supervision_asked.stat().st_mtime_ns
        eventually_sync(lambda: supervision_asked.stat().st_mtime_ns != before, within_seconds=60)
        started.send_signal(signal.SIGINT)
        assert started.wait(timeout=3.0) == 130
    finally:
        started.kill()
        started.communicate()
        os.kill(pids(memcached)[0], signal.SIGCONT)
    assert answer(memcached)


def test_what_is_taken_out_of_the_configuration_is_ended(memcached: Component) -> None:
    memcached.start()
    first = pids(memcached)
    chosen = memcached.configuration
    fewer = replace(chosen, memcached=replace(chosen.memcached, hosts=("localhost",)))
    WholeSite(fewer, memcached.file).components["memcached"].start()
    assert memcacheds(memcached) == first[:1]
    assert [path.name for path in (chosen.run_folder / "wanted").iterdir()] == ["memcached.0"]


def test_an_instance_that_is_restarted_has_the_command_of_now(memcached: Component) -> None:
    """As after an upgrade: the one that is left alone keeps its own."""
    memcached.start()
    first, supervision = pids(memcached), memcached.supervision
    supervision.programs = [
        replace(one, command=("env", "SAGEWS_LOG_LEVEL=debug", *one.command)) for one in supervision.programs
    ]
    memcached.restart("1")
    assert pids(memcached)[0] == first[0]
    assert b"SAGEWS_LOG_LEVEL=debug" in Path(f"/proc/{pids(memcached)[1]}/environ").read_bytes().split(b"\0")
