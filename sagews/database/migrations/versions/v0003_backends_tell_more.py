"""Backends tell their state, and how many connections they have and take."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns; backends that tell nothing yet are ready."""
    op.add_column("backends", sa.Column("state", sa.Text(), nullable=False, server_default="ready"))
    op.add_column("backends", sa.Column("capacity", sa.BigInteger(), nullable=False, server_default="0"))
    op.add_column("backends", sa.Column("load", sa.Float(), nullable=False, server_default="0"))


def downgrade() -> None:
    """Take them away."""
    for column in ("state", "capacity", "load"):
        op.drop_column("backends", column)
