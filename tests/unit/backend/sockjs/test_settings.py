"""The choices of a service."""

from __future__ import annotations

from typing import Any

import pytest

from sagews.backend.sockjs.settings import SockJSSettings
from sagews.errors import ConfigurationError


def test_defaults_are_those_of_the_protocol() -> None:
    settings = SockJSSettings()
    assert (settings.heartbeat_seconds, settings.disconnect_seconds) == (25, 5)
    assert settings.response_limit_bytes == 131_072


def test_trusts_no_other_origin_by_default() -> None:
    assert not SockJSSettings().allowed_origins("http://localhost")


@pytest.mark.parametrize(
    "wrong",
    [
        {"heartbeat_seconds": 0},
        {"disconnect_seconds": -1},
        {"response_limit_bytes": 0},
        {"maximum_message_bytes": 0},
        {"maximum_buffer_bytes": 0},
        {"maximum_sessions": 0},
        {"sockjs_url": "javascript:alert(1)"},
    ],
)
def test_refuses_what_cannot_work(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(wrong))):
        SockJSSettings(**wrong)
