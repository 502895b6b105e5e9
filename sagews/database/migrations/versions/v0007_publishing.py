"""What is published: publications, their versions, and the pages of each."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Make the tables, each after those that it refers to."""
    op.create_table(
        "publications",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("account", sa.Text(), nullable=False),
        sa.Column("workspace", sa.Text(), nullable=True),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("words", sa.Text(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("changed", sa.DateTime(timezone=True), nullable=False),
        sa.Column("withdrawn", sa.DateTime(timezone=True), nullable=True),
        sa.ForeignKeyConstraint(["account"], ["accounts.id"], name="fk_publications_account", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(
            ["workspace"], ["workspaces.id"], name="fk_publications_workspace", ondelete="SET NULL"
        ),
        sa.PrimaryKeyConstraint("id", name="pk_publications"),
    )
    op.create_index("ix_publications_account", "publications", ["account"])
    op.create_index("ix_publications_workspace", "publications", ["workspace"])
    op.create_table(
        "publication_versions",
        sa.Column("publication", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size_bytes", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication"], ["publications.id"], name="fk_publication_versions_publication", ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("publication", "version", name="pk_publication_versions"),
    )
    op.create_table(
        "publication_pages",
        sa.Column("publication", sa.Text(), nullable=False),
        sa.Column("version", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["publication", "version"],
            ["publication_versions.publication", "publication_versions.version"],
            name="fk_publication_pages_publication_version",
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("publication", "version", "name", name="pk_publication_pages"),
    )


def downgrade() -> None:
    """Drop them, each before those that it refers to."""
    for table in ("publication_pages", "publication_versions", "publications"):
        op.drop_table(table)
