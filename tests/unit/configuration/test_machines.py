"""Which machine of a site is which."""

from __future__ import annotations

from pathlib import Path

import pytest

from sagews.configuration import load
from sagews.errors import ConfigurationError

SECOND = '[hosts.second]\nssh = "second"\n[worker]\nhosts = ["localhost", "second"]\nport = 8700\n'


def loaded(tmp_path: Path, text: str, **variables: str) -> str:
    """The machine that it is loaded on."""
    file = tmp_path / "sagews.toml"
    file.write_text('site.profile = "site"\n' + text)
    return load(file, variables).host


def test_every_machine_reads_the_same_configuration(tmp_path: Path) -> None:
    assert loaded(tmp_path, SECOND) == "localhost"
    assert loaded(tmp_path, SECOND, SAGEWS_HOST="second") == "second"


def test_a_machine_that_nothing_runs_on_needs_nothing(tmp_path: Path) -> None:
    assert loaded(tmp_path, "[hosts.second]\n") == "localhost"


def test_only_one_machine_is_reached_without_ssh(tmp_path: Path) -> None:
    for host in ("localhost", "third"):
        with pytest.raises(ConfigurationError, match=r"toml:3: hosts\.second\.ssh is empty.* used on localhost"):
            loaded(
                tmp_path, SECOND.replace('ssh = "second"', 'ssh = ""') + '[hosts.third]\nssh = "x"', SAGEWS_HOST=host
            )


def test_a_site_without_localhost(tmp_path: Path) -> None:
    parts = ("postgresql", "memcached", "logserver", "worker", "backend", "staticserver", "loadbalancer")
    hosts = "".join(f'[{part}]\nhosts = ["main"]\n' for part in parts)
    assert loaded(tmp_path, f'host = "main"\n[hosts.main]\naddress = "10.0.0.1"\n{hosts}') == "main"
    with pytest.raises(ConfigurationError, match=r"hosts\.main\.ssh is empty"):
        loaded(tmp_path, f"[hosts.main]\n{hosts}")
