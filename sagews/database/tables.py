"""The tables: what a site remembers.

Invariant: the migrations build exactly these (a test compares them, on SQLite and PostgreSQL), so a change
here needs a new file in ``migrations/versions``. Queries are in the stores beside this file, nowhere else.

Ids are text (UUIDs that the stores make, or names that the operator gives). Byte counts are 64 bits wide.
"""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    false,
    text,
)

from sagews.database.choices import Role, TokenKind, WorkerState, WorkspaceKind
from sagews.database.columns import AnyText, Choice, Moment

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

account_types = Table(
    "account_types",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("memory_bytes", BigInteger, nullable=False),
    Column("cpu_seconds", BigInteger, nullable=False),
    Column("wall_seconds", BigInteger, nullable=False),
    Column("idle_seconds", BigInteger, nullable=False),
    Column("processes", BigInteger, nullable=False),
    Column("open_files", BigInteger, nullable=False),
    Column("file_size_bytes", BigInteger, nullable=False),
    Column("disk_bytes", BigInteger, nullable=False),
    Column("output_bytes", BigInteger, nullable=False),
    Column("sessions", BigInteger, nullable=False),
    Column("workspaces", BigInteger, nullable=False),
    Column("may_publish", Boolean, nullable=False),
    Column("network", Boolean, nullable=False),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("name", AnyText, nullable=False),
    Column("account_type", AnyText, ForeignKey("account_types.id"), nullable=False),
    Column("disabled", Boolean, nullable=False, server_default=false()),
    Column("created", Moment, nullable=False),
)

identities = Table(
    "identities",
    metadata,
    Column("provider", AnyText, primary_key=True),
    Column("subject", AnyText, primary_key=True),
    Column("account", AnyText, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("password_hash", AnyText),
    Column("created", Moment, nullable=False),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("account", AnyText, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    Column("kind", Choice(TokenKind), nullable=False),
    Column("name", AnyText, nullable=False),
    Column("sha256", LargeBinary, nullable=False),
    Column("created", Moment, nullable=False),
    Column("expires", Moment),
    Column("last_used", Moment),
    Column("revoked", Moment),
    UniqueConstraint("sha256"),
)

preferences = Table(
    "preferences",
    metadata,
    Column("account", AnyText, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True),
    Column("key", AnyText, primary_key=True),
    Column("value", JSON, nullable=False),
)

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("name", AnyText, nullable=False),
    Column("owner", AnyText, ForeignKey("accounts.id"), nullable=False),
    Column("kind", Choice(WorkspaceKind), nullable=False),
    Column("created", Moment, nullable=False),
    Column("changed", Moment, nullable=False),
    Column("deleted_at", Moment),
    Column("epoch", BigInteger, nullable=False, server_default=text("0")),
    # No foreign key: a worker's row may be forgotten while workspaces still name it as their last.
    Column("worker", AnyText),
    CheckConstraint("epoch >= 0", name="epoch"),
    Index(
        "uq_workspaces_owner_name",
        "owner",
        "name",
        unique=True,
        sqlite_where=text("deleted_at IS NULL"),
        postgresql_where=text("deleted_at IS NULL"),
    ),
)

permissions = Table(
    "permissions",
    metadata,
    Column("workspace", AnyText, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("account", AnyText, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", Choice(Role), nullable=False),
)

documents = Table(
    "documents",
    metadata,
    Column("workspace", AnyText, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("id", AnyText, primary_key=True),
    # Not unique: one checkpoint may exchange the paths of two documents. The worker keeps paths distinct.
    Column("path", AnyText, nullable=False),
    Column("state", LargeBinary, nullable=False),
    Column("file_digest", AnyText),
    Column("epoch", BigInteger, nullable=False),
    Column("n", BigInteger, nullable=False),
)

journal = Table(
    "journal",
    metadata,
    Column("workspace", AnyText, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("epoch", BigInteger, primary_key=True, autoincrement=False),
    Column("n", BigInteger, primary_key=True, autoincrement=False),
    Column("document", AnyText, nullable=False),
    Column("path", AnyText, nullable=False),
    Column("update", LargeBinary, nullable=False),
    Column("actor", AnyText, nullable=False),
    Column("at", Moment, nullable=False),
)

workers = Table(
    "workers",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("address", AnyText, nullable=False),
    Column("state", Choice(WorkerState), nullable=False),
    Column("capacity", BigInteger, nullable=False),
    Column("load", Float, nullable=False),
    Column("version", AnyText, nullable=False),
    Column("heartbeat", Moment, nullable=False),
)

backends = Table(
    "backends",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("address", AnyText, nullable=False),
    Column("version", AnyText, nullable=False),
    Column("heartbeat", Moment, nullable=False),
)

activity = Table(
    "activity",
    metadata,
    # SQLite numbers rows by itself only in a column declared INTEGER.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("at", Moment, nullable=False),
    Column("account", AnyText, ForeignKey("accounts.id", ondelete="SET NULL"), index=True),
    # No foreign key: what was done in a workspace outlives it.
    Column("workspace", AnyText, index=True),
    Column("action", AnyText, nullable=False),
    Column("details", JSON, nullable=False),
)
