"""How results and displays of a shell become messages."""

from __future__ import annotations

import base64
import math
import platform
import re
import sys
from collections.abc import Callable
from typing import Any

from IPython.core import displayhook, displaypub
from IPython.core.error import TryNext

from sagews.messages import jupyter

_RESULT = re.compile(r"_\d+")
"""The names of results: ``_1``, ``_2`` ..."""

DEEPEST = 64
"""Levels of JSON that a message of a session has at most."""


class ResultHook(displayhook.DisplayHook):  # type: ignore[misc]
    """Sends the value of a cell's last expression."""

    _data: dict[str, Any] | None = None
    _metadata: dict[str, Any] | None = None

    def write_output_prompt(self) -> None:
        """The page writes it."""

    def write_format_data(self, format_dict: dict[str, Any], md_dict: dict[str, Any] | None = None) -> None:
        """Keep what is to be sent, until the hook has finished."""
        self._data, self._metadata = format_dict, md_dict or {}

    def start_displayhook(self) -> None:
        """Nothing is there yet."""
        self._data = None

    def cull_cache(self) -> None:
        """Forget the oldest results, also where IPython only notes which names it made itself."""
        super().cull_cache()
        hidden, kept = self.shell.user_ns_hidden, self.shell.user_ns
        for name in [name for name in hidden if _RESULT.fullmatch(name) and name not in kept]:
            del hidden[name]

    def finish_displayhook(self) -> None:
        """Send it."""
        if self._data:
            data, metadata = as_json(self._data), as_json(self._metadata)
            self.shell.send(jupyter.ExecuteResult(self.prompt_count, data, metadata))
        self._data = None


class DisplayPublisher(displaypub.DisplayPublisher):  # type: ignore[misc]
    """Sends what `display` and `clear_output` say."""

    def publish(
        self,
        data: dict[str, Any],
        metadata: dict[str, Any] | None = None,
        *,
        transient: dict[str, Any] | None = None,
        update: bool = False,
        **_: Any,
    ) -> None:
        """As IPython declares it."""
        kind = jupyter.UpdateDisplayData if update else jupyter.DisplayData
        self.shell.send(kind(as_json(data), as_json(metadata or {}), as_json(transient or {})))

    def clear_output(self, wait: bool = False) -> None:
        """As IPython declares it."""
        self.shell.send(jupyter.ClearOutput(wait))


def page(shell: Any) -> Callable[..., None]:
    """The hook that shows the long text of ``name?`` as a payload of the reply."""

    def show(_: Any, text: Any, start: int = 0, screen_lines: int = 0, pager_cmd: Any = None) -> None:
        if shell.channel is None:
            raise TryNext
        data = text if isinstance(text, dict) else {"text/plain": text}
        shell.payload_manager.write_payload({"source": "page", "start": start, "data": data}, single=False)

    return show


def as_json(value: Any, depth: int = DEEPEST) -> Any:
    """A JSON value that is like `value`: bytes as base64, numbers that JSON lacks as null, the rest as text."""
    if value is None or isinstance(value, (str, bool, int)):
        return _plain(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode("ascii")
    if depth == 0:
        return safe_text(value)
    if isinstance(value, dict):
        return {str(key): as_json(item, depth - 1) for key, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [as_json(item, depth - 1) for item in value]
    try:
        return int(value) if float(value).is_integer() else float(value)
    except Exception:  # noqa: BLE001
        # Any object of the user may be here, with any error in its conversion: its text will do.
        return safe_text(value)


def _plain(value: Any) -> Any:
    """Without the user's subclasses."""
    if isinstance(value, str):
        return str(value)
    if isinstance(value, bool) or value is None:
        return value
    return int(value)


def safe_text(value: object) -> str:
    """`str(value)`, where the value's class allows that."""
    try:
        return str(value)
    except Exception as error:  # noqa: BLE001 (the user's class may raise anything)
        return f"<unprintable {type(value).__name__}: {type(error).__name__}>"


def kernel_info(implementation: tuple[str, str]) -> jupyter.KernelInfoReply:
    """What runs here, in the words of the Jupyter message specification 5.4."""
    name, version = implementation
    language = {
        "name": "sage" if name == "sage" else "python",
        "version": version or platform.python_version(),
        "mimetype": "text/x-python",
        "file_extension": ".sage" if name == "sage" else ".py",
        "pygments_lexer": "ipython3",
        "codemirror_mode": {"name": "python", "version": 3},
        "nbconvert_exporter": "python",
    }
    banner = f"{name} {version}".strip() + f", Python {platform.python_version()} on {sys.platform}"
    return jupyter.KernelInfoReply("5.4", name, version or platform.python_version(), language, banner)
