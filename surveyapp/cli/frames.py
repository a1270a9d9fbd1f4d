"""`frame …`: the list of organisations checked, loaded and corrected; and how its file is read."""

import functools
import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from surveyapp.cli.shared import FILE, about, acting, complain, count, database
from surveyapp.config import Home, read_file
from surveyapp.problems import SurveyError


@click.group()
def frame() -> None:
    """Check, load and correct the list of organisations."""


def _named(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """`unit=Org ID` and the like, each field once."""
    pairs = [column.partition("=") for column in given]
    named = {name: heading.strip() for name, _, heading in pairs}
    names = [name for name, heading in named.items() if heading and re.fullmatch("[a-z][a-z0-9_]{0,39}", name)]
    if len(names) < len(named) or len(named) < len(pairs):
        raise click.BadParameter('write FIELD=HEADING, each field once, such as unit="Org ID"')
    return named


def reading_options(command: Any) -> Any:
    """The options for how a frame's file is read, gathered as `how`."""

    @functools.wraps(command)
    def gathered(
        *args: Any,
        sheet: str,
        columns: dict[str, str],
        left_out: tuple[str, ...],
        accepted: tuple[str, ...],
        **more: Any,
    ) -> Any:
        from surveyapp.framing import Reading

        return command(*args, how=Reading(sheet, columns, left_out, accepted), **more)

    for option in (
        click.option(
            "--new-value",
            "accepted",
            multiple=True,
            metavar="VALUE",
            help="A value of a stratum that looks like a slip and is none; repeatable.",
        ),
        click.option(
            "--leave-out", "left_out", multiple=True, metavar="HEADING", help="A column not to keep; repeatable."
        ),
        click.option(
            "--column",
            "columns",
            multiple=True,
            callback=_named,
            metavar="FIELD=HEADING",
            help='Which column is which, such as unit="Org ID"; repeatable.',
        ),
        click.option("--sheet", default="", metavar="NAME", help="Of a workbook; else the one with the headings."),
    ):
        gathered = option(gathered)
    return gathered


def listing_in(file: Path, how: Any) -> Any:
    """The frame in a file, with its notes told. Refusals bear the file's name."""
    from surveyapp import framing

    with about(file):
        listing = framing.read(file.name, read_file(file), how)
    _tell(listing.notes)
    return listing


def _tell(notes: Sequence[Any]) -> None:
    if notes:
        complain(f"Worth a look: {count(len(notes), 'thing')}")
        for note in notes:
            complain(f"  {note}")


@frame.command("check")
@click.argument("file", type=FILE)
@reading_options
@click.option("--json", "as_json", is_flag=True, help="The same for programmes, as JSON.")
def frame_check(file: Path, how: Any, as_json: bool) -> None:
    """Check a frame (CSV or .xlsx) and print how it was understood; name every problem with its cell or line."""
    from surveyapp.frames import as_json as listing_json
    from surveyapp.frames import describe

    listing = listing_in(file, how)
    click.echo(json.dumps(listing_json(listing), indent=1, ensure_ascii=False) if as_json else describe(listing))


@frame.command("load")
@click.argument("wave")
@click.argument("file", type=FILE)
@reading_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def frame_load(home: Home, wave: str, file: Path, how: Any, yes: bool) -> None:
    """Show what a newer list changes in a wave, ask, and load it: all of it or nothing."""
    from surveyapp import framing
    from surveyapp.frames import changes

    db, content = database(home), read_file(file)
    with about(file):
        plan = framing.preview(db, wave, file.name, content, how)
    _tell(plan.notes)
    for unit in plan.left:
        complain(f"{unit} asked for its contact to be erased: what the file says of it is left out")
    if not plan.difference:
        click.echo("nothing to change")
        return
    click.echo("\n".join(changes(plan.difference)))
    if not yes and not click.confirm(f"Change the frame of {wave} so?"):
        raise SurveyError("nothing was changed")
    with about(file), acting(db, "frame-replace", wave):
        loaded = framing.load(db, wave, file.name, content, how)
    click.echo(f"{wave}: {loaded.difference}")


@frame.command("remove")
@click.argument("wave")
@click.argument("unit")
@click.option("--yes", is_flag=True, help="Do not ask for the unit again.")
@click.pass_obj
def frame_remove(home: Home, wave: str, unit: str, yes: bool) -> None:
    """Erase a unit's contact, letters, access code and draft, for good. It stays counted as issued and refused."""
    from surveyapp import framing

    db = database(home)
    found = framing.find(db, wave, unit)
    if not yes:
        click.echo(f"{unit} {found.unit.name}: its contact, letters and, before it answers, code and draft go.")
        if click.prompt("Type the unit again", default="", show_default=False) != unit:
            raise SurveyError("that is not the unit; nothing was erased")
    with acting(db, "unit-remove", wave):
        found = framing.remove(db, wave, unit)
    if found.done:
        kept = "it has answered: that stays noted, and its answers cannot be told from the others"
        click.echo(f"{unit}: contact and letters are erased; {kept}")
    else:
        click.echo(f"{unit}: contact, letters, access code and draft are erased; it is not written to again")


@frame.command("contact")
@click.argument("wave")
@click.argument("unit")
@click.option("--name", metavar="TEXT", help="Whom letters are for.")
@click.option("--email", metavar="ADDRESS", help='Where they go; "" takes the address away.')
@click.pass_obj
def frame_contact(home: Home, wave: str, unit: str, name: str | None, email: str | None) -> None:
    """Replace whom a unit's letters are for, or their address. Its access code stays."""
    from surveyapp import framing

    if name is None and email is None:
        raise click.UsageError("give --name, --email or both")
    db = database(home)
    with acting(db, "unit-contact", wave):
        new = framing.change_contact(db, wave, unit, contact=name, email=email)
    click.echo(f"{unit}: {new.contact or '(no name)'}, {new.email or '(no address)'}")
