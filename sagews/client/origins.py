"""The addresses of a site, of which any one will do, and which of them is used now."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sagews.errors import UsageError


class Origins:
    """At least one address; none is ever forgotten."""

    def __init__(self, addresses: str | Sequence[str]) -> None:
        """
        :param addresses: such as ``https://sage.example:8443``, the best first.
        :raises UsageError: there is none.
        """
        self._all: list[str] = []
        self.add([addresses] if isinstance(addresses, str) else addresses)
        if not self._all:
            raise UsageError("A site needs at least one address.")
        self._index = 0

    @property
    def current(self) -> str:
        """The one in use."""
        return self._all[self._index]

    def in_turn(self) -> tuple[str, ...]:
        """All of them, from the one in use on."""
        return tuple(self._all[self._index :] + self._all[: self._index])

    def add(self, addresses: Iterable[str]) -> None:
        """Learn more of them."""
        for address in addresses:
            plain = address.rstrip("/")
            if plain not in self._all:
                self._all.append(plain)

    def use(self, address: str) -> None:
        """Use this one, which answers."""
        self._index = self._all.index(address)

    def leave(self, address: str) -> None:
        """This one does not answer: use the next, unless another one is in use already."""
        if self.current == address:
            self._index = (self._index + 1) % len(self._all)
