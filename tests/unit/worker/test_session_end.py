"""Why a session ended, in words."""

from __future__ import annotations

import signal

import pytest

from sagews.messages.records import Limits
from sagews.messages.sizes import in_binary_units
from sagews.worker.session_end import reason_of

LIMITS = Limits(cpu_seconds=120, file_bytes=5 * 2**20)


@pytest.mark.parametrize(
    ("status", "busy", "reason", "code"),
    [
        (signal.SIGSEGV, True, "killed by SIGSEGV", "died"),
        (signal.SIGSEGV | 0x80, True, "killed by SIGSEGV", "died"),
        (signal.SIGXCPU, True, "cpu limit 120 s", "limit"),
        (signal.SIGXFSZ, True, "file size limit 5 MiB", "limit"),
        (40, False, "killed by signal 40", "died"),
        (3 << 8, True, "exited with status 3", "died"),
        (0, True, "ended by os._exit", "died"),
        (0, False, "ended by exit", "shutdown"),
    ],
)
def test_a_wait_status_in_words(status: int, busy: bool, reason: str, code: str) -> None:
    assert reason_of(status, LIMITS, was_busy=busy) == (reason, code)


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"),
        (1023, "1023 bytes"),
        (2**30, "1 GiB"),
        (3 * 2**29, "1.5 GiB"),
        (2**40, "1024 GiB"),
        (1536, "1.5 KiB"),
    ],
)
def test_sizes_in_words(size: int, words: str) -> None:
    assert in_binary_units(size) == words
