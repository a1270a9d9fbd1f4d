"""`coding …`: open answers given themes, coders compared, quotations cleared."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from surveyapp.cli.shared import FILE, about, acting, complain, count, database
from surveyapp.config import Home, read_file, write_aside
from surveyapp.problems import SurveyError
from surveyapp.storage.database import Database


@click.group("coding")
def coding_() -> None:
    """Give open answers themes, compare coders, settle differences, clear quotations."""


@coding_.command("codeframe")
@click.argument("wave")
@click.argument("file", type=FILE, required=False)
@click.pass_obj
def coding_codeframe(home: Home, wave: str, file: Path | None) -> None:
    """Put a codeframe on a wave, or a newer version of it; without FILE say how far each has come."""
    from surveyapp import coding

    db = database(home)
    if file is None:
        for one in coding.standings(db, wave):
            coders = ", ".join(one.coders) or "nobody"
            click.echo(f"{one.codeframe.name}: {count(one.answers, 'answer')}, coded by {coders}")
            done = f"{one.settled:,} settled, {one.disputed:,} in dispute, {one.uncoded:,} not coded"
            click.echo(f"  {done}, {count(one.quotations, 'quotation')} cleared")
        return
    content = read_file(file)
    with about(file), acting(db, "codeframe-load", wave):
        put = coding.put_codeframe(db, wave, content)
    word = "put on" if put.new else "is on it already:"
    click.echo(f"{put.codeframe.name} {word} {wave}; {count(len(put.codeframe.coded), 'theme')} to code with")
    if put.carried:
        click.echo(f"{count(put.carried, 'coding')} carried over, {put.again:,} to be looked at again")
    if put.lost:
        complain(f"{put.lost:,} decisions and quotations no longer fit and were taken out")
    if put.fresh:
        complain(f"No coder has looked for: {', '.join(put.fresh)}")


@coding_.command("sheet")
@click.argument("wave")
@click.argument("codeframe")
@click.option("--coder", required=True, metavar="LABEL", help="Whose sheet it is; need not be a name.")
@click.option("--out", required=True, type=FILE, help="A name that ends in .xlsx.")
@click.pass_obj
def coding_sheet(home: Home, wave: str, codeframe: str, coder: str, out: Path) -> None:
    """Write a coder's sheet: the answers in an order of its own, the themes as columns."""
    from surveyapp import coding

    write_aside(_workbook(out), coding.sheet(database(home), wave, codeframe, coder), private=True)
    click.echo(f"{out}: fill it in, then: surveyapp coding load {wave} {out}")


def _workbook(out: Path) -> Path:
    if out.suffix != ".xlsx":
        raise click.UsageError("name a file that ends in .xlsx")
    return out


@coding_.command("load")
@click.argument("wave")
@click.argument("file", type=FILE)
@click.pass_obj
def coding_load(home: Home, wave: str, file: Path) -> None:
    """Take in a coder's sheet, all of it or nothing; rows left blank are not coded."""
    from surveyapp import coding

    db, content = database(home), read_file(file)
    with about(file), acting(db, "coding-load", wave):
        loaded = coding.load(db, wave, file.name, content)
    coded = f"{count(loaded.given, 'answer')} coded by {loaded.coder}"
    click.echo(f"{loaded.codeframe}: {coded}, {loaded.blank:,} left blank")


@coding_.command("agreement")
@click.argument("wave")
@click.argument("codeframe")
@click.option("--json", "as_json", is_flag=True, help="The same for programmes, as JSON.")
@click.pass_obj
def coding_agreement(home: Home, wave: str, codeframe: str, as_json: bool) -> None:
    """Say how far coders agree: Cohen's kappa by theme, pooled, and as a mean."""
    from surveyapp import coding
    from surveyapp.analysis.themes.coding import as_json as agreement_json
    from surveyapp.analysis.themes.coding import describe

    pairs = coding.agreement(database(home), wave, codeframe)
    found = {"wave": wave, "codeframe": codeframe, "pairs": agreement_json(pairs)}
    click.echo(json.dumps(found, indent=1, ensure_ascii=False) if as_json else describe(pairs))


