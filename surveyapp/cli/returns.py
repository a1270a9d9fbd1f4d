"""`responses …` and `tray …`: returns on paper taken in, and the sealed answers released."""

import json
import sys
from pathlib import Path

import click

from surveyapp.cli.shared import FILE, Progress, acting, complain, count, database, today
from surveyapp.config import Home, read_file
from surveyapp.keyring import KeyRing
from surveyapp.problems import SurveyError


@click.group()
def responses() -> None:
    """Take in answers that came on paper, by telephone or from old data."""


@responses.command("load")
@click.argument("wave")
@click.argument("file", type=FILE)
@click.option("--unit-column", default="", metavar="COL", help="Names the organisations, which are then done.")
@click.option("--partial", is_flag=True, help="Let in returns that lack required answers, and list those.")
@click.option("--again", is_flag=True, help="Load a file that holds the same returns as one before.")
@click.option("--json", "as_json", is_flag=True, help="The same for programmes, as JSON.")
@click.pass_obj
def responses_load(
    home: Home, wave: str, file: Path, unit_column: str, partial: bool, again: bool, as_json: bool
) -> None:
    """Put coded answers from CSV or XLSX into the tray: a row a return, a column a variable. All or none."""
    from surveyapp import returning

    content, db = read_file(file), database(home)
    with Progress() as progress, acting(db, "returns-put", wave):
        loaded = returning.load_returns(
            db,
            wave,
            file.name,
            content,
            today(),
            unit_column=unit_column,
            partial=partial,
            again=again,
            keys=lambda: KeyRing(home.keys / "returns").opening,
            progress=lambda done, of: progress("reading returns", done, of),
        )
    for note in [*loaded.notes, *loaded.gaps]:
        complain(f"  {note}")
    counts = {"returns": loaded.returns, "marked": loaded.marked, "partial": loaded.partial}
    if as_json:
        click.echo(json.dumps({"wave": wave} | counts, indent=1))
        return
    lacking = f", {loaded.partial:,} with required answers blank" if loaded.partial else ""
    click.echo(f"{count(loaded.returns, 'return')} in the tray of {wave}{lacking}")
    if unit_column:
        click.echo(f"{count(loaded.marked, 'organisation')} marked as done")
    elif not loaded.known_again:
        click.echo("Do not load this file twice: it is too short to be known again.")


@responses.command("enter")
@click.argument("wave")
@click.option("--port", default=8002, type=click.IntRange(1, 65535), show_default=True)
@click.pass_obj
def responses_enter(home: Home, wave: str, port: int) -> None:
    """Key in paper returns at a page on this machine, one after another; each goes into the sealed tray."""
    from surveyapp.web import keyroom

    def tell(address: str) -> None:
        click.echo(f"Key in returns of {wave}: {address}")
        click.echo("The address lets whoever has it come in: it is for you alone. Stop with Ctrl-C.")
        sys.stdout.flush()

    with acting(database(home), "sitting-begin", wave):
        keyroom.run(home, wave, port, today, tell)


@click.group()
def tray() -> None:
    """Open the tray of sealed answers."""


@tray.command("open")
@click.argument("wave")
@click.option("--key", "key_in", type=FILE, help="The key holder's file.")
@click.pass_obj
def tray_open(home: Home, wave: str, key_in: Path | None) -> None:
    """Release the answers that may leave the tray now."""
    from surveyapp import campaigning, privacy, reporting

    db = database(home)
    campaigning.status(db, wave)
    key_file = key_in or home.wave_key(wave)
    of_wave, key = privacy.read_key_file(read_file(key_file).decode(errors="replace"))
    if of_wave != wave:
        raise SurveyError(f"{key_file} is the key of {of_wave}, not of {wave}")
    with acting(db, "tray-open", wave):
        opened = reporting.open_tray(db, wave, key)
    click.echo(f"{count(opened.released, 'response')} released, {opened.waiting:,} stay in the tray")
