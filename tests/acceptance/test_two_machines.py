"""A site on two machines: started, watched, cut in two, healed and stopped from the first one."""

from __future__ import annotations

import json
import os
import signal
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sagews.worker.protection import Protection
from tests.two_machines import TwoMachines, interpreter_is_open, two_machines, why_not
from tests.waiting import eventually_sync

pytestmark = [
    pytest.mark.skipif(bool(why_not()), reason=why_not()),
    pytest.mark.postgresql,
    pytest.mark.memcached,
    pytest.mark.haproxy,
    pytest.mark.timeout(600),
    pytest.mark.xdist_group("two machines"),
]

OWN = "nobody" if interpreter_is_open() else ""
"""The user of our own programs, where it can run this Python."""
SETTINGS = f"""
[backend]
hosts = ["localhost", "second"]
user = "{OWN}"
[worker]
hosts = ["localhost", "second"]
user = ""
port = 8700
environments.sage.enabled = false
confine = false  # a session is to see on which machine it is
unprotected = {[one.label for one in Protection]}
[logserver]
user = "{OWN}"
[memcached]
hosts = ["localhost", "second"]
user = "nobody"
[postgresql]
memory_megabytes = 64
[staticserver]
hosts = []
[loadbalancer]
hosts = ["localhost"]
"""
THERE = {"memcached:1", "worker:1", "backend:1"}


@pytest.fixture(scope="module")
def site() -> Iterator[TwoMachines]:
    """Two machines on which the site runs."""
    with two_machines(SETTINGS) as machines:
        said = machines.sagews("stop").stdout  # of what never ran
        assert "second: nothing was ever started there" in said
        found = instances(machines, status=1)["worker:1"]
        assert (found["state"], found["health"]) == ("unknown", "second has no configuration of the site yet.")
        machines.sagews("start")
        yield machines


def instances(site: TwoMachines, *arguments: str, status: int | None = 0) -> dict[str, dict[str, Any]]:
    told = json.loads(site.sagews("status", "--json", *arguments, status=status).stdout)
    return {one["instance"]: one for one in told["instances"]}


def is_green(site: TwoMachines) -> bool:
    return all(one["state"] == "up" for one in instances(site, status=None).values())


@pytest.fixture(scope="module")
def token(site: TwoMachines) -> str:
    site.sagews("users", "create", "ada", "--make-password")
    return site.sagews("users", "token", "ada").stdout.strip()


def evaluate(site: TwoMachines, token: str, code: str) -> str:
    """Through the load balancer of the first machine."""
    arguments = ("eval", "--environment", "python", "--url", "https://localhost:8443", "--token", token, code)
    authority = site.first.data / "certificates" / "authority.pem"
    return site.sagews(*arguments, SSL_CERT_FILE=str(authority)).stdout.strip()


def test_one_table_has_every_instance_of_both_machines(site: TwoMachines) -> None:
    found = instances(site)
    assert {name for name, one in found.items() if one["host"] == "second"} == THERE
    assert {one["state"] for one in found.values()} == {"up"}
    table = site.sagews("status").stdout
    assert all(name in table for name in found)
    there = set(site.second.pids())
    assert {found[name]["pid"] for name in THERE} <= there


def test_the_second_has_what_is_its_own_and_no_more(site: TwoMachines) -> None:
    folder = site.second.data / "certificates"
    key = (site.first.data / "certificates" / "authority" / "key.pem").read_text().splitlines()[1]
    texts = [path.read_text(errors="replace") for path in site.second.folder.rglob("*") if path.is_file()]
    assert texts
    assert not any(key in text for text in texts)
    assert {path.name for path in folder.iterdir()} == {
        "authority.pem",
        "admin.second.pem",
        "backend.second.pem",
        "memcached.second.pem",
        "worker.second.pem",
        "worker-token.admin",
        "worker-token.backend",
        "worker-token.worker",
        "database-backend.password",
    }
    assert (folder / "memcached.second.pem").owner() == "nobody"
    assert (folder / "backend.second.pem").owner() == (OWN or "root")
    for path in folder.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == (0o644 if path.name == "authority.pem" else 0o600), path


def test_the_second_knows_which_machine_it_is(site: TwoMachines) -> None:
    text = (site.second.data / "sagews.toml").read_text()
    assert 'host = "second"' in text
    assert set(instances(site, "--here")) == set(instances(site)) - THERE
    table = site.sagews("status", "--here", machine=site.second).stdout
    assert all(name in table for name in THERE)
    assert "postgresql" not in table
    for words in (("start",), ("certs", "renew")):
        refused = site.sagews(*words, machine=site.second, status=2)
        assert "run from localhost" in refused.stderr


def test_logs_are_on_the_machine_of_each(site: TwoMachines) -> None:
    names = {name.replace(":", ".") + ".log" for name in THERE}
    assert {path.name for path in (site.second.data / "log").iterdir()} == names | {"supervisord.log"}
    assert not names & {path.name for path in (site.first.data / "log").iterdir()}


