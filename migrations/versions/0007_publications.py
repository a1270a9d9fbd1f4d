"""What was published of a wave's answers, so that no later release gives anybody away by a difference."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "publication",
        sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("derived", sa.Text, nullable=False),
        sa.Column("entries", sa.Text, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("publication")
