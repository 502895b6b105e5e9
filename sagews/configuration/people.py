"""Settings of how people come by an account, and of what the site mails to them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sagews.configuration.declare import setting


@dataclass(frozen=True, kw_only=True)
class Accounts:
    """How people come by an account."""

    sign_up: Literal["closed", "invitation", "open"] = setting(
        "closed",
        "Who may make an account in the browser: nobody (`sagews users` and the administrator's page make them), who "
        "has an invitation, or everybody.",
    )
    invitation_days: float = setting(
        14.0, "How long an invitation is good, where its maker does not say less.", at_least=0.01, at_most=365
    )
    reset_hours: float = setting(
        24.0, "How long the address is good by which somebody sets a new password.", at_least=0.1, at_most=720
    )


@dataclass(frozen=True, kw_only=True)
class Mail:
    """How the site sends mail: addresses for new passwords, and invitations."""

    command: tuple[str, ...] = setting(
        (),
        'Program and arguments that send the message (RFC 5322) on their standard input, such as `["/usr/sbin/sendmail"'
        ', "-t", "-i"]`, as the user of the backends; empty = the site sends no mail, and shows its links instead.',
    )
    sender: str = setting(
        "",
        "Address that the site's mail comes from; empty = what the command puts there.",
        matches=r"([^\s<>@]+@[^\s<>@]+)?",
        allowed="an address such as sage@example.org, or empty",
    )
