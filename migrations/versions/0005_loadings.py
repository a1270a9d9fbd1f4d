"""Fingerprints of the files of returns that were loaded into a wave, until it closes."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "loading",
        sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), primary_key=True),
        sa.Column("print", sa.LargeBinary, primary_key=True),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("loading")
