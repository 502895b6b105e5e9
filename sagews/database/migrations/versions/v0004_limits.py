"""Account types limit how many files a workspace has."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the column; types that exist get the standard limit."""
    op.add_column("account_types", sa.Column("disk_files", sa.BigInteger(), nullable=False, server_default="200000"))


def downgrade() -> None:
    """Take it away."""
    op.drop_column("account_types", "disk_files")
