"""Channels of widgets: what ipywidgets and Sage's `@interact` speak through.

`install` puts our class behind the `comm` package's `create_comm` and `get_comm_manager`, the two places
where every widget library looks, so that none of them needs a Jupyter kernel. Without the package there
are no widgets.
"""

from __future__ import annotations

import functools
import importlib
import sys
from typing import Any

from sagews.messages import jupyter
from sagews.messages.frame import Message
from sagews.messages.outputs import Output
from sagews.worker.session_capture import Capture
from sagews.worker.session_display import as_json


class Comms:
    """The comms of one session."""

    def __init__(self, shell: Any, manager: Any = None) -> None:
        """:param manager: of the `comm` package, or None where it is not installed."""
        self._shell = shell
        self._manager = manager

    def receive(self, content: Message) -> None:
        """Hand a message of the page to the widget it is for. One for an unknown comm is dropped, as Jupyter does."""
        if isinstance(content, jupyter.CommOpen):
            self._open(content)
        elif self._manager is None or content.comm_id not in self._manager.comms:  # type: ignore[attr-defined]
            return
        elif isinstance(content, jupyter.CommMsg):
            if content.data == jupyter.REQUEST_STATES:
                self._tell_states(content)
            else:
                self._manager.comm_msg(None, None, _message(content))
        elif isinstance(content, jupyter.CommClose):
            self._manager.comm_close(None, None, _message(content))

    def _tell_states(self, content: jupyter.CommMsg) -> None:
        """On a channel that a page has opened for it, and only once: whoever reads may ask."""
        assert self._manager is not None
        comm = self._manager.comms[content.comm_id]
        if comm.target_name == jupyter.WIDGETS_CONTROL:
            self._manager.comm_msg(None, None, _message(content))
            comm.close()

    def _open(self, content: jupyter.CommOpen) -> None:
        """Closed at once where nobody listens. A page opens channels of its own, it takes over no widget's."""
        if self._manager is None or content.target_name not in self._manager.targets:
            self._shell.send(jupyter.CommClose(content.comm_id))
        elif content.comm_id not in self._manager.comms:
            self._manager.comm_open(None, None, _message(content, target_name=content.target_name))


def _message(content: Any, **more: Any) -> dict[str, Any]:
    """The dictionary that a Jupyter kernel would have got."""
    return {
        "content": {"comm_id": content.comm_id, "data": content.data, **more},
        "metadata": getattr(content, "metadata", {}),
        "buffers": list(getattr(content, "buffers", ())),
    }


def install(shell: Any) -> Comms:
    """Give `shell` comms, and the small `kernel` that widget libraries ask for."""
    try:
        package: Any = importlib.import_module("comm")
        base: Any = importlib.import_module("comm.base_comm")
    except ImportError:
        return Comms(shell)
    manager = base.CommManager()
    shell.capture = Capture(functools.partial(_show_outputs, manager))
    package.create_comm = _comm_class(base.BaseComm, shell)
    package.get_comm_manager = lambda: manager
    shell.kernel = Kernel(shell, manager)
    loaded: Any = sys.modules.get("ipywidgets")
    if loaded is not None:
        # Imported before there was a shell (Sage does), it has told nobody which channels pages may open.
        loaded.register_comm_target()
    return Comms(shell, manager)


def _show_outputs(manager: Any, comm_id: str, outputs: list[Output]) -> None:
    """Tell an `Output` widget what it shows, as a front end would; it tells all pages (its "echo")."""
    comm = manager.comms.get(comm_id)
    if comm is not None and comm.hear is not None:
        update = {"method": "update", "state": {"outputs": outputs}, "buffer_paths": []}
        comm.hear(_message(jupyter.CommMsg(comm_id, update)))


def _comm_class(base: Any, shell: Any) -> type:
    """A comm that speaks through the shell's channel."""

    class SessionComm(base):  # type: ignore[misc]
        """Sends through the session's channel."""

        hear: Any = None
        """What hears the messages of pages: `handle_msg` also says that a cell ends, which shows unfinished figures."""

        def on_msg(self, callback: Any) -> None:
            """As `BaseComm` asks for."""
            self.hear = callback
            super().on_msg(callback)

        def publish_msg(
            self, msg_type: str, data: Any = None, metadata: Any = None, buffers: Any = None, **keys: Any
        ) -> None:
            """As `BaseComm` asks for."""
            data, metadata = as_json(data or {}), as_json(metadata or {})
            pieces = tuple(bytes(buffer) for buffer in buffers or ())
            if msg_type == "comm_open":
                shell.send(jupyter.CommOpen(self.comm_id, self.target_name, data, metadata, pieces))
            elif msg_type == "comm_msg":
                shell.send(jupyter.CommMsg(self.comm_id, data, metadata, pieces))
            elif msg_type == "comm_close":
                shell.send(jupyter.CommClose(self.comm_id, data))
            shell.capture.heard(msg_type, self.comm_id, data)

    return SessionComm


class Kernel:
    """What widget libraries want to know of a kernel."""

    def __init__(self, shell: Any, manager: Any) -> None:
        self.shell = shell
        self.comm_manager = manager

    def get_parent(self) -> dict[str, Any]:
        """The request that is being answered; its id is the run's. (An `Output` without one captures nothing.)"""
        return {"header": {"msg_id": (self.shell.channel.run if self.shell.channel else "") or "request"}}
