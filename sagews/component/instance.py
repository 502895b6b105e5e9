"""Instance: one process of a component on one machine, named ``backend:1``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sagews.configuration import Configuration
from sagews.errors import UsageError

ALL = "all"


@dataclass(frozen=True, order=True)
class Instance:
    """Number ``number`` (from 0) of a component, on the machine ``host`` of the configuration."""

    component: str
    number: int
    host: str

    def __str__(self) -> str:
        return f"{self.component}:{self.number}"

    @property
    def program(self) -> str:
        """Its name in files and for supervisord: ``backend.1``."""
        return f"{self.component}.{self.number}"


def instances(configuration: Configuration, component: str) -> tuple[Instance, ...]:
    """Every instance of a component, as the configuration has them; no PostgreSQL where an operator's is used."""
    if component == "postgresql" and configuration.database.url:
        return ()
    hosts: Sequence[str] = getattr(configuration, component).hosts
    return tuple(Instance(component, number, host) for number, host in enumerate(hosts))


def choose(configuration: Configuration, component: str, which: str = ALL) -> tuple[Instance, ...]:
    """The instances that ``which`` means: ``all``, ``1``, ``COMPONENT`` or ``COMPONENT:1``.

    :raises UsageError: there is none of that name.
    """
    every = instances(configuration, component)
    number = which.removeprefix(component).removeprefix(":")
    if number in ("", ALL):
        return every
    chosen = tuple(one for one in every if str(one.number) == number)
    if not chosen:
        raise UsageError(
            f"There is no {component}:{number}.",
            mend=f"The site has {', '.join(map(str, every)) or f'no {component}'} (see `{component}.hosts`).",
        )
    return chosen


def listening_place(configuration: Configuration, component: str, number: int) -> tuple[str, int]:
    """Address and port at which an instance of one of our own servers listens; port 0 = any free one.

    In the solo profile there is one, wherever its settings say; in a site, at the address of its machine.

    :raises UsageError: the site has no such instance.
    """
    if configuration.is_solo:
        section = getattr(configuration, component)
        return section.address, section.port
    (instance,) = choose(configuration, component, str(number))
    return configuration.hosts[instance.host].address, port_of(configuration, instance)


def port_of(configuration: Configuration, instance: Instance, setting: str = "port") -> int:
    """The configured port of an instance: the component's, counted on for further instances on the same machine.

    0 = any free port; the real one is in its status file.
    """
    base: int = getattr(getattr(configuration, instance.component), setting)
    if base == 0:
        return 0
    earlier = instances(configuration, instance.component)[: instance.number]
    return base + sum(1 for one in earlier if one.host == instance.host)
