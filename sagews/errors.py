"""The whole tree of errors, in one place.

Every error that sagews raises on purpose is here, so that one table can turn it
into a wire code (``refused`` messages), an HTTP status, or a line on a terminal.

::

    SagewsError
    ├── UsageError                what a person typed or asked for is wrong
    │   └── ConfigurationError    a configuration file or variable is wrong
    ├── MessageError              bytes or JSON that are no message of ours
    │   └── TooLarge              more than a limit allows
    ├── NotAllowed                the actor may not do this
    │   └── NotSignedIn           nobody is signed in, or the token is wrong
    ├── NotFound                  no such account, workspace, file, session ...
    ├── Conflict                  it exists already, or somebody was faster
    │   └── Fenced                the epoch is over: another worker has the workspace
    ├── OverLimit                 a quota, a rate or a capacity is used up
    ├── Unavailable               a component does not answer (try again)
    │   ├── WorkerUnavailable
    │   ├── DatabaseUnavailable
    │   └── Disconnected          the client at the other end is gone
    ├── Damaged                   what is stored is not whole, or not as we make it
    ├── SessionEnded              the session is over; the message has the reason
    └── SetupError                this machine lacks something that sagews needs

Stdlib only: sessions import this under Sage's own Python.
"""

from __future__ import annotations

from typing import ClassVar


class SagewsError(Exception):
    """Something went wrong inside sagews."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    mend: ClassVar[str] = "Look into the log; if it happens again, report it."

    def __init__(self, what: str = "", *, mend: str = "") -> None:
        """
        :param what: one sentence that says what happened; default: the class's docstring.
        :param mend: one sentence that says what to do; default: the class's.
        """
        self.what = what or (type(self).__doc__ or "").strip().splitlines()[0]
        self.what_to_do = mend or self.mend
        super().__init__(f"{self.what} {self.what_to_do}".strip())


class UsageError(SagewsError):
    """What was asked for makes no sense."""

    code = "usage"
    status = 400
    mend = "Correct it and try again."


class ConfigurationError(UsageError):
    """The configuration has a mistake."""

    code = "configuration"
    mend = "`sagews config reference` lists what is allowed."


class MessageError(SagewsError):
    """This is no message of ours."""

    code = "bad_message"
    status = 400
    mend = "See docs/protocol.md for the form of messages."


class TooLarge(MessageError):
    """This is larger than allowed."""

    code = "too_large"
    status = 413
    mend = "Send less at once."


class NotAllowed(SagewsError):
    """You may not do this."""

    code = "not_allowed"
    status = 403
    mend = "Ask an owner of the workspace, or the site's operator."


class NotSignedIn(NotAllowed):
    """You are not signed in."""

    code = "not_signed_in"
    status = 401
    mend = "Sign in and try again."


class NotFound(SagewsError):
    """There is no such thing."""

    code = "not_found"
    status = 404
    mend = "It may have been renamed or deleted; look at the list."


class Conflict(SagewsError):
    """This is in the way of something that exists."""

    code = "conflict"
    status = 409
    mend = "Choose another name, or look at what is there first."


class Fenced(Conflict):
    """Another worker has this workspace now."""

    code = "fenced"
    mend = "Attach to the workspace again."


class OverLimit(SagewsError):
    """A limit is reached."""

    code = "over_limit"
    status = 429
    mend = "Wait a moment, or ask the site's operator for more."


class Unavailable(SagewsError):
    """A part of the site does not answer."""

    code = "unavailable"
    status = 503
    mend = "Try again in a moment; `sagews status` shows what is down."


class WorkerUnavailable(Unavailable):
    """No worker answers."""

    code = "worker_unavailable"


class DatabaseUnavailable(Unavailable):
    """The database does not answer."""

    code = "database_unavailable"


class Disconnected(Unavailable):
    """The client at the other end is gone."""

    code = "disconnected"
    mend = "Connect again."


class Damaged(SagewsError):
    """What is stored is damaged."""

    code = "damaged"
    mend = "Tell the site's operator; a backup may have it whole."


class SessionEnded(SagewsError):
    """The session has ended."""

    code = "session_ended"
    status = 410
    mend = "Start it again; cells and files are kept."


class SetupError(SagewsError):
    """This machine lacks something that sagews needs."""

    code = "setup"
    mend = 'See README.md, section "When it fails".'
