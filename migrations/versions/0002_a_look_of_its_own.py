"""A wave's own name, contact and colour; "" is the site's own."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

COLUMNS = ("service", "contact", "colour")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("wave", sa.Column(name, sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    for name in reversed(COLUMNS):
        op.drop_column("wave", name)
