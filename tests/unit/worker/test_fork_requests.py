"""What is said to a zygote comes back as it was, and nothing else is taken for it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sagews.messages.records import Limits
from sagews.worker.fork_requests import NONCE_BYTES, Report, ReportKind, Request, RequestKind, UserStatus

NUMBERS = st.integers(0, 2**63 - 1)
LIMITS = st.builds(
    Limits, memory_bytes=NUMBERS, cpu_seconds=NUMBERS, processes=NUMBERS, open_files=NUMBERS, file_bytes=NUMBERS
)
REQUESTS = st.builds(
    Request, st.sampled_from(RequestKind), NUMBERS, st.binary(min_size=NONCE_BYTES, max_size=NONCE_BYTES), LIMITS
)
SECONDS = st.floats(0, 1e9)
REPORTS = st.builds(Report, st.sampled_from(ReportKind), NUMBERS, NUMBERS, st.integers(-1, 2**31), SECONDS, NUMBERS)


@given(REQUESTS)
def test_requests(request: Request) -> None:
    assert Request.unpack(request.pack()) == request


@given(REPORTS)
def test_reports(report: Report) -> None:
    assert Report.unpack(report.pack()) == report


@given(st.builds(UserStatus, st.integers(0, 2**16), SECONDS, NUMBERS))
def test_statuses(status: UserStatus) -> None:
    assert UserStatus.unpack(status.pack()) == status


@given(st.binary(max_size=100))
@pytest.mark.parametrize("kind", [Request, Report, UserStatus])
def test_anything_else_is_a_value_error(kind: type[Request | Report | UserStatus], data: bytes) -> None:
    try:
        kind.unpack(data)
    except ValueError:
        return
    assert len(data) == len(kind.unpack(data).pack())
