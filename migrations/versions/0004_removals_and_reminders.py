"""Which reminder a letter is; whether an organisation asked to be removed; the cells of a wave at its opening."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

COLUMNS = (("letter", "stage"), ("organisation", "removed"), ("wave", "opened_cells"))


def upgrade() -> None:
    for table, name in COLUMNS:
        op.add_column(table, sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.execute("UPDATE wave SET opened_cells = cells")


def downgrade() -> None:
    for table, name in reversed(COLUMNS):
        op.drop_column(table, name)
