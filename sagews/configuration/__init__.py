"""Settings of a site: declared once, read from one TOML file and the environment, documented from the declarations.

To add a setting, add one field to a section (`site.py`, `backend.py`, `worker.py`), then write the reference page and
the example file again: ``python -m sagews config reference > docs/configuration.md`` and
``python -m sagews config example > deploy/sagews.example.toml``.
"""

from __future__ import annotations

from sagews.configuration.backend import Backend, RateLimits, SockJS
from sagews.configuration.hosts import Host
from sagews.configuration.loading import Loaded, load, load_with_origins
from sagews.configuration.pages import example, reference
from sagews.configuration.people import Accounts, Mail
from sagews.configuration.site import Configuration, Database, Log, Site
from sagews.configuration.worker import Environment, Session, Worker

__all__ = [
    "Accounts",
    "Backend",
    "Configuration",
    "Database",
    "Environment",
    "Host",
    "Loaded",
    "Log",
    "Mail",
    "RateLimits",
    "Session",
    "Site",
    "SockJS",
    "Worker",
    "example",
    "load",
    "load_with_origins",
    "reference",
]
