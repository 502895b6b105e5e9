"""What every test gets: a watch on the log, and a reason if this machine cannot run it."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable, Iterator

import hypothesis
import pytest

from tests.logwatch import Expectation, LogWatch
from tools.installation.servers import missing

# Marker: the Debian package that a test with it needs.
NEEDED_PACKAGE = {
    "postgresql": "postgresql",
    "browser": "chromium",
    "firefox": "firefox-esr",
    "haproxy": "haproxy",
    "nginx": "nginx-light",
    "memcached": "memcached",
}


def pytest_configure() -> None:
    """Have programs that tests start hear Ctrl-C, also where a shell started the tests in the background.

    How long an example takes is no promise of any test: machines are busy.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis.settings.register_profile("busy", deadline=None, suppress_health_check=[hypothesis.HealthCheck.too_slow])
    hypothesis.settings.load_profile("busy")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what this machine cannot run; but never where all has to run (``CI``): there it fails."""
    if os.environ.get("CI"):
        return
    absent = set(missing())
    for item in items:
        for marker, package in NEEDED_PACKAGE.items():
            if package in absent and item.get_closest_marker(marker) is not None:
                item.add_marker(pytest.mark.skip(reason=f"{package} is not installed"))


@pytest.fixture(autouse=True)
def log_watch() -> Iterator[LogWatch]:
    """Fail the test if a warning or an error is logged that it did not declare with ``expected_log``."""
    watch = LogWatch()
    root = logging.getLogger()
    root.addHandler(watch)
    try:
        yield watch
    finally:
        root.removeHandler(watch)
    complaint = watch.complaint()
    if complaint:
        pytest.fail(complaint, pytrace=False)


@pytest.fixture
def expected_log(log_watch: LogWatch) -> Callable[[str, str], Expectation]:
    """``expected_log("sagews.worker", "Session ended .*")``: such a line must come, and is no fault.

    The first word is the logger's name (loggers below it count too; an empty name is any
    logger), the second a regular expression that the message contains. What it returns
    counts the lines in ``seen``.
    """
    return log_watch.expect
