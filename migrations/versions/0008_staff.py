"""The staff: accounts, what they may do, what they did, jobs, and papers that are not published yet."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

KEPT = "what staff did is never altered"


def upgrade() -> None:
    _accounts()
    _work()
    _papers()
    _protect_the_trail()


def _accounts() -> None:
    _create(
        "account",
        sa.Column("id", sa.LargeBinary, primary_key=True),
        sa.Column("email", sa.Text, nullable=False, unique=True),
        *_texts("name", "password"),
        sa.Column("second", sa.LargeBinary, nullable=False),
        sa.Column("second_step", sa.Integer, nullable=False),
        *_texts("recovery", "made_on"),
        sa.Column("disabled_on", sa.Text),
    )
    _create(
        "duty",
        _account(primary_key=True),
        sa.Column("survey", sa.Text, primary_key=True),
        sa.Column("role", sa.Text, primary_key=True),
    )
    _create(
        "staff_session",
        sa.Column("token", sa.LargeBinary, primary_key=True),
        _account(nullable=False),
        sa.Column("until", sa.Integer, nullable=False),
        sa.Column("second", sa.Integer, nullable=False),
    )
    _create(
        "link",
        sa.Column("token", sa.LargeBinary, primary_key=True),
        _account(nullable=False),
        *_texts("purpose"),
        sa.Column("until", sa.Integer, nullable=False),
    )
    _create(
        "attempt",
        sa.Column("who", sa.LargeBinary, primary_key=True),
        sa.Column("until", sa.Integer, nullable=False),
        sa.Column("failures", sa.Integer, nullable=False),
    )
    _create(
        "token",
        sa.Column("token", sa.LargeBinary, primary_key=True),
        _account(nullable=False),
        *_texts("survey", "role", "label", "made_on", "until"),
    )


def _work() -> None:
    op.create_table(
        "act",
        sa.Column("number", sa.Integer, primary_key=True, autoincrement=False),
        *_texts("at", "who", "survey", "what", "object", "said"),
        sa.Column("chain", sa.LargeBinary, nullable=False),
        sqlite_strict=True,
    )
    _create(
        "job",
        sa.Column("id", sa.LargeBinary, primary_key=True),
        *_texts("kind", "survey", "wave", "who", "settings", "state", "said", "file"),
        *(sa.Column(name, sa.Integer, nullable=False) for name in ("done", "total", "at", "lease", "tries")),
    )


def _papers() -> None:
    for name in ("manuscript", "table_plan"):
        _create(
            name,
            sa.Column("survey", sa.Text, primary_key=True),
            sa.Column("name", sa.Text, primary_key=True),
            *_texts("document", "who", "on"),
            sa.Column("revision", sa.Integer, nullable=False),
        )
    _create(
        "preparation",
        sa.Column("survey", sa.Text, primary_key=True),
        sa.Column("wave", sa.Text, primary_key=True),
        *_texts("settings", "who", "on", "frame_name"),
        sa.Column("frame", sa.LargeBinary, nullable=False),
        sa.Column("revision", sa.Integer, nullable=False),
    )
    _create(
        "sitting",
        sa.Column("key", sa.LargeBinary, primary_key=True),
        sa.Column("wave", sa.Text, sa.ForeignKey("wave.name"), nullable=False),
        sa.Column("box", sa.LargeBinary, nullable=False),
        *_texts("day"),
    )


def _protect_the_trail() -> None:
    if op.get_bind().dialect.name == "sqlite":
        for verb in ("UPDATE", "DELETE"):
            op.execute(
                f"CREATE TRIGGER act_{verb.lower()} BEFORE {verb} ON act BEGIN SELECT RAISE(ABORT, '{KEPT}'); END"
            )
        # INSERT OR REPLACE takes a line's place without asking the triggers above.
        op.execute(
            "CREATE TRIGGER act_insert BEFORE INSERT ON act WHEN NEW.number <= (SELECT max(number) FROM act) "
            f"BEGIN SELECT RAISE(ABORT, '{KEPT}'); END"
        )
        return
    op.execute(
        f"CREATE FUNCTION act_kept() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION '{KEPT}'; END $$"
    )
    op.execute(
        "CREATE TRIGGER act_kept BEFORE UPDATE OR DELETE OR TRUNCATE ON act "
        "FOR EACH STATEMENT EXECUTE FUNCTION act_kept()"
    )


def _create(name: str, *columns: sa.Column[Any]) -> None:
    op.create_table(name, *columns, sqlite_strict=True, sqlite_with_rowid=False)


def _account(**more: Any) -> sa.Column[Any]:
    return sa.Column("account", sa.LargeBinary, sa.ForeignKey("account.id"), **more)


def _texts(*names: str) -> list[sa.Column[Any]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def downgrade() -> None:
    for name in ("sitting", "preparation", "table_plan", "manuscript", "job", "act", "token", "attempt", "link"):
        op.drop_table(name)
    for name in ("staff_session", "duty", "account"):
        op.drop_table(name)
    if op.get_bind().dialect.name != "sqlite":
        op.execute("DROP FUNCTION act_kept()")
