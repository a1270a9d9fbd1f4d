"""A mark of each wave's frame, which another takes the place of whenever a unit or a name of it changes.

By it a process knows again what it has made of the names, and need not read them. The store sets it by itself,
whoever writes: with a mark that somebody forgot to change a respondent would be warned of yesterday's names. It is
random and says neither when nor how often; nothing that a respondent does changes it.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

OCCASIONS = {
    "added": "INSERT",
    "removed": "DELETE",
    "renamed": "UPDATE OF wave, unit, name",
}

# A correction sets all particulars of an organisation anew, also those that stay as they are.
RENAMED = "(OLD.wave, OLD.unit, OLD.name) {} (NEW.wave, NEW.unit, NEW.name)"


def upgrade() -> None:
    op.add_column("wave", sa.Column("frame_mark", sa.LargeBinary))
    (_on_sqlite if _sqlite() else _on_postgres)()


def downgrade() -> None:
    for name in OCCASIONS:
        op.execute(f"DROP TRIGGER organisation_{name}" + ("" if _sqlite() else " ON organisation"))
    if not _sqlite():
        op.execute("DROP FUNCTION frame_marked()")
    op.drop_column("wave", "frame_mark")


def _sqlite() -> bool:
    return op.get_bind().dialect.name == "sqlite"


def _on_sqlite() -> None:
    mark = "UPDATE wave SET frame_mark = randomblob(16) WHERE name"
    op.execute(f"{mark} IN (SELECT wave FROM organisation)")
    for name, occasion in OCCASIONS.items():
        when = f"WHEN {RENAMED.format('IS NOT')}" if name == "renamed" else ""
        waves = {"added": "NEW.wave", "removed": "OLD.wave"}.get(name, "OLD.wave, NEW.wave")
        op.execute(
            f"CREATE TRIGGER organisation_{name} AFTER {occasion} ON organisation {when} "
            f"BEGIN {mark} IN ({waves}); END"
        )


def _on_postgres() -> None:
    mark = "UPDATE wave SET frame_mark = uuid_send(gen_random_uuid()) WHERE name"
    op.execute(f"{mark} IN (SELECT wave FROM organisation)")
    # Once in a transaction is enough, and 100,000 versions of one row would have to be gone through for each more.
    op.execute(
        f"""
        CREATE FUNCTION frame_marked() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE this text := concat_ws(' ', pg_current_xact_id(), OLD.wave, NEW.wave);
        BEGIN
            IF current_setting('surveyapp.frame_marked', true) IS DISTINCT FROM this THEN
                {mark} IN (OLD.wave, NEW.wave);
                PERFORM set_config('surveyapp.frame_marked', this, true);
            END IF;
            RETURN NULL;
        END $$
        """
    )
    for name, occasion in OCCASIONS.items():
        when = f"WHEN ({RENAMED.format('IS DISTINCT FROM')})" if name == "renamed" else ""
        op.execute(
            f"CREATE TRIGGER organisation_{name} AFTER {occasion} ON organisation FOR EACH ROW {when} "
            "EXECUTE FUNCTION frame_marked()"
        )