def test_a_machine_with_another_version_is_left_alone(site: TwoMachines) -> None:
    before = {name: one["pid"] for name, one in instances(site).items()}
    program = site.second.folder / "program"
    python = program / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    text = site.file.read_text()
    site.file.write_text(text.replace("[hosts.second]", f'[hosts.second]\nprogram = "{program}"'))
    try:
        missing = site.sagews("start", status=1)
        assert f"There is no sagews on second in {program}" in missing.stderr
        python.write_text("#!/bin/sh\necho sagews 0.0.1\n")
        python.chmod(0o755)
        older = site.sagews("reload", "memcached", status=1)
        assert f"second has sagews 0.0.1 in {program}" in older.stderr
        assert "memcached:0 has been reloaded" in older.stdout
        assert "memcached:1" not in older.stdout
    finally:
        site.file.write_text(text)
    assert {name: one["pid"] for name, one in instances(site).items()} == before


def test_start_again_changes_nothing(site: TwoMachines) -> None:
    before = {name: one["pid"] for name, one in instances(site).items()}
    said = site.sagews("start").stdout
    assert "second: worker:1 runs already" in said
    assert {name: one["pid"] for name, one in instances(site).items()} == before


def test_reload_brings_new_certificates(site: TwoMachines) -> None:
    file = site.second.data / "certificates" / "backend.second.pem"
    before, pids = file.read_bytes(), {name: one["pid"] for name, one in instances(site).items()}
    site.sagews("certs", "renew")
    assert file.read_bytes() != before
    said = site.sagews("reload").stdout
    assert "second: backend:1 has been reloaded" in said
    assert {name: one["pid"] for name, one in instances(site).items()} == pids


def test_check_asks_both(site: TwoMachines) -> None:
    said = site.sagews("check", "--all", status=None).stdout
    assert "second answers over SSH, and its clock is right" in said
    assert "second: memcached:1" in said
    assert "second: worker:1 answers" in said


def test_log_files_of_both(site: TwoMachines) -> None:
    said = site.sagews("log", "--files", "--component", "memcached", "--component", "worker", "--lines", "3").stdout
    headings = [line.split()[1:4] for line in said.splitlines() if line.startswith("==> ")]
    assert headings == [
        ["memcached:0", "on", "localhost:"],
        ["worker:0", "on", "localhost:"],
        ["memcached:1", "on", "second:"],
        ["worker:1", "on", "second:"],
    ]


def test_the_second_does_the_work_of_the_first(site: TwoMachines, token: str) -> None:
    """One that is evaluated there says on which machine it is."""
    site.sagews("stop", "backend:0", "worker:0")
    try:
        where = evaluate(site, token, "import os; print(os.readlink('/proc/self/ns/net'))")
    finally:
        site.sagews("start", "backend:0", "worker:0")
    assert where == os.readlink(f"/proc/{site.second.pids()[0]}/ns/net")  # noqa: PTH115 - it is no path
    assert where != os.readlink("/proc/self/ns/net")  # noqa: PTH115 - it is no path


def test_cut_off_and_back(site: TwoMachines, token: str) -> None:
    before = {name: one["pid"] for name, one in instances(site).items()}
    processes = set(site.second.pids())
    site.unplug()
    try:
        began = time.monotonic()
        found = instances(site, status=1)
        took = time.monotonic() - began
        assert took < 60  # only that it does not hang; the real bound is the time-out of ssh
        assert {name for name, one in found.items() if one["state"] == "unknown"} == THERE
        assert {found[name]["health"] for name in THERE} == {found["worker:1"]["health"]}
        assert "second" in found["worker:1"]["health"]
        assert {one["state"] for name, one in found.items() if name not in THERE} == {"up"}
        refused = site.sagews("reload", "memcached", status=1)
        assert refused.stderr.count("The machine second") == 1
        assert "WRONG  The machine second" in site.sagews("check", status=1).stdout
        assert evaluate(site, token, "6*7") == "42"
        assert "memcached:0 has been reloaded" in refused.stdout
    finally:
        site.plug_in()
    eventually_sync(lambda: is_green(site), within_seconds=60)
    assert {name: one["pid"] for name, one in instances(site).items()} == before
    assert {pid for pid in site.second.pids() if pid in processes} >= {before[name] for name in THERE}


def test_supervisord_of_the_second_killed(site: TwoMachines) -> None:
    before = {name: one["pid"] for name, one in instances(site).items()}
    os.kill(int((site.second.data / "run" / "supervisord.pid").read_text()), signal.SIGKILL)
    site.sagews("start")
    assert {name: one["pid"] for name, one in instances(site).items()} == before
    os.kill(before["memcached:1"], signal.SIGKILL)
    eventually_sync(lambda: is_green(site), within_seconds=60)
    assert instances(site)["memcached:1"]["pid"] != before["memcached:1"]


def test_stop_one_and_all(site: TwoMachines) -> None:
    """The last one: it stops the site."""
    assert "second: backend:1 has stopped" in site.sagews("stop", "backend:1").stdout
    assert instances(site)["backend:1"]["state"] == "stopped"
    site.sagews("stop")
    assert {one["state"] for one in instances(site).values()} == {"stopped"}
    assert set(site.second.pids()) == {site.second.sshd.process.pid if site.second.sshd.process else 0}
    assert not Path(site.second.data / "run" / "supervisor.sock").exists()
    assert site.first.pids() == []
