"""Fieldwork: letters, what became of an organisation, a wave's pause, texts, retention and sample."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

WAVE = ("sender", "letters", "retention", "sample_seed")


def upgrade() -> None:
    op.add_column("wave", sa.Column("paused_on", sa.Text))
    for name in WAVE:
        op.add_column("wave", sa.Column(name, sa.Text, nullable=False, server_default=""))
    op.add_column("organisation", sa.Column("sampled", sa.Integer, nullable=False, server_default=sa.text("1")))
    op.add_column("organisation", sa.Column("disposition", sa.Text, nullable=False, server_default=""))
    op.add_column("organisation", sa.Column("disposition_on", sa.Text))
    op.create_table(
        "letter",
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
        sa.Column("organisation", sa.LargeBinary, sa.ForeignKey("organisation.id"), nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("code", sa.LargeBinary),
        sa.Column("due_on", sa.Text, nullable=False),
        sa.Column("done_on", sa.Text),
        sa.Column("note", sa.Text, nullable=False, server_default=""),
        sa.UniqueConstraint("organisation", "kind", "due_on"),
        sa.CheckConstraint("kind IN ('invitation', 'reminder', 'code')", name="letter_kind"),
        sa.CheckConstraint("state IN ('due', 'trying', 'sent', 'failed', 'unknown')", name="letter_state"),
        sqlite_strict=True,
    )


def downgrade() -> None:
    op.drop_table("letter")
    for name in ("disposition_on", "disposition", "sampled"):
        op.drop_column("organisation", name)
    for name in (*reversed(WAVE), "paused_on"):
        op.drop_column("wave", name)
