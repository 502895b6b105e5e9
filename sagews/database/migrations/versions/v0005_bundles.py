"""Bundles: the files of workspaces, their versions, and what people call these."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "bundles",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("basis", sa.Text(), nullable=False),
        sa.Column("head", sa.Text(), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.Column("stored", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_bundles_workspace", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace", "number", name="pk_bundles"),
    )
    op.create_table(
        "bundle_pieces",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("piece", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace", "number"],
            ["bundles.workspace", "bundles.number"],
            name="fk_bundle_pieces_bundle",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("workspace", "number", "piece", name="pk_bundle_pieces"),
    )
    op.create_table(
        "version_names",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("named", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.id"], name="fk_version_names_workspace", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("workspace", "version", name="pk_version_names"),
    )
    if op.get_bind().dialect.name == "postgresql":
        # Packs are compressed already: trying again costs time and saves nothing.
        op.execute("ALTER TABLE bundle_pieces ALTER COLUMN data SET STORAGE EXTERNAL")


def downgrade() -> None:
    """Drop the tables."""
    for table in ("version_names", "bundle_pieces", "bundles"):
        op.drop_table(table)
