"""Several nodes on one store: what scripts have asked within a minute, and answers found by their wave."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

ANSWERS = ("response", "verbatim")
"""Released answers. The tray has none: an index would keep the order in which boxes came a second time."""


def upgrade() -> None:
    op.create_table(
        "asking",
        sa.Column("who", sa.LargeBinary, primary_key=True),
        sa.Column("minute", sa.Integer, nullable=False),
        sa.Column("asked", sa.Integer, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    for table in ANSWERS:
        op.create_index(f"{table}_of_wave", table, ["wave", "id"])


def downgrade() -> None:
    for table in ANSWERS:
        op.drop_index(f"{table}_of_wave", table)
    op.drop_table("asking")
