"""What a site remembers: accounts, workspaces, edits. PostgreSQL for a site, SQLite for solo, the same queries."""

from __future__ import annotations

from sagews.database.engine import create_engine as create_engine
from sagews.database.migration import migrate as migrate
from sagews.database.store import Store as Store
