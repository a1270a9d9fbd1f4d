"""Versions, waves, the people side and the answer side."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    _shared()
    _people()
    _answers()


def downgrade() -> None:
    for table in ("verbatim", "response", "tray", "draft", "invitation", "organisation", "wave", "version"):
        op.drop_table(table)


def _shared() -> None:
    op.create_table(
        "version",
        sa.Column("survey", sa.Text, primary_key=True),
        sa.Column("version", sa.Text, primary_key=True),
        sa.Column("hash", sa.Text, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("published_on", sa.Text, nullable=False),
        sa.Column("retired_on", sa.Text),
        sqlite_strict=True,
    )
    op.create_table(
        "wave",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("survey", sa.Text, nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("key_place", sa.Text, nullable=False),
        sa.Column("public_key", sa.LargeBinary, nullable=False),
        sa.Column("carry", sa.Text, nullable=False),
        sa.Column("cells", sa.Text, nullable=False),
        sa.Column("issued", sa.Integer, nullable=False),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("box_size", sa.Integer, nullable=False),
        sa.Column("opened_on", sa.Text, nullable=False),
        sa.Column("closes_on", sa.Text),
        sa.Column("closed_on", sa.Text),
        sa.ForeignKeyConstraint(["survey", "version"], ["version.survey", "version.version"]),
        sa.CheckConstraint("kind IN ('listed', 'open')", name="wave_kind"),
        sa.CheckConstraint("state IN ('open', 'closed')", name="wave_state"),
        sa.CheckConstraint("key_place IN ('server', 'holder')", name="wave_key_place"),
        sqlite_strict=True,
    )


def _people() -> None:
    op.create_table(
        "organisation",
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
        sa.Column("unit", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("email", sa.Text, nullable=False),
        sa.Column("contact", sa.Text, nullable=False),
        sa.Column("language", sa.Text, nullable=False),
        sa.Column("strata", sa.Text, nullable=False),
        sa.UniqueConstraint("wave", "unit"),
        sqlite_strict=True,
    )
    op.create_table(
        "invitation",
        sa.Column("code_hash", sa.LargeBinary, primary_key=True),
        sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
        sa.Column("organisation", sa.LargeBinary, sa.ForeignKey("organisation.id"), unique=True),
        sa.Column("salt", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("completed_on", sa.Text),
        sa.CheckConstraint("state IN ('open', 'done')", name="invitation_state"),
        sqlite_strict=True,
    )
    op.create_table(
        "draft",
        sa.Column("code_hash", sa.LargeBinary, sa.ForeignKey("invitation.code_hash"), primary_key=True),
        sa.Column("box", sa.LargeBinary, nullable=False),
        sa.Column("touched_on", sa.Text, nullable=False),
        sqlite_strict=True,
    )


def _answers() -> None:
    op.create_table(
        "tray",
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
        sa.Column("box", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "response",
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
        sa.Column("version", sa.Text, nullable=False),
        sa.Column("cell", sa.Text, nullable=False),
        sa.Column("answers", sa.Text, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    op.create_table(
        "verbatim",
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("cell", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
