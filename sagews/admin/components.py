"""The class of each component of a site, imported when it is needed: each brings what it needs to ask its servers."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from sagews.component import Component

CLASSES: Mapping[str, tuple[str, str]] = {
    "postgresql": ("sagews.database.component", "PostgreSQL"),
    "memcached": ("sagews.database.memcached", "Memcached"),
    "logserver": ("sagews.logserver.component", "LogServerComponent"),
    "worker": ("sagews.worker.component", "WorkerComponent"),
    "backend": ("sagews.backend.component", "BackendComponent"),
    "staticserver": ("sagews.staticserver.component", "StaticServer"),
    "loadbalancer": ("sagews.loadbalancer.component", "LoadBalancer"),
}
"""Module and name of each, in the order in which people read them."""


def component_class(name: str) -> type[Component]:
    """The class of a component."""
    module, of = CLASSES[name]
    found: type[Component] = getattr(import_module(module), of)
    return found
