"""`backup`, `restore`, `retention …`, `db …` and `audit-anonymity`: an installation looked after."""

import json
import sys
from datetime import date
from pathlib import Path
from typing import Any

import click

from surveyapp.cli.shared import FILE, acting, complain, count, database, now, relative, today
from surveyapp.config import Home
from surveyapp.problems import Refused, SurveyError
from surveyapp.roles import TERMINAL
from surveyapp.storage.database import Database, connect


@click.command()
@click.option("--out", type=FILE, help="A new file; else backups/surveyapp-DAY.db in the installation.")
@click.pass_obj
def backup(home: Home, out: Path | None) -> None:
    """Copy the database as it is now, with its hash beside it. Keys are not in the copy."""
    from surveyapp import retaining
    from surveyapp.storage import backups

    path, db = out or backups.new_name(home.backups, today()), _existing(home)
    if out:
        with retaining.noted(home, out, today()) as note:
            digest = backups.back_up(db, path)
            note(digest)
    else:
        digest = backups.back_up(db, path)
    click.echo(f"{relative(path)}: {path.stat().st_size:,} bytes, sha256 {digest[:16]}")
    click.echo("It holds no key. Keep the folder keys/ elsewhere.")


@click.command()
@click.argument("file", type=FILE)
@click.pass_obj
def restore(home: Home, file: Path) -> None:
    """Put a backup into an installation that has no database yet. Its hash is checked first."""
    from surveyapp import campaigning
    from surveyapp.storage import backups

    backups.restore(file, home.make().store)
    db = database(home)
    missing = [] if (home.keys / "pepper").exists() else ["keys/pepper (drafts do not open without it)"]
    for name in campaigning.names(db):
        found = campaigning.status(db, name)
        click.echo(f"{name}: {found.received:,} received, {found.tray:,} in the tray, {found.released:,} released")
        if found.tray and found.wave.key_place == "server" and not home.wave_key(name).exists():
            missing.append(f"keys/{name}.key (the tray of {name} does not open without it)")
    for key in missing:
        complain(f"Put back from where you keep the keys: {key}")
    click.echo("Next: surveyapp retention run, for the backup may hold what has been erased since")


def _existing(home: Home) -> Database:
    """The database that is there; a new one is not worth a copy."""
    if not home.address and not home.database.exists():
        raise SurveyError(f"there is no database in {home.path}; name the installation with --home")
    return database(home)


@click.group()
def retention() -> None:
    """Say for how long things are kept after a wave's close, and erase what is over."""


_DAYS = click.IntRange(0, 3650)
_ISO_DAY = click.DateTime(["%Y-%m-%d"])
_ON_DAY = click.option("--today", "day", type=_ISO_DAY, metavar="YYYY-MM-DD", help="Else today.")


@retention.command("set")
@click.argument("wave")
@click.option("--drafts", type=_DAYS, metavar="DAYS", help="Access codes and unfinished drafts.")
@click.option("--letters", type=_DAYS, metavar="DAYS", help="Letters, in the store and in the outbox.")
@click.option("--contacts", type=_DAYS, metavar="DAYS", help="E-mail addresses and contact persons.")
@click.option("--key", type=_DAYS, metavar="DAYS", help="The private key on the server.")
@click.pass_obj
def retention_set(home: Home, /, wave: str, **days: int | None) -> None:
    """Set for how many days after the close a part of a wave is kept."""
    from surveyapp import retaining

    if not any(number is not None for number in days.values()):
        raise click.UsageError("give at least one of --drafts, --letters, --contacts, --key")
    db = database(home)
    with acting(db, "wave-keep", wave):
        after = retaining.change(db, wave, days)
    for part, what in retaining.PARTS.items():
        click.echo(f"{part:<9} {count(getattr(after, part), 'day')} after the close: {what}")


@retention.command("show")
@_ON_DAY
@click.pass_obj
def retention_show(home: Home, day: Any) -> None:
    """List what is kept of each wave and until when, and the backups."""
    from surveyapp import retaining
    from surveyapp.storage import backups

    on = day.date() if day else today()
    for found in retaining.kept(database(home)):
        closing = f"closed on {found.closed_on}" if found.closed_on else "not closed"
        click.echo(f"{found.wave}, {closing}")
        for part in found.parts:
            click.echo(f"  {part.name:<9} {_kept_until(part, on)}")
    for copy in backups.backups(home.backups):
        click.echo(f"{relative(copy.path)}  {'due to be erased' if copy.is_old(on) else 'kept'}")
    for other in retaining.copies(home):
        due = "due to be erased" if other.is_old(on) else "kept"
        click.echo(f"{other.path}  {due}{_WHERE[other.where]}")


_WHERE = {
    "there": "",
    "gone": "; it is not within reach",
    "altered": "; another file is in its place, or its writing was cut off",
}


def _kept_until(part: Any, on: date) -> str:
    if part.erased_on:
        return f"erased on {part.erased_on}"
    if part.waits or not part.due_on:
        return part.waits or f"{count(part.days, 'day')} after the close"
    return f"due since {part.due_on}" if part.is_due(on) else f"until {part.due_on}"


