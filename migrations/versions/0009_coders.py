"""Coders who have said that they are done: they alone see what others gave."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "finished",
        sa.Column("wave", sa.Text, primary_key=True),
        sa.Column("codeframe", sa.Text, primary_key=True),
        sa.Column("coder", sa.Text, primary_key=True),
        sa.ForeignKeyConstraint(["wave", "codeframe"], ["codeframe.wave", "codeframe.name"]),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("finished")
