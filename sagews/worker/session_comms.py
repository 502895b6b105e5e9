"""Channels of widgets: what ipywidgets and Sage's `@interact` speak through.

`install` puts our class behind the `comm` package's `create_comm` and `get_comm_manager`, the two places
where every widget library looks, so that none of them needs a Jupyter kernel. Without the package there
are no widgets.
"""

from __future__ import annotations

import importlib
from typing import Any

from sagews.messages import jupyter
from sagews.messages.frame import Message
from sagews.worker.session_display import as_json


class Comms:
    """The comms of one session."""

    def __init__(self, manager: Any = None) -> None:
        """:param manager: of the `comm` package, or None where it is not installed."""
        self._manager = manager

    def receive(self, content: Message) -> None:
        """Hand a message of the page to the widget it is for. One for an unknown comm is dropped, as Jupyter does."""
        if self._manager is None:
            return
        if isinstance(content, jupyter.CommOpen):
            self._manager.comm_open(None, None, _message(content, target_name=content.target_name))
        elif isinstance(content, jupyter.CommMsg):
            self._manager.comm_msg(None, None, _message(content))
        elif isinstance(content, jupyter.CommClose):
            self._manager.comm_close(None, None, _message(content))


def _message(content: Any, **more: Any) -> dict[str, Any]:
    """The dictionary that a Jupyter kernel would have got."""
    return {
        "content": {"comm_id": content.comm_id, "data": content.data, **more},
        "metadata": getattr(content, "metadata", {}),
        "buffers": [],
    }


def install(shell: Any) -> Comms:
    """Give `shell` comms, and the small `kernel` that widget libraries ask for."""
    try:
        package: Any = importlib.import_module("comm")
        base: Any = importlib.import_module("comm.base_comm")
    except ImportError:
        return Comms()
    manager = base.CommManager()
    package.create_comm = _comm_class(base.BaseComm, shell)
    package.get_comm_manager = lambda: manager
    shell.kernel = Kernel(shell, manager)
    return Comms(manager)


def _comm_class(base: Any, shell: Any) -> type:
    """A comm that speaks through the shell's channel."""

    class SessionComm(base):  # type: ignore[misc]
        """Sends through the session's channel."""

        def publish_msg(
            self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
        ) -> None:
            """As `BaseComm` asks for."""
            data, metadata = as_json(data or {}), as_json(metadata or {})
            if msg_type == "comm_open":
                shell.send(jupyter.CommOpen(self.comm_id, self.target_name, data, metadata))
            elif msg_type == "comm_msg":
                shell.send(jupyter.CommMsg(self.comm_id, data, metadata))
            elif msg_type == "comm_close":
                shell.send(jupyter.CommClose(self.comm_id, data))

    return SessionComm


class Kernel:
    """What widget libraries want to know of a kernel."""

    def __init__(self, shell: Any, manager: Any) -> None:
        self.shell = shell
        self.comm_manager = manager

    def get_parent(self) -> dict[str, Any]:
        """The request that is being answered; its id is the run's."""
        return {"header": {"msg_id": self.shell.channel.run if self.shell.channel else ""}}
