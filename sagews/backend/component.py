"""How `sagews` runs backends."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import ClassVar

from sagews import __version__
from sagews.component import Component, Health, Instance
from sagews.component.asking import get_json
from sagews.component.reloading import NAMES


class BackendComponent(Component):
    """The backends of a site."""

    name: ClassVar[str] = "backend"
    needs: ClassVar[tuple[str, ...]] = ("postgresql", "memcached", "worker")
    reads: ClassVar[tuple[str, ...]] = (
        "site",
        "accounts",
        "mail",
        "database",
        "postgresql.hosts",
        "postgresql.port",
        "memcached",
        "worker.hosts",
        "worker.port",
        "logserver.hosts",
        "logserver.port",
        "logserver.spool_megabytes",
        "loadbalancer.hosts",
        "loadbalancer.port",
        *NAMES,
    )

    def command(self, instance: Instance) -> Sequence[str]:
        return (sys.executable, "-m", "sagews.backend", "--config", str(self.file), "--instance", str(instance.number))

    def answers(self, instance: Instance) -> Health:
        told = get_json(self.configuration, self.address(instance), self.port(instance), "/healthz")
        missing = sorted(name for name, well in told.get("parts", {}).items() if not well)
        detail = f"answers; it misses: {', '.join(missing)}" if missing else "answers"
        return Health(detail, version=str(told.get("version", __version__)))
