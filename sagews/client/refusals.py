"""From `refused` messages back to the errors that they tell of."""

from __future__ import annotations

from sagews import errors
from sagews.messages.connection import Refused


def _classes(top: type[errors.SagewsError]) -> dict[str, type[errors.SagewsError]]:
    found = {top.code: top}
    for kind in top.__subclasses__():
        found.update(_classes(kind))
    return found


def error_of(refused: Refused) -> errors.SagewsError:
    """The error that the other side met."""
    kind = _classes(errors.SagewsError).get(refused.code, errors.SagewsError)
    return kind(refused.what, mend=refused.what_to_do)
