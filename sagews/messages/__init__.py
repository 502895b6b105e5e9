"""What is said between browser, backend, worker and session: types and framing.

Pure: no input or output, standard library only, because sessions import it under Sage's own
Python. `docs/protocol.md` tells who sends which message when.
"""

from sagews.messages import (
    commands,
    connection,
    files,
    folders,
    history,
    jupyter,
    logs,
    oversight,
    records,
    room,
    workspace,
)
from sagews.messages.frame import Frame, from_json, to_json
from sagews.messages.framing import Decoder, encode

__all__ = [
    "Decoder",
    "Frame",
    "commands",
    "connection",
    "encode",
    "files",
    "folders",
    "from_json",
    "history",
    "jupyter",
    "logs",
    "oversight",
    "records",
    "room",
    "to_json",
    "workspace",
]
