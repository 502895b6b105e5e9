"""OutgoingPorts: the ports that the kernel gives to connections that go out of this machine.

One of them may be in use for a moment when a component wants to listen on it, and it does not start. Source: Linux,
Documentation/networking/ip-sysctl, `ip_local_port_range` and `ip_local_reserved_ports`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Self

SETTINGS = Path("/proc/sys/net/ipv4")
RESERVED = "ip_local_reserved_ports"


@dataclass(frozen=True)
class OutgoingPorts:
    """Those of one machine, as it is set now."""

    span: range
    reserved: frozenset[int]
    """Of the span, those that it leaves alone."""

    @classmethod
    def of_this_machine(cls, settings: Path = SETTINGS) -> Self:
        """:param settings: the kernel's; where they are not to be seen, no port is given away."""
        try:
            first, last = map(int, (settings / "ip_local_port_range").read_text().split())
            reserved = (settings / RESERVED).read_text()
        except FileNotFoundError:
            return cls(range(0), frozenset())
        return cls(range(first, last + 1), frozenset(chain.from_iterable(_ranges(reserved))))

    def among(self, ports: Iterable[int]) -> tuple[int, ...]:
        """Those of the ports that outgoing connections may take, in order."""
        return tuple(sorted({port for port in ports if port in self.span and port not in self.reserved}))

    def mend(self, ports: Iterable[int]) -> str:
        """The command by which the kernel leaves these alone, too, until the machine is booted."""
        return f"sysctl -w net.ipv4.{RESERVED}={written({*self.reserved, *ports})}"


def written(ports: Iterable[int]) -> str:
    """Ports as the kernel reads and writes them: ``8440-8442,8450``."""
    parts: list[range] = []
    for port in sorted(set(ports)):
        if parts and port == parts[-1].stop:
            parts[-1] = range(parts[-1].start, port + 1)
        else:
            parts.append(range(port, port + 1))
    return ",".join(str(part.start) if len(part) == 1 else f"{part.start}-{part.stop - 1}" for part in parts)


def _ranges(text: str) -> Iterator[range]:
    for part in text.strip().split(",") if text.strip() else ():
        first, _, last = part.partition("-")
        yield range(int(first), int(last or first) + 1)
