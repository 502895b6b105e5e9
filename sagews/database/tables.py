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
    ForeignKeyConstraint,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
    false,
    text,
)

from sagews.database.choices import BackendState, Role, TokenKind, WorkerState, WorkspaceKind
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
    Column("disk_files", BigInteger, nullable=False, server_default=text("200000")),
    Column("output_bytes", BigInteger, nullable=False),
    Column("sessions", BigInteger, nullable=False),
    Column("workspaces", BigInteger, nullable=False),
    Column("collaborators", BigInteger, nullable=False, server_default=text("100")),
    Column("published_bytes", BigInteger, nullable=False, server_default=text("1073741824")),
    Column("may_publish", Boolean, nullable=False),
    Column("network", Boolean, nullable=False, default=False),  # says nothing: docs/decisions/0027
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

# Of workspaces whose rows are deleted: workers remove folders for these only, never because they find no row.
gone_workspaces = Table(
    "gone_workspaces",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("gone", Moment, nullable=False),
)

permissions = Table(
    "permissions",
    metadata,
    Column("workspace", AnyText, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("account", AnyText, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("role", Choice(Role), nullable=False),
)

invitations = Table(
    "invitations",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("sha256", LargeBinary, nullable=False),
    # Neither workspace nor role: an invitation to the site only.
    Column("workspace", AnyText, ForeignKey("workspaces.id", ondelete="CASCADE"), index=True),
    Column("role", Choice(Role)),
    Column("address", AnyText, nullable=False),
    # NULL: the operator, at a terminal.
    Column("made_by", AnyText, ForeignKey("accounts.id", ondelete="CASCADE"), index=True),
    Column("created", Moment, nullable=False),
    Column("expires", Moment, nullable=False),
    # NULL: any number.
    Column("uses_left", BigInteger),
    UniqueConstraint("sha256"),
)

# When an account was last taken out of a workspace, or given a smaller role: older invitations do not undo it.
removals = Table(
    "removals",
    metadata,
    Column("workspace", AnyText, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("account", AnyText, ForeignKey("accounts.id", ondelete="CASCADE"), primary_key=True, index=True),
    Column("removed", Moment, nullable=False),
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

publications = Table(
    "publications",
    metadata,
    Column("id", AnyText, primary_key=True),
    Column("account", AnyText, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False, index=True),
    # NULL: the workspace is gone, what was published of it is not.
    Column("workspace", AnyText, ForeignKey("workspaces.id", ondelete="SET NULL"), index=True),
    # Of one worksheet; "" = all worksheets of the workspace.
    Column("path", AnyText, nullable=False),
    Column("title", AnyText, nullable=False),
    Column("words", AnyText, nullable=False),
    Column("listed", Boolean, nullable=False),
    Column("version", BigInteger, nullable=False),
    # Grows with every change of what is shown.
    Column("revision", BigInteger, nullable=False),
    Column("created", Moment, nullable=False),
    Column("changed", Moment, nullable=False),
    Column("withdrawn", Moment),
)

publication_versions = Table(
    "publication_versions",
    metadata,
    Column("publication", AnyText, ForeignKey("publications.id", ondelete="CASCADE"), primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("title", AnyText, nullable=False),
    Column("at", Moment, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
)

publication_pages = Table(
    "publication_pages",
    metadata,
    Column("publication", AnyText, primary_key=True),
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("name", AnyText, primary_key=True),
    # Of a worksheet's file: its path in the workspace. "" = a page.
    Column("source", AnyText, nullable=False),
    Column("content", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["publication", "version"],
        ["publication_versions.publication", "publication_versions.version"],
        ondelete="CASCADE",
    ),
)

bundles = Table(
    "bundles",
    metadata,
    Column("workspace", AnyText, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    # How many versions there are up to the bundle's last one: the order of the chain.
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("basis", AnyText, nullable=False),
    Column("head", AnyText, nullable=False),
    Column("size_bytes", BigInteger, nullable=False),
    Column("sha256", AnyText, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    Column("stored", Moment, nullable=False),
)

# The bytes of a bundle, in pieces, so that nobody needs to hold all of a large one in memory.
bundle_pieces = Table(
    "bundle_pieces",
    metadata,
    Column("workspace", AnyText, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("piece", BigInteger, primary_key=True, autoincrement=False),
    Column("data", LargeBinary, nullable=False),
    ForeignKeyConstraint(
        ["workspace", "number"],
        ["bundles.workspace", "bundles.number"],
        name="fk_bundle_pieces_bundle",
        ondelete="CASCADE",
    ),
)

version_names = Table(
    "version_names",
    metadata,
    Column("workspace", AnyText, ForeignKey("workspaces.id", ondelete="CASCADE"), primary_key=True),
    Column("version", AnyText, primary_key=True),
    Column("name", AnyText, nullable=False),
    Column("account", AnyText, nullable=False),
    Column("named", Moment, nullable=False),
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
    Column("state", Choice(BackendState), nullable=False, server_default=BackendState.READY.value),
    Column("capacity", BigInteger, nullable=False, server_default=text("0")),
    Column("load", Float, nullable=False, server_default=text("0")),
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

log = Table(
    "log",
    metadata,
    # In the order of arrival: what came after this one has a greater id.
    Column("id", BigInteger().with_variant(Integer, "sqlite"), primary_key=True),
    Column("process", AnyText, nullable=False),
    Column("n", BigInteger, nullable=False),
    Column("at", Moment, nullable=False, index=True),
    Column("component", AnyText, nullable=False),
    Column("instance", BigInteger, nullable=False),
    Column("host", AnyText, nullable=False),
    Column("level", BigInteger, nullable=False),
    Column("name", AnyText, nullable=False),
    Column("event", AnyText, nullable=False),
    # No foreign keys: what was logged outlives what it is about, and the log server sees no other table.
    Column("workspace", AnyText),
    Column("account", AnyText),
    Column("fields", JSON, nullable=False),
    Column("traceback", AnyText),
    Column("size_bytes", BigInteger, nullable=False),
    UniqueConstraint("process", "n"),
    Index("ix_log_workspace_at", "workspace", "at"),
)
