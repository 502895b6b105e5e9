"""Settings of the backend: the server that browsers and scripts talk to."""

from __future__ import annotations

from dataclasses import dataclass

from sagews.configuration.components import hosts_setting, user_setting
from sagews.configuration.declare import section, setting
from sagews.configuration.hosts import HERE


@dataclass(frozen=True, kw_only=True)
class SockJS:
    """The live connection of a page (SockJS protocol 0.3.3)."""

    heartbeat_seconds: float = setting(
        25.0, "How often an idle connection says that it lives, so that no proxy closes it.", at_least=0.1, at_most=3600
    )
    disconnect_seconds: float = setting(
        5.0,
        "How long a client without a receiving connection is kept before it counts as gone.",
        at_least=0.1,
        at_most=3600,
    )
    response_limit_bytes: int = setting(
        131072,
        "A streaming response ends after this much, so that browsers free their memory.",
        at_least=1024,
        at_most=2**30,
    )


@dataclass(frozen=True, kw_only=True)
class RateLimits:
    """How often one peer may do what is costly or worth guessing."""

    sign_in_attempts_per_minute: int = setting(
        10, "Failed attempts to sign in, for one account and for one address.", at_least=1, at_most=10**6
    )
    requests_per_minute: int = setting(
        6000, "Requests to the HTTP API, for one account or (signed out) one address.", at_least=1, at_most=10**9
    )
    messages_per_minute: int = setting(
        60_000,
        "Messages over live connections, for one account; who sends more is read more slowly.",
        at_least=60,
        at_most=10**9,
    )


@dataclass(frozen=True, kw_only=True)
class Backend:
    """The server that browsers and scripts talk to."""

    hosts: tuple[str, ...] = hosts_setting((HERE, HERE, HERE))
    user: str = user_setting("sagews-backend")
    address: str = setting(
        "127.0.0.1",
        "Address to listen on in the solo profile, where only loopback is allowed; in a site it is the machine's.",
        matches=r"[0-9A-Za-z.:-]{1,255}",
        allowed="an IP address or host name",
    )
    port: int = setting(
        8765,
        "TCP port to listen on; further instances on the same machine take the next ones. 0 = any free one, shown by "
        "`sagews status`.",
        at_least=0,
        at_most=65535,
    )
    maximum_message_bytes: int = setting(
        4 * 2**20, "Longest message that a client may send over its live connection.", at_least=2**16, at_most=2**30
    )
    maximum_upload_bytes: int = setting(
        100 * 2**20, "Largest file that may be uploaded.", at_least=2**16, at_most=2**40
    )
    maximum_connections: int = setting(5000, "Live connections at once; more are refused.", at_least=1, at_most=10**6)
    maximum_unauthenticated: int = setting(
        500,
        "Live connections at once that have not said who they are; one more takes the place of the oldest one of the "
        "address that has most.",
        at_least=1,
        at_most=10**6,
    )
    maximum_connections_per_account: int = setting(
        200, "Live connections of one account at once; more are refused.", at_least=1, at_most=10**6
    )
    maximum_transfers: int = setting(
        16, "Files that one account may read, write or change at once.", at_least=1, at_most=10**4
    )
    cookie_days: float = setting(30.0, "How long a sign-in lasts.", at_least=0.01, at_most=3650)
    keep_deleted_days: float = setting(
        7.0,
        "How long the database keeps a workspace that was deleted, unseen; then it goes for good. 0 = at once. "
        "Accounts that are deleted, and their workspaces, always go at once.",
        at_least=0,
        at_most=3650,
    )
    sockjs: SockJS = section(SockJS)
    rate_limits: RateLimits = section(RateLimits)
