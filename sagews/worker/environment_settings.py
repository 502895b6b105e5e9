"""EnvironmentSettings: what one zygote is told of its environment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Kind = Literal["sage", "python", "bare"]


@dataclass(frozen=True)
class EnvironmentSettings:
    """One environment."""

    name: str
    kind: Kind = "bare"
    """`sage`: Sage's words, preparser and rich output; `python`: plain scientific Python; `bare`: only `preload`."""
    preload: tuple[str, ...] = ()
    """Modules to import, besides those of its kind."""
    python: str = ""
    """The Python that runs it; "" = ours."""
    spares: int = 2
    """Sessions to keep prepared: whoever asks for one need not wait for the fork."""
