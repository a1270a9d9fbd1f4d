"""Times in seconds get 64 bits on a server, where 32 would end them in January 2038. A file has had 64 all along.

Steps of thirty seconds and minutes since 1970 (`account.second_step`, `asking.minute`) fit for two thousand years.
"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

SECONDS = (
    *(("staff_session", "until"), ("link", "until"), ("attempt", "until")),
    *(("job", "at"), ("job", "lease")),
)

LAST = 2**31 - 1
"""The last second that an older programme can keep; what is later was to end then, and ends then."""


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, column in SECONDS:
        op.alter_column(table, column, type_=sa.BigInteger, existing_type=sa.Integer)


def downgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    for table, column in SECONDS:
        fitting = f"least({column}, {LAST})"
        op.alter_column(table, column, type_=sa.Integer, existing_type=sa.BigInteger, postgresql_using=fitting)
