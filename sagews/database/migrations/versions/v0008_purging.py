"""Workspaces that are gone, people who were removed, limits of collaborators and of what is published."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Make the tables and columns; account types that exist get the standard limits."""
    op.create_table(
        "gone_workspaces",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("gone", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_gone_workspaces"),
    )
    op.create_table(
        "removals",
        sa.Column("workspace", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("removed", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["workspace"], ["workspaces.id"], name="fk_removals_workspace", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_removals_account", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("workspace", "account", name="pk_removals"),
    )
    op.create_index("ix_removals_account", "removals", ["account"])
    op.add_column("account_types", sa.Column("collaborators", sa.BigInteger(), nullable=False, server_default="100"))
    op.add_column(
        "account_types", sa.Column("published_bytes", sa.BigInteger(), nullable=False, server_default="1073741824")
    )


def downgrade() -> None:
    """Take them away."""
    for column in ("published_bytes", "collaborators"):
        op.drop_column("account_types", column)
    for table in ("removals", "gone_workspaces"):
        op.drop_table(table)
