"""What a step of set-up is."""

from __future__ import annotations

from abc import ABC, abstractmethod

from tools.installation.console import Console
from tools.installation.layout import Layout
from tools.installation.stamps import Stamps


class Step(ABC):
    """Something that set-up makes, and knows when it need not."""

    def __init__(self, layout: Layout, stamps: Stamps) -> None:
        self.layout = layout
        self.stamps = stamps

    @property
    @abstractmethod
    def title(self) -> str:
        """What it does, as a person reads it: ``Installing ...``."""

    @abstractmethod
    def needed(self) -> bool:
        """Whether there is anything to do; answers at once."""

    @abstractmethod
    def do(self, console: Console) -> None:
        """Do it.

        :raises SetupError: with what is wrong and how it is mended.
        """