@coding_.command("settle")
@click.argument("wave")
@click.argument("codeframe")
@click.option("--out", type=FILE, help="Write the answers in dispute; a name that ends in .xlsx.")
@click.option("--load", "file", type=FILE, help="Take in the decisions.")
@click.pass_obj
def coding_settle(home: Home, wave: str, codeframe: str, out: Path | None, file: Path | None) -> None:
    """Write the answers on which coders differ, for a third person, and take in what was decided."""
    from surveyapp import coding

    if bool(out) == bool(file):
        raise click.UsageError("give either --out or --load")
    db = database(home)
    if out:
        write_aside(_workbook(out), coding.settling_sheet(db, wave, codeframe), private=True)
        click.echo(f"{out}: decide, then: surveyapp coding settle {wave} {codeframe} --load {out}")
    elif file:
        content = read_file(file)
        with about(file), acting(db, "settling-load", wave):
            loaded = coding.load_settling(db, wave, codeframe, file.name, content)
        click.echo(f"{loaded.codeframe}: {count(loaded.given, 'answer')} decided, {loaded.blank:,} left open")


@coding_.command("quotations")
@click.argument("wave")
@click.argument("codeframe")
@click.option("--sheet", type=FILE, help="Write the answers to choose from; a name that ends in .xlsx.")
@click.option("--load", "file", type=FILE, help="Clear those chosen, in place of all before.")
@click.option("--out", type=FILE, help="Write those cleared; a name that ends in .xlsx or .json.")
@click.option("--by-attribution", is_flag=True, help="Order by whom they are attributed to, not by theme.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def coding_quotations(
    home: Home,
    wave: str,
    codeframe: str,
    sheet: Path | None,
    file: Path | None,
    out: Path | None,
    by_attribution: bool,
    yes: bool,
) -> None:
    """Choose quotations, see them as they would be printed, clear them; without options print those cleared."""
    from surveyapp import coding, framing

    if sum(map(bool, (sheet, file, out))) > 1:
        raise click.UsageError("give one of --sheet, --load and --out")
    db = database(home)
    if sheet:
        content = coding.quoting_sheet(db, wave, codeframe, framing.names(db, wave))
        write_aside(_workbook(sheet), content, private=True)
        click.echo(f"{sheet}: choose, then: surveyapp coding quotations {wave} {codeframe} --load {sheet}")
    elif file:
        _clear_quotations(db, wave, codeframe, file, yes)
    elif out:
        write_aside(out, coding.quotations_file(db, wave, codeframe, out.suffix, by_attribution))
        click.echo(f"{count(len(coding.quotations(db, wave, codeframe)), 'quotation')} in {out}")
    else:
        _show_quotations(coding.quotations(db, wave, codeframe, by_attribution))


def _clear_quotations(db: Database, wave: str, codeframe: str, file: Path, yes: bool) -> None:
    """Show the quotations as they would be printed, ask, and clear them."""
    from surveyapp import coding, framing

    content, names = read_file(file), framing.names(db, wave)
    with about(file):
        found = coding.proposed(db, wave, codeframe, file.name, content, names)
    _show_quotations(found)
    if not yes and not click.confirm(f"Clear these {len(found)} for print, in place of all before?"):
        raise SurveyError("nothing was changed")
    with about(file), acting(db, "quotations-load", wave):
        coding.clear(db, wave, codeframe, file.name, content, names)
    click.echo(f"{count(len(found), 'quotation')} of {codeframe} cleared")


def _show_quotations(found: Sequence[Any]) -> None:
    for quotation in found:
        click.echo(f"{quotation.theme}\n  “{quotation.words}”\n  {quotation.attribution}\n")
