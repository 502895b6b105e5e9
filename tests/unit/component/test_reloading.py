"""Promise: a running program takes new certificates and the log level, and what is wrong with a file harms nothing."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from sagews.certificates import Role, identity_of, make_all, server_context
from sagews.component.reloading import Reloading
from sagews.configuration import load
from tests.logwatch import Expectation

Expect = Callable[[str, str], Expectation]
SITE = 'data_folder = "."\nsite.profile = "site"\n'


@pytest.fixture(autouse=True)
def level() -> Iterator[None]:
    """The root logger's is what it was, afterwards."""
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A site's configuration, beside its certificates."""
    users = "\n".join(f'{name}.user = ""' for name in ("backend", "worker", "logserver", "memcached", "postgresql"))
    made = tmp_path / "sagews.toml"
    made.write_text(f'{SITE}{users}\nloadbalancer.user = ""\nstaticserver.user = ""\n')
    make_all(load(made, {}))
    return made


def test_the_log_level_is_taken(file: Path) -> None:
    configuration = load(file, {})
    context = server_context(identity_of(configuration, Role.BACKEND))
    file.write_text(file.read_text() + 'log.level = "error"\n')
    Reloading(configuration, file, Role.BACKEND).take(context)
    assert logging.getLogger().level == logging.ERROR


def test_a_broken_file_changes_nothing_and_is_said(file: Path, expected_log: Expect) -> None:
    configuration = load(file, {})
    context = server_context(identity_of(configuration, Role.BACKEND))
    file.write_text(file.read_text() + 'log.level = "loud"\n')
    before = logging.getLogger().level
    expected_log("sagews.component.reloading", "Log level not read")
    Reloading(configuration, file, Role.BACKEND).take(context)
    assert logging.getLogger().level == before


def test_missing_certificates_are_said_and_the_level_is_taken_all_the_same(
    file: Path, expected_log: Callable[[str, str], Expectation]
) -> None:
    configuration = load(file, {})
    context = server_context(identity_of(configuration, Role.BACKEND))
    identity_of(configuration, Role.BACKEND).certificate.unlink()
    file.write_text(file.read_text() + 'log.level = "error"\n')
    expected_log("sagews.component.reloading", "Certificates not renewed")
    Reloading(configuration, file, Role.BACKEND).take(context)
    assert logging.getLogger().level == logging.ERROR
