"""Links that let whoever has them do something once: join, or set a new password.

Invariant: the secret is in the link's fragment, which browsers send to no server (RFC 3986, section 3.5): it gets into
no log and no Referer header.
"""

from __future__ import annotations

from sagews.component.addresses import site_addresses
from sagews.configuration import Configuration

JOIN = "/join"
RESET = "/reset"


def join_link(origin: str, secret: str) -> str:
    """Where somebody accepts an invitation.

    :param origin: of the site: ``https://sage.example``.
    """
    return f"{origin}{JOIN}#{secret}"


def reset_link(origin: str, secret: str) -> str:
    """Where somebody sets a new password."""
    return f"{origin}{RESET}#{secret}"


def mailed_origin(configuration: Configuration, origin: str) -> str:
    """The origin for links in mail: one that is configured, never one that whoever asks for the mail made up.

    :param origin: by which the request came, for a site that does not know its own.
    """
    return next(iter(site_addresses(configuration)), origin)
