"""`instrument …`: questionnaires checked, published, compared, walked through, printed and imported."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import click

from surveyapp.cli.shared import FILE, acting, complain, count, database, show_refusal, split_edition, today
from surveyapp.config import Home, read_file, write_aside
from surveyapp.problems import Refused, SurveyError


@click.group()
def instrument() -> None:
    """Check and publish questionnaires."""


@instrument.command()
@click.argument("files", nargs=-1, required=True, type=FILE)
def lint(files: tuple[Path, ...]) -> None:
    """Check questionnaires; name every problem with its place and remedy."""
    from surveyapp.instrument import read_instrument

    faulty = []
    for file in files:
        try:
            click.echo(f"{file}: {_described(read_instrument(read_file(file)))}")
        except Refused as refused:
            faulty.append(Refused(refused.problems, str(file)))
    for fault in faulty:
        show_refusal(fault)
    if faulty:
        raise SurveyError(f"{count(len(faulty), 'file')} of {len(files)} refused")


def _described(found: Any) -> str:
    return (
        f"{found.name}, {count(len(found.questions), 'question')}, {count(len(found.pages), 'page')}, no problem"
    )


@instrument.command()
@click.argument("file", type=FILE)
@click.pass_obj
def publish(home: Home, file: Path) -> None:
    """Publish a version. A published version never changes."""
    from surveyapp import publishing
    from surveyapp.instrument import read_instrument

    content, db = read_file(file), database(home)
    found = read_instrument(content)
    with acting(db, "version-publish", survey=found.survey, said=f"version: {found.version}"):
        published = publishing.publish(db, content, today())
    word = "published" if published.new else "was published before, with the same content"
    click.echo(f"{published.instrument.name} {word}; content {published.hash[:16]}")


@instrument.command()
@click.argument("old", type=FILE)
@click.argument("new", type=FILE)
@click.option("--json", "as_json", is_flag=True, help="The same for programmes, as JSON.")
def diff(old: Path, new: Path, as_json: bool) -> None:
    """Say what a new version does to each trend: same, comparable, with a note, or broken."""
    from surveyapp import publishing
    from surveyapp.instrument import comparing

    comparison = publishing.difference(read_file(old), read_file(new))
    if as_json:
        click.echo(json.dumps(comparing.as_json(comparison), indent=1, ensure_ascii=False))
    else:
        click.echo(comparing.describe(comparison))


@instrument.command("list")
@click.pass_obj
def list_(home: Home) -> None:
    """List the published versions, each verified against its content hash."""
    from surveyapp import publishing

    for version in publishing.versions(database(home)):
        name = f"{version.survey}@{version.version}"
        click.echo(f"{name:<24}{version.state:<11}{version.published_on}  content {version.hash[:16]}")


@instrument.command()
@click.argument("edition", metavar="SURVEY@VERSION")
@click.pass_obj
def retire(home: Home, edition: str) -> None:
    """Let no new wave begin with a version. What was fielded with it stays as it is."""
    from surveyapp import publishing

    survey, version = split_edition(edition)
    db = database(home)
    with acting(db, "version-retire", survey=survey, said=f"version: {version}"):
        publishing.retire(db, survey, version, today())
    click.echo(f"{edition} is retired")


def _facts(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """`region=North` and the like, each name once."""
    pairs = [fact.partition("=") for fact in given]
    for name, _, value in pairs:
        if not re.fullmatch("[a-z][a-z0-9_]{0,39}", name) or not value.strip() or not value.isprintable():
            raise click.BadParameter('write NAME=VALUE, such as region=North or name="Leeds DAT"')
    facts = {name: value.strip() for name, _, value in pairs}
    if len(facts) < len(pairs):
        raise click.BadParameter("give each fact once")
    return facts


@instrument.command()
@click.argument("source", metavar="FILE|SURVEY@VERSION")
@click.option("--port", default=8001, type=click.IntRange(1, 65535), show_default=True)
@click.option(
    "--fact",
    "facts",
    multiple=True,
    callback=_facts,
    metavar="NAME=VALUE",
    help="What texts show of the organisation, such as region=North; repeatable.",
)
@click.pass_obj
def preview(home: Home, source: str, port: int, facts: dict[str, str]) -> None:
    """Walk through a draft or a published version on the real pages. Nothing is kept.

    With --fact an invented organisation that has these facts is invited.
    """
    from surveyapp.web import preview as previewing

    def tell(ready: previewing.Ready, address: str) -> None:
        for name in ready.unseen:
            complain(f"Note: no text of {ready.instrument.name} can show the fact {name}")
        click.echo(f"Preview of {ready.instrument.name}: {address}")
        click.echo("Nothing that is entered is kept. Stop with Ctrl-C.")
        sys.stdout.flush()

    try:
        previewing.run(_source(home, source), facts, today(), port, tell)
    except Refused as refused:
        raise Refused(refused.problems, source) from None


def _source(home: Home, source: str) -> bytes:
    """The text of a questionnaire: a file's, or that of a version as it was published."""
    from surveyapp import publishing

    file = Path(source)
    if "@" not in source or file.suffix == ".json" or file.exists():
        return read_file(file)
    survey, version = split_edition(source)
    db = database(home)
    try:
        return publishing.document(db, survey, version)
    finally:
        db.close()


@instrument.command("blank")
@click.argument("file", type=FILE)
@click.option("--out", required=True, type=FILE, help="A name that ends in .html, .docx or .xlsx.")
def blank_(file: Path, out: Path) -> None:
    """Write a questionnaire to print and pass round, with its routing in words and its codes.

    An .xlsx file is the form to fill in away from the website, without answers.
    """
    from surveyapp.export.blank import blank
    from surveyapp.instrument import read_instrument

    try:
        found = read_instrument(read_file(file))
    except Refused as refused:
        raise Refused(refused.problems, str(file)) from None
    write_aside(out, blank(found, out.suffix))
    click.echo(f"{out}: {found.name}, {count(len(found.questions), 'question')}")


@instrument.command("import")
@click.argument("file", type=FILE)
@click.option("--out", required=True, type=FILE, help="A new file, whose name ends in .json.")
@click.option("--survey", default="", metavar="ID", help="Else the form's own id.")
@click.option("--version", default="", metavar="V", help="Else the form's own version.")
def import_(file: Path, out: Path, survey: str, version: str) -> None:
    """Make a questionnaire of an XLSForm (KoBo, ODK); list what is not carried over, with its cell."""
    from surveyapp.export.uploads import read_workbook
    from surveyapp.instrument import read_instrument
    from surveyapp.instrument.formatting import json_text
    from surveyapp.instrument.xlsform import SHEETS, import_xlsform

    if out.suffix != ".json":
        raise click.UsageError("--out is a name that ends in .json")
    if out.exists():
        raise SurveyError(f"{out} is there already; name a new file")
    uploaded = read_workbook(file.name, read_file(file), SHEETS)
    imported = import_xlsform(uploaded.sheets, survey, version)
    text = json_text(imported.document)
    write_aside(out, text.encode())
    click.echo(f"{out}: {_described(read_instrument(text))}")
    if notes := [*uploaded.notes, *imported.left_out]:
        complain(f"Not as it was in the form: {count(len(notes), 'thing')}")
        for note in notes:
            complain(f"  {note}")
