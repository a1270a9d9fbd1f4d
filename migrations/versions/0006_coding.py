"""Coding: codeframes, what coders gave open answers, what was decided, quotations. On the answers' side."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "codeframe",
        sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("document", sa.Text, nullable=False),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )
    _create("coding", sa.Column("coder", sa.Text, primary_key=True), *_answer(), *_words("codes", "again"))
    _create("settled", *_answer(), *_words("codes"))
    _create("quotation", *_answer(), *_words("theme", "words", "attribution"))


def _create(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("wave", sa.Text, primary_key=True),
        sa.Column("codeframe", sa.Text, primary_key=True),
        *columns,
        sa.ForeignKeyConstraint(["wave", "codeframe"], ["codeframe.wave", "codeframe.name"]),
        sqlite_strict=True,
        sqlite_with_rowid=False,
    )


def _answer() -> tuple[sa.Column[Any], ...]:
    return sa.Column("question", sa.Text, primary_key=True), sa.Column(
        "verbatim", sa.LargeBinary, primary_key=True
    )


def _words(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def downgrade() -> None:
    for name in ("quotation", "settled", "coding", "codeframe"):
        op.drop_table(name)