@retention.command("run")
@_ON_DAY
@click.option("--copies", "all_copies", is_flag=True, help="Erase old backups written elsewhere without asking.")
@click.pass_obj
def retention_run(home: Home, day: Any, all_copies: bool) -> None:
    """Erase what is due, and backups older than 14 days. Run it every day.

    Without --today the clock is believed for 60 days after the last run. Then nothing is erased until somebody has
    looked at the clock and given the day.
    """
    from surveyapp import retaining, rotating, staffing

    on = day.date() if day else today()
    store = database(home)
    if not day and (doubt := retaining.doubt(store, on)):
        right = f"if it is right, run: surveyapp retention run --today {on}"
        raise SurveyError(f"nothing was erased: {doubt}; if the clock is wrong, set it; {right}")
    erased = retaining.run(store, home, on)
    if on == today():
        staffing.record_daily(store, now(), TERMINAL, retaining.RUN, "", "", "")
    for name, parts in erased.waves.items():
        with acting(store, "due-erase", name, said=", ".join(parts)):
            pass
        for part, number in parts.items():
            click.echo(f"{name}: erased {number:,} of {retaining.PARTS[part]}")
    click.echo(f"{count(erased.backups, 'old backup')} erased")
    if keys := rotating.tidy(home, store, now()):
        click.echo(f"{count(keys, 'key')} left out that nothing needs any more")
    if erased.jobs:
        click.echo(f"{count(erased.jobs, 'old job')} erased, with what they made")
    for copy in retaining.copies(home):
        if copy.is_old(on):
            _old_copy(home, copy, all_copies)


def _old_copy(home: Home, copy: Any, all_copies: bool) -> None:
    """Erase a backup that lies elsewhere, if that is wanted; else say that it is still known."""
    from surveyapp import retaining

    what, ask = f"{copy.path}, a backup of {copy.made_on}", sys.stdin.isatty() and copy.where == "there"
    if copy.where == "there" and (all_copies or (ask and click.confirm(f"Erase {what}?"))):
        retaining.erase_copy(home, copy)
        click.echo(f"{copy.path}: erased")
        return
    complain(f"Still known: {what}{_WHERE[copy.where]}")
    by_hand = f"destroy it, then: surveyapp retention forget {copy.path}"
    complain("  to erase it: surveyapp retention run --copies" if copy.where == "there" else f"  {by_hand}")


@retention.command("forget")
@click.argument("file", type=FILE)
@click.pass_obj
def retention_forget(home: Home, file: Path) -> None:
    """Say that a backup that was written elsewhere has been destroyed, by hand."""
    from surveyapp import retaining

    retaining.strike_off(home, file)
    click.echo(f"{file}: no longer known")


@click.group()
def db() -> None:
    """Look after the database."""


@db.command()
@click.pass_obj
def upgrade(home: Home) -> None:
    """Bring the database to the newest schema. Stop the site on every machine before it."""
    store = connect(home.make().store, older=True)
    store.close()
    click.echo(f"{store.name if home.address else relative(home.database)} has the newest schema")


@db.command()
@click.argument("revision")
@click.option("--lose", is_flag=True, help="Go on although what the older programme has no place for is lost.")
@click.pass_obj
def downgrade(home: Home, revision: str, lose: bool) -> None:
    """Take the schema back to that of an older programme, such as 0009. Stop the site everywhere before it."""
    from surveyapp.storage import database as stores

    store = _existing(home)
    try:
        stores.downgrade(store, revision, lose)
    finally:
        store.close()
    click.echo(f"{store.name if home.address else relative(home.database)} has the schema {revision}")
    click.echo("Now install the surveyapp that it belongs to; this one would not start on it.")


@db.command("check")
@click.pass_obj
def db_check(home: Home) -> None:
    """See whether the books balance: nothing lost, nothing twice, the file sound. Exit 1 if they do not."""
    from surveyapp import bookkeeping

    if wrong := bookkeeping.imbalances(_existing(home)):
        raise Refused(wrong)
    click.echo("The books balance.")


@click.command("audit-anonymity")
@click.argument("wave")
@click.option("--log", "logs", type=FILE, multiple=True, help="A log of the proxy to look through; repeatable.")
@click.option("--json", "as_json", is_flag=True, help="The same for programmes, as JSON.")
@click.pass_context
def audit_anonymity(ctx: click.Context, wave: str, logs: tuple[Path, ...], as_json: bool) -> None:
    """Run the known attacks on the files of this installation; exit 1 if one tells more than was promised."""
    from surveyapp import auditing, collecting

    home: Home = ctx.obj
    store = database(home)
    outcomes = auditing.audit(home, store, wave, logs)
    promise = collecting.promise(collecting.questionnaire(store, wave)[0])
    store.close()
    if as_json:
        click.echo(json.dumps(auditing.as_json(wave, promise, outcomes), indent=1, ensure_ascii=False))
    else:
        click.echo(auditing.printed(wave, promise, outcomes))
    ctx.exit(1 if auditing.failed(outcomes) else 0)
