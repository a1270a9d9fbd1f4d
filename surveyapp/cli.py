"""The command line: every verb of the house for scripts.

Exit 0 done, 1 refused with the reasons on standard error, 2 wrong usage.
"""

import functools
import json
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import click

from surveyapp import __version__, config
from surveyapp.config import Home, read_file, write_aside, write_once
from surveyapp.documents import nearest
from surveyapp.problems import NotFound, Refused, SurveyError
from surveyapp.storage.database import Database, connect

_FILE: Any = click.Path(path_type=Path)


class _Refusing(click.Group):
    """Turns the errors of the trade into messages and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Refused as refused:
            _list(refused)
        except SurveyError as error:
            _complain(str(error))
        return ctx.exit(1)


def _list(refused: Refused) -> None:
    _complain(f"{refused.subject or 'Refused'}: {_count(len(refused.problems), 'problem')}")
    for problem in refused.problems:
        _complain(f"  {problem}")


def _complain(line: str) -> None:
    click.echo("".join(c if c.isprintable() else "\ufffd" for c in line), err=True)


def _count(n: int, thing: str) -> str:
    return f"{n:,} {thing}{'' if n == 1 else 's'}"


@click.group(cls=_Refusing, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="surveyapp")
@click.option("--home", metavar="DIR", help="Where database, keys and outbox are (SURVEYAPP_HOME, ./instance).")
@click.pass_context
def main(ctx: click.Context, home: str | None) -> None:
    """Field a questionnaire in a whole sector, anonymously, and print its tables."""
    ctx.obj = config.home(home)


def _today() -> date:
    """The only clock of the command line; everything below is told the day."""
    return date.today()  # noqa: DTZ011 (the day where the office is)


def _database(home: Home) -> Database:
    return connect(home.make().store)


# ── demonstration ────────────────────────────────────────────────────────────


@main.command()
@click.option("--serve/--no-serve", default=True, help="Serve the site when it is built.")
@click.option("--port", default=8000, type=click.IntRange(1, 65535), show_default=True)
@click.option("--more", is_flag=True, help="Two more waves: the police in 2011, the same teams in 2013.")
@click.pass_obj
def demo(home: Home, serve: bool, port: int, more: bool) -> None:
    """Build a finished wave of reconstructed answers with its appendix, then serve the site."""
    from surveyapp import demonstration

    if home.path.exists() and not home.path.is_dir():
        raise SurveyError(f"{home.path} is not a folder; choose another with --home")
    home = Home(home.path)  # a demonstration is erased and made anew: it has a file of its own, never the server
    with _Progress() as progress:
        built = demonstration.build(home, _today(), progress, more)
    for workbook in (built.workbook, *built.others):
        click.echo(f"Workbook:  {_relative(workbook)}")
    click.echo(f"Figures:   surveyapp --home {_relative(home.path)} tables dat-2012 --out figures.json")
    if serve:
        click.echo(f"Look at:   http://127.0.0.1:{port}/")
        click.echo(f"Answer:    http://127.0.0.1:{port}/open/{built.open_wave}")
        click.echo("Stop with Ctrl-C.")
        _serve(home, port)


@main.command()
@click.option("--port", default=8000, type=click.IntRange(1, 65535), show_default=True)
@click.pass_obj
def serve(home: Home, port: int) -> None:
    """Serve the respondents' site on this machine."""
    _database(home).close()
    click.echo(f"http://127.0.0.1:{port}/   stop with Ctrl-C")
    _serve(home, port)


def _serve(home: Home, port: int) -> None:
    from surveyapp import web

    sys.stdout.flush()
    web.serve(home, port)


# ── publish ──────────────────────────────────────────────────────────────────


@main.group()
def instrument() -> None:
    """Check and publish questionnaires."""


@instrument.command()
@click.argument("files", nargs=-1, required=True, type=_FILE)
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
        _list(fault)
    if faulty:
        raise SurveyError(f"{_count(len(faulty), 'file')} of {len(files)} refused")


def _described(found: Any) -> str:
    return (
        f"{found.name}, {_count(len(found.questions), 'question')}, {_count(len(found.pages), 'page')}, no problem"
    )


@instrument.command()
@click.argument("file", type=_FILE)
@click.pass_obj
def publish(home: Home, file: Path) -> None:
    """Publish a version. A published version never changes."""
    from surveyapp import publishing

    published = publishing.publish(_database(home), read_file(file), _today())
    word = "published" if published.new else "was published before, with the same content"
    click.echo(f"{published.instrument.name} {word}; content {published.hash[:16]}")


@instrument.command()
@click.argument("old", type=_FILE)
@click.argument("new", type=_FILE)
@click.option("--json", "as_json", is_flag=True)
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

    for version in publishing.versions(_database(home)):
        name = f"{version.survey}@{version.version}"
        click.echo(f"{name:<24}{version.state:<11}{version.published_on}  content {version.hash[:16]}")


@instrument.command()
@click.argument("edition", metavar="SURVEY@VERSION")
@click.pass_obj
def retire(home: Home, edition: str) -> None:
    """Let no new wave begin with a version. What was fielded with it stays as it is."""
    from surveyapp import publishing

    survey, version = _edition(edition)
    publishing.retire(_database(home), survey, version, _today())
    click.echo(f"{edition} is retired")


def _edition(name: str) -> tuple[str, str]:
    survey, _, version = name.partition("@")
    if not version:
        raise click.UsageError("name a version as SURVEY@VERSION, such as dat@2012.1")
    return survey, version


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
            _complain(f"Note: no text of {ready.instrument.name} can show the fact {name}")
        click.echo(f"Preview of {ready.instrument.name}: {address}")
        click.echo("Nothing that is entered is kept. Stop with Ctrl-C.")
        sys.stdout.flush()

    try:
        previewing.run(_source(home, source), facts, _today(), port, tell)
    except Refused as refused:
        raise Refused(refused.problems, source) from None


def _source(home: Home, source: str) -> bytes:
    """The text of a questionnaire: a file's, or that of a version as it was published."""
    from surveyapp import publishing

    file = Path(source)
    if "@" not in source or file.suffix == ".json" or file.exists():
        return read_file(file)
    survey, version = _edition(source)
    db = _database(home)
    try:
        return publishing.document(db, survey, version)
    finally:
        db.close()


@instrument.command("blank")
@click.argument("file", type=_FILE)
@click.option("--out", required=True, type=_FILE, help="A name that ends in .html, .docx or .xlsx.")
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
    click.echo(f"{out}: {found.name}, {_count(len(found.questions), 'question')}")


@instrument.command("import")
@click.argument("file", type=_FILE)
@click.option("--out", required=True, type=_FILE, help="A new file, whose name ends in .json.")
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
        _complain(f"Not as it was in the form: {_count(len(notes), 'thing')}")
        for note in notes:
            _complain(f"  {note}")


# ── campaign ─────────────────────────────────────────────────────────────────


@main.group()
def wave() -> None:
    """Open, close and look at waves."""


def _with_settings(command: Any) -> Any:
    """The options for what the pages of a wave bear, and its last day."""
    for option in (
        click.option(
            "--closes",
            type=click.DateTime(["%Y-%m-%d"]),
            metavar="YYYY-MM-DD",
            help="The last day for answers.",
        ),
        click.option("--colour", metavar='"#RRGGBB"', help="Of header and buttons, under white words."),
        click.option("--contact", metavar="TEXT", help="Whom to ask: an e-mail address, a telephone, a sentence."),
        click.option("--service", metavar="TEXT", help="The name that the pages bear."),
    ):
        command = option(command)
    return command


def _named(_context: click.Context, _option: click.Parameter, given: tuple[str, ...]) -> dict[str, str]:
    """`unit=Org ID` and the like, each field once."""
    pairs = [column.partition("=") for column in given]
    named = {name: heading.strip() for name, _, heading in pairs}
    names = [name for name, heading in named.items() if heading and re.fullmatch("[a-z][a-z0-9_]{0,39}", name)]
    if len(names) < len(named) or len(named) < len(pairs):
        raise click.BadParameter('write FIELD=HEADING, each field once, such as unit="Org ID"')
    return named


def _reading_options(command: Any) -> Any:
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


def _each(_context: click.Context, _option: click.Parameter, given: str | None) -> tuple[str, int] | None:
    """`region=10`."""
    if given is None:
        return None
    found = re.fullmatch("([a-z][a-z0-9_]{0,39})=([1-9][0-9]{0,5})", given)
    if found is None:
        raise click.BadParameter("write STRATUM=NUMBER, such as region=10")
    return found[1], int(found[2])


def _with_sample(command: Any) -> Any:
    """The options for a sample, gathered as `sample`: what `sampling.Design` takes, and the seed; or None."""

    @functools.wraps(command)
    def gathered(*args: Any, each: Any, size: int | None, by: Any, seed: str | None, **more: Any) -> Any:
        if each and (size or by):
            raise click.UsageError("give either --sample or --sample-size with --sample-by")
        if not each and not size and (by or seed is not None):
            raise click.UsageError("--sample-by and --seed go with --sample-size or --sample")
        design = {"by": (each[0],), "each": each[1]} if each else {"by": by, "size": size}
        return command(*args, sample=(design, seed) if each or size else None, **more)

    for option in (
        click.option("--seed", metavar="TEXT", help="Draws the same sample again; else a random one is noted."),
        click.option("--sample-by", "by", multiple=True, metavar="COL", help="Strata; else the carried ones."),
        click.option("--sample-size", "size", type=click.IntRange(1), help="Draw so many, in proportion."),
        click.option("--sample", "each", callback=_each, metavar="COL=N", help="Draw N of each value."),
    ):
        gathered = option(gathered)
    return gathered


@wave.command("open")
@click.argument("name")
@click.option("--instrument", "edition", required=True, metavar="SURVEY@VERSION")
@click.option("--frame", "frame_file", type=_FILE, help="CSV or .xlsx: unit, name, email, contact, …")
@_reading_options
@_with_sample
@click.option("--carry", multiple=True, metavar="COL", help="A stratum that goes with the answers; repeatable.")
@click.option("--anyone", is_flag=True, help="Open to anyone with the address.")
@_with_settings
@click.option("--key", "key_out", type=_FILE, help="Write the private key here, off the server.")
@click.pass_obj
def wave_open(
    home: Home,
    name: str,
    edition: str,
    frame_file: Path | None,
    how: Any,
    sample: Any,
    carry: tuple[str, ...],
    anyone: bool,
    service: str | None,
    contact: str | None,
    colour: str | None,
    closes: Any,
    key_out: Path | None,
) -> None:
    """Open a wave on a frame, or to anyone. Without --key the server keeps the private key."""
    from surveyapp import campaigning, privacy

    if anyone == bool(frame_file):
        raise click.UsageError("give either --frame FILE or --anyone")
    if anyone and (carry or sample):
        raise click.UsageError("--carry and --sample are for a frame; a wave open to anyone has none")
    survey, version = _edition(edition)
    frame = _frame_of(frame_file, how, sample, carry) if frame_file else None
    key_file = key_out or home.make().wave_key(name)
    opened = campaigning.open_wave(
        _database(home),
        name,
        survey,
        version,
        frame,
        carry=carry or None,
        key_place="holder" if key_out else "server",
        closes=closes.date() if closes else None,
        today=_today(),
        keep_key=lambda private: write_once(key_file, privacy.key_file(name, private).encode()),
        service=service or "",
        contact=contact or "",
        colour=colour or "",
    )
    click.echo(f"{name} is open: {_audience(opened)}; private key in {key_file}")


def _audience(opened: Any) -> str:
    if opened.kind == "open":
        return "anyone may answer"
    drawn = f", sample drawn with seed {opened.sample_seed}" if opened.sample_seed else ""
    return f"{_count(opened.population, 'organisation')}, {opened.issued:,} with an address{drawn}"


def _frame_of(file: Path, how: Any, sample: Any, carry: tuple[str, ...]) -> Any:
    """The frame in a file, with its sample drawn if one is asked for."""
    from surveyapp import privacy, sampling

    found = _listing(file, how).frame
    if sample is None:
        return found
    design, seed = sample
    if design.get("size") and not design["by"]:
        design["by"] = carry
    return sampling.draw(found, sampling.Design(**design), seed or privacy.new_id().hex())


@wave.command("settings")
@click.argument("name")
@_with_settings
@click.pass_obj
def wave_settings(
    home: Home, name: str, service: str | None, contact: str | None, colour: str | None, closes: Any
) -> None:
    """Print what the pages of a wave bear and its last day; with options, change them. "" takes one away."""
    from surveyapp import campaigning

    changes = campaigning.Changes(service, contact, colour, closes.date() if closes else None)
    db = _database(home)
    if changes == campaigning.Changes():
        found = campaigning.status(db, name).wave
    else:
        found = campaigning.change_settings(db, name, changes, _today())
    click.echo(f"service    {found.service or '(that of the site)'}")
    click.echo(f"contact    {found.contact or '(none)'}")
    click.echo(f"colour     {found.colour or '(that of the site)'}")
    click.echo(f"closes     {_closing(found)}")


def _closing(found: Any) -> str:
    from surveyapp.fieldwork import takes_answers

    if found.state != "open":
        return f"closed on {found.closed_on}"
    if takes_answers(found.state, found.closes_on, _today()):
        return found.closes_on or "(no last day)"
    return f"{found.closes_on}, which is over: no more answers are taken; next: surveyapp wave close {found.name}"


@wave.command("extend")
@click.argument("name")
@click.option(
    "--closes",
    required=True,
    type=click.DateTime(["%Y-%m-%d"]),
    metavar="YYYY-MM-DD",
    help="The new last day for answers.",
)
@click.pass_obj
def wave_extend(home: Home, name: str, closes: Any) -> None:
    """Set another last day, which counts to its end: the same as wave settings --closes."""
    from surveyapp import campaigning

    found = campaigning.change_settings(_database(home), name, campaigning.Changes(closes=closes.date()), _today())
    click.echo(f"closes     {_closing(found)}")


@wave.command("pause")
@click.argument("name")
@click.pass_obj
def wave_pause(home: Home, name: str) -> None:
    """Take no answers for the time being. Drafts, access codes and the last day stay as they are."""
    from surveyapp import watching

    watching.pause(_database(home), name, _today())
    click.echo(f"{name} is paused; what respondents have saved stays; to go on: surveyapp wave resume {name}")


@wave.command("resume")
@click.argument("name")
@click.pass_obj
def wave_resume(home: Home, name: str) -> None:
    """Let a paused wave take answers again."""
    from surveyapp import watching

    found = watching.resume(_database(home), name)
    click.echo(f"{name} goes on; closes {_closing(found)}")


@wave.command("move")
@click.argument("name")
@click.option("--to", "version", required=True, metavar="VERSION", help="A published version of the same survey.")
@click.pass_obj
def wave_move(home: Home, name: str, version: str) -> None:
    """Go on with a newer version in mid-field, if no answer in hand changes its meaning."""
    from surveyapp import campaigning

    comparison = campaigning.move_wave(_database(home), name, version)
    look = ", ".join(comparison.look_again) or "nothing"
    click.echo(f"{name} goes on with version {version}; drafts are asked to look again at: {look}")


@wave.command("close")
@click.argument("name")
@click.pass_obj
def wave_close(home: Home, name: str) -> None:
    """Close a wave: no more answers are taken, unfinished drafts are erased."""
    from surveyapp import campaigning

    closed = campaigning.close_wave(_database(home), name, _today())
    click.echo(f"{name} is closed; next: surveyapp tray open {closed.name}")


@wave.command("status")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def wave_status(home: Home, name: str, as_json: bool) -> None:
    """Print the counts of a wave, its pause and last day, and its carried cells, now and at the opening."""
    from surveyapp import campaigning

    found = campaigning.status(_database(home), name)
    counts: dict[str, Any] = {
        "wave": name,
        "state": found.wave.state,
        "kind": found.wave.kind,
        "instrument": f"{found.wave.survey}@{found.wave.version}",
        "frame": found.wave.population,
        "issued": found.wave.issued,
        "invited": found.invited,
        "received": found.received,
        "tray": found.tray,
        "released": found.released,
        "paused": found.wave.paused_on,
        "last_day": found.wave.last_day,
        "cells": found.wave.cells if found.wave.carry else {},
        "cells_at_opening": found.wave.opened_cells if found.wave.carry else {},
    }
    if found.wave.sample_seed:
        from surveyapp import framing

        counts |= {"sampled": framing.drawn(_database(home), name), "seed": found.wave.sample_seed}
    if as_json:
        click.echo(json.dumps(counts, indent=1, ensure_ascii=False))
        return
    counts["paused"] = f"since {found.wave.paused_on}" if found.wave.paused_on else "no"
    counts["last_day"] = found.wave.last_day or "(none)"
    counts["cells"] = _cells_line(counts["cells"], counts.pop("cells_at_opening"))
    click.echo("\n".join(f"{key.replace('_', ' '):<11}{value}" for key, value in counts.items()))


def _cells_line(now: Mapping[str, int], opening: Mapping[str, int]) -> str:
    """The carried cells as they are, with their sizes at the opening where a newer frame has changed them."""

    def said(cell: str) -> str:
        was = opening.get(cell, 0)
        return f"{cell} {now.get(cell, 0)}" + (
            f" ({was} at the opening)" if opening and was != now.get(cell) else ""
        )

    return ", ".join(said(cell) for cell in dict.fromkeys([*now, *opening])) or "(none carried)"


@main.command()
@click.argument("wave")
@click.option("--by", multiple=True, metavar="COL", help="A stratum; repeatable. Else the carried ones.")
@click.option("--json", "as_json", is_flag=True)
@click.option("--out", type=_FILE, help="A name that ends in .xlsx.")
@click.pass_obj
def rates(home: Home, wave: str, by: tuple[str, ...], as_json: bool, out: Path | None) -> None:
    """Print the response of a wave by stratum, by day and in all; small numbers as ranges."""
    from surveyapp import reporting, watching
    from surveyapp.rates import as_json as rates_json
    from surveyapp.rates import describe

    if out and out.suffix != ".xlsx":
        raise click.UsageError("--out is a name that ends in .xlsx")
    db = _database(home)
    found = watching.response(db, wave, _today(), by, reporting.sent(db, wave))
    if out:
        from surveyapp.export.rates import rates_workbook

        write_aside(out, rates_workbook(found))
    click.echo(json.dumps(rates_json(found), indent=1, ensure_ascii=False) if as_json else describe(found))


@wave.command("mark")
@click.argument("name")
@click.argument("unit")
@click.argument("disposition", type=click.Choice(["refused", "out-of-scope", "undeliverable", "none"]))
@click.pass_obj
def wave_mark(home: Home, name: str, unit: str, disposition: str) -> None:
    """Say what became of an organisation that does not answer; it gets no reminder. "none" takes that back."""
    from surveyapp import writing

    given = "" if disposition == "none" else disposition
    writing.mark_organisation(_database(home), name, unit, given, _today())
    click.echo(f"{unit}: {disposition}")


# ── letters ──────────────────────────────────────────────────────────────────


def _sender(_context: click.Context, _option: click.Parameter, given: str | None) -> str | None:
    if given is not None and not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+|[^@<>\r\n]*<[^\s@<>]+@[^\s@<>]+>", given):
        raise click.BadParameter("it is not an e-mail address; write name@example.org or Name <name@example.org>")
    return given


def _with_headings(command: Any) -> Any:
    """The options for what all letters of a wave bear; they are kept with it."""
    for option in (
        click.option("--sender", callback=_sender, metavar="ADDRESS", help="Of the letters; kept for the next."),
        click.option("--address", metavar="URL", help="Of the site, as printed in letters; kept for the next."),
    ):
        command = option(command)
    return command


@main.command()
@click.argument("wave")
@_with_headings
@click.pass_obj
def invite(home: Home, wave: str, address: str | None, sender: str | None) -> None:
    """Give each organisation that has none an access code, and send the letters that wait."""
    from surveyapp import writing

    _send(home, wave, lambda desk: writing.invite(desk, wave, address=address or "", sender=sender or ""))


@main.command()
@click.argument("wave")
@click.option("--rule", metavar="10,20,27", help="Days after the invitation. Without it these.")
@click.option("--now", is_flag=True, help="All who have not answered, whatever the day.")
@click.option("--kind", default="", help="first, second, third or final: that letter alone, by hand.")
@click.option(
    "--preview", is_flag=True, help="Say who would be reminded, and how the letter reads. Nothing is sent."
)
@_with_headings
@click.pass_obj
def remind(
    home: Home,
    wave: str,
    rule: str | None,
    now: bool,
    kind: str,
    preview: bool,
    address: str | None,
    sender: str | None,
) -> None:
    """Remind those who are due, at most once a day, and send the letters that wait. Run it daily."""
    from surveyapp import writing
    from surveyapp.fieldwork import REMIND_AFTER, read_rule

    if rule and (now or kind == "final"):
        raise click.UsageError("give either --rule or --now; a final reminder goes to all who have not answered")
    days: Any = None if now else read_rule(rule) if rule else REMIND_AFTER
    if kind:
        by_hand = writing.rule_of(kind, days or REMIND_AFTER)
        days = None if now else by_hand
    if preview:
        _show_reminders(writing.preview_reminders(_database(home), wave, days, kind, _today()))
        return
    headings = {"address": address or "", "sender": sender or ""}
    _send(home, wave, lambda desk: writing.remind(desk, wave, days, kind, **headings))


def _show_reminders(found: Any) -> None:
    for kind in dict.fromkeys(kind for _, kind in found.to):
        units = [unit for unit, own in found.to if own == kind]
        shown = ", ".join(units[:10]) + (", …" if len(units) > 10 else "")
        click.echo(f"{kind:<9}{_count(len(units), 'organisation')}: {shown}")
    if found.first is None:
        click.echo("Nobody is due a reminder.")
        return
    click.echo("")
    _show_letter(found.first)


def _send(home: Home, wave: str, run: Any) -> None:
    """Run a sending and print what came of it. Raises `SurveyError` if letters wait because it had to stop."""
    with _Progress() as progress:
        desk = _desk(home, wave, progress)
        outcome = run(desk)
    for reason in outcome.failed:
        _complain(f"Refused: {reason}")
    for reason in outcome.postponed:
        _complain(f"Not now: {reason}")
    if outcome.undeliverable:
        shown = ", ".join(outcome.undeliverable[:10]) + (", …" if len(outcome.undeliverable) > 10 else "")
        _complain(
            f"Noted as undeliverable: {shown}; a new address takes that back: surveyapp frame contact {wave}"
        )
    if outcome.unknown:
        shown = ", ".join(outcome.unknown[:10]) + (", …" if len(outcome.unknown) > 10 else "")
        _complain(f"Nobody knows whether {_count(len(outcome.unknown), 'letter')} left: {shown}")
        _complain(
            f"  when you know: surveyapp letters mark {wave} UNIT sent, or surveyapp letters resend {wave} UNIT"
        )
    click.echo(f"{_count(outcome.sent, 'letter')} {_whereto(desk.transport)}")
    if outcome.waiting:
        _complain(f"{_count(outcome.waiting, 'letter')} still due; the same command sends the rest")
    if outcome.stopped:
        raise SurveyError(f"Sending stopped: {outcome.stopped}")


def _desk(home: Home, folder: str, progress: Any = None) -> Any:
    from surveyapp import mail, writing

    transport = mail.transport(home.outbox / folder, *config.mail_settings())
    tell = progress or (lambda _what, _done, _of: None)
    return writing.Desk(_database(home), home.outbox_key, transport, _today(), tell)


def _whereto(transport: Any) -> str:
    from surveyapp import mail

    return f"in {_relative(transport.path)}" if isinstance(transport, mail.Folder) else f"sent by {transport}"


@main.group()
def letters() -> None:
    """Write, send and look after letters."""


_KIND = click.option(
    "--kind",
    default="invitation",
    show_default=True,
    help="invitation, reminder, first, second, third, final or code.",
)


@letters.command("set")
@click.argument("wave")
@_KIND
@click.option("--language", default="en", show_default=True)
@click.option("--from", "file", type=_FILE, help="Subject: …, an empty line, the text.")
@click.option("--html", "html_file", type=_FILE, help="The same as a page, for programmes that show it.")
@click.option("--default", "shipped", is_flag=True, help="Take the shipped words again.")
@click.pass_obj
def letters_set(
    home: Home, wave: str, kind: str, language: str, file: Path | None, html_file: Path | None, shipped: bool
) -> None:
    """Give the letters of a wave words of their own, from a text file with places such as {code}."""
    from surveyapp import writing

    if bool(file) == shipped or (html_file and not file):
        raise click.UsageError("give either --from FILE or --default")
    content = read_file(file) if file else None
    try:
        writing.set_template(
            _database(home), wave, kind, language, content, read_file(html_file) if html_file else b""
        )
    except Refused as refused:
        raise Refused(refused.problems, str(file)) from None
    click.echo(f"{wave}: {kind} ({language}) {'as shipped' if shipped else f'from {file}'}")


@letters.command("show")
@click.argument("wave")
@_KIND
@click.option("--unit", default="", help="To whom; else the first organisation that has an address.")
@click.option("--template", is_flag=True, help="The words before anything is filled in, for letters set --from.")
@click.option("--language", default="", help="Of the template.")
@click.pass_obj
def letters_show(home: Home, wave: str, kind: str, unit: str, template: bool, language: str) -> None:
    """Show a letter as an organisation would get it today, with a made-up code. Nothing is sent."""
    from surveyapp import templates, writing

    if template:
        click.echo(templates.as_text(writing.template_of(_database(home), wave, kind, language)), nl=False)
        return
    _show_letter(writing.preview(_database(home), wave, kind, unit, _today()))


def _show_letter(shown: Any) -> None:
    from surveyapp import templates

    click.echo(f"From: {shown.sender}\nTo: {shown.to}\n{templates.as_text(shown.words)}", nl=False)
    if shown.words.html:
        click.echo(f"\n── HTML ──\n{shown.words.html}", nl=False)


@letters.command("list")
@click.argument("wave")
@click.option("--state", default="", type=click.Choice(["due", "trying", "sent", "failed", "unknown", ""]))
@click.pass_obj
def letters_list(home: Home, wave: str, state: str) -> None:
    """List the letters of a wave: unit, kind, state, day, and the server's code if it refused one."""
    from surveyapp import writing

    for one in writing.listed(_database(home), wave, state):
        day = one.done_on or one.due_on
        click.echo(f"{one.unit.unit:<16}{one.kind:<12}{one.state:<9}{day}  {one.note}".rstrip())


@letters.command("resend")
@click.argument("wave")
@click.argument("units", nargs=-1)
@click.option("--failed", is_flag=True, help="All that were refused.")
@click.pass_obj
def letters_resend(home: Home, wave: str, units: tuple[str, ...], failed: bool) -> None:
    """Send again what was refused, or of which nobody knows whether it left."""
    from surveyapp import writing

    if bool(units) == failed:
        raise click.UsageError("name the organisations, or give --failed")
    _send(home, wave, lambda desk: writing.resend(desk, wave, units))


@letters.command("mark")
@click.argument("wave")
@click.argument("unit")
@click.argument("state", type=click.Choice(["sent"]))
@click.pass_obj
def letters_mark(home: Home, wave: str, unit: str, state: str) -> None:
    """Say of a letter of which nobody knew that it has arrived."""
    from surveyapp import writing

    writing.mark_sent(_database(home), wave, unit, _today())
    click.echo(f"{unit}: {state}")


@letters.command("bounced")
@click.argument("wave")
@click.argument("file", type=_FILE, required=False)
@click.option("--unit", "units", multiple=True, help="One organisation; repeatable.")
@click.pass_obj
def letters_bounced(home: Home, wave: str, file: Path | None, units: tuple[str, ...]) -> None:
    """Mark organisations whose letters came back; FILE is a CSV with a column unit or email."""
    from surveyapp import writing
    from surveyapp.fieldwork import read_bounces

    if bool(file) == bool(units):
        raise click.UsageError("give either FILE or --unit")
    returned = read_bounces(read_file(file)) if file else [(0, "unit", unit) for unit in units]
    marked = writing.bounced(_database(home), wave, returned, _today())
    click.echo(f"{_count(len(marked), 'organisation')} undeliverable{': ' if marked else ''}{', '.join(marked)}")


@letters.command("code")
@click.argument("wave")
@click.argument("unit")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_with_headings
@click.pass_obj
def letters_code(home: Home, wave: str, unit: str, yes: bool, address: str | None, sender: str | None) -> None:
    """Send an organisation a new code. The old one stops working; what was begun with it is erased."""
    from surveyapp import writing

    writing.check_new_code(_database(home), wave, unit)
    if not yes:
        click.echo(f"The code of {unit} will stop working. If it has begun to answer, that draft cannot be opened")
        click.echo("with the new code and is erased for good.")
        if click.prompt("To go on, type the organisation's unit", default="", show_default=False) != unit:
            raise SurveyError("Nothing was changed.")
    _send(home, wave, lambda desk: writing.new_code(desk, wave, unit, address=address or "", sender=sender or ""))


@letters.command("test")
@click.argument("to", metavar="ADDRESS")
@click.option("--sender", callback=_sender, default="surveys@localhost", show_default=True)
@click.pass_obj
def letters_test(home: Home, to: str, sender: str) -> None:
    """Send a letter without a code, to see that letters arrive."""
    from surveyapp import writing

    desk = _desk(home, "test")
    writing.send_test(desk, to, sender)
    click.echo(f"1 letter {_whereto(desk.transport)}")


@main.group()
def frame() -> None:
    """Check, load and correct the list of organisations."""


def _listing(file: Path, how: Any) -> Any:
    """The frame in a file, with its notes told. Refusals bear the file's name."""
    from surveyapp import framing

    with _about(file):
        listing = framing.read(file.name, read_file(file), how)
    _tell(listing.notes)
    return listing


@contextmanager
def _about(file: Path) -> Iterator[None]:
    try:
        yield
    except Refused as refused:
        raise Refused(refused.problems, refused.subject or str(file)) from None


def _tell(notes: Sequence[Any]) -> None:
    if notes:
        _complain(f"Worth a look: {_count(len(notes), 'thing')}")
        for note in notes:
            _complain(f"  {note}")


@frame.command("check")
@click.argument("file", type=_FILE)
@_reading_options
@click.option("--json", "as_json", is_flag=True)
def frame_check(file: Path, how: Any, as_json: bool) -> None:
    """Check a frame (CSV or .xlsx) and print how it was understood; name every problem with its cell or line."""
    from surveyapp.frames import as_json as listing_json
    from surveyapp.frames import describe

    listing = _listing(file, how)
    click.echo(json.dumps(listing_json(listing), indent=1, ensure_ascii=False) if as_json else describe(listing))


@frame.command("load")
@click.argument("wave")
@click.argument("file", type=_FILE)
@_reading_options
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.pass_obj
def frame_load(home: Home, wave: str, file: Path, how: Any, yes: bool) -> None:
    """Show what a newer list changes in a wave, ask, and load it: all of it or nothing."""
    from surveyapp import framing
    from surveyapp.frames import changes

    db, content = _database(home), read_file(file)
    with _about(file):
        plan = framing.preview(db, wave, file.name, content, how)
    _tell(plan.notes)
    for unit in plan.left:
        _complain(f"{unit} asked for its contact to be erased: what the file says of it is left out")
    if not plan.difference:
        click.echo("nothing to change")
        return
    click.echo("\n".join(changes(plan.difference)))
    if not yes and not click.confirm(f"Change the frame of {wave} so?"):
        raise SurveyError("nothing was changed")
    with _about(file):
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

    db = _database(home)
    found = framing.find(db, wave, unit)
    if not yes:
        click.echo(f"{unit} {found.unit.name}: its contact, letters and, before it answers, code and draft go.")
        if click.prompt("Type the unit again", default="", show_default=False) != unit:
            raise SurveyError("that is not the unit; nothing was erased")
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
    new = framing.change_contact(_database(home), wave, unit, contact=name, email=email)
    click.echo(f"{unit}: {new.contact or '(no name)'}, {new.email or '(no address)'}")


@main.group()
def responses() -> None:
    """Take in answers that came on paper, by telephone or from old data."""


@responses.command("load")
@click.argument("wave")
@click.argument("file", type=_FILE)
@click.option("--unit-column", default="", metavar="COL", help="Names the organisations, which are then done.")
@click.option("--partial", is_flag=True, help="Let in returns that lack required answers, and list those.")
@click.option("--again", is_flag=True, help="Load a file that holds the same returns as one before.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def responses_load(
    home: Home, wave: str, file: Path, unit_column: str, partial: bool, again: bool, as_json: bool
) -> None:
    """Put coded answers from CSV or XLSX into the tray: a row a return, a column a variable. All or none."""
    from surveyapp import privacy, returning

    content, db = read_file(file), _database(home)
    with _Progress() as progress:
        loaded = returning.load_returns(
            db,
            wave,
            file.name,
            content,
            _today(),
            unit_column=unit_column,
            partial=partial,
            again=again,
            key=lambda: config.secret(home.keys / "returns", privacy.new_secret),
            progress=lambda done, of: progress("reading returns", done, of),
        )
    for note in [*loaded.notes, *loaded.gaps]:
        _complain(f"  {note}")
    counts = {"returns": loaded.returns, "marked": loaded.marked, "partial": loaded.partial}
    if as_json:
        click.echo(json.dumps({"wave": wave} | counts, indent=1))
        return
    lacking = f", {loaded.partial:,} with required answers blank" if loaded.partial else ""
    click.echo(f"{_count(loaded.returns, 'return')} in the tray of {wave}{lacking}")
    if unit_column:
        click.echo(f"{_count(loaded.marked, 'organisation')} marked as done")
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

    keyroom.run(home, wave, port, _today, tell)


# ── report ───────────────────────────────────────────────────────────────────


@main.group()
def tray() -> None:
    """Open the tray of sealed answers."""


@tray.command("open")
@click.argument("wave")
@click.option("--key", "key_in", type=_FILE, help="The key holder's file.")
@click.pass_obj
def tray_open(home: Home, wave: str, key_in: Path | None) -> None:
    """Release the answers that may leave the tray now."""
    from surveyapp import campaigning, privacy, reporting

    db = _database(home)
    campaigning.status(db, wave)
    key_file = key_in or home.wave_key(wave)
    of_wave, key = privacy.read_key_file(read_file(key_file).decode(errors="replace"))
    if of_wave != wave:
        raise SurveyError(f"{key_file} is the key of {of_wave}, not of {wave}")
    opened = reporting.open_tray(db, wave, key)
    click.echo(f"{_count(opened.released, 'response')} released, {opened.waiting:,} stay in the tray")


@main.command()
@click.argument("wave")
@click.option("--plan", "plan_file", type=_FILE, help="Without it: every closed question.")
@click.option("--out", required=True, type=_FILE, help="A name in .xlsx, .docx, .json, or .zip for charts.")
@click.option(
    "--edition",
    type=click.Choice(["published", "analyst"]),
    default="published",
    show_default=True,
    help="Of the workbook: analyst adds codes, charts, checks and unrounded figures.",
)
@click.option("--charts", is_flag=True, help="A chart under each table of a .docx.")
@click.option("--annotated", is_flag=True, help="The questionnaire with results at the end of a .docx.")
@click.option("--manifest", is_flag=True, help="Write X.manifest.json too: hashes of the file and its tables.")
@click.pass_obj
def tables(
    home: Home,
    wave: str,
    plan_file: Path | None,
    out: Path,
    edition: str,
    charts: bool,
    annotated: bool,
    manifest: bool,
) -> None:
    """Write the tables of a wave: as a workbook, a Word appendix, figures for programmes, or charts."""
    from surveyapp import coding, reporting, watching

    if (charts or annotated) and out.suffix != ".docx":
        raise click.UsageError("--charts and --annotated are of a Word document; end the name in .docx")
    plan = read_file(plan_file) if plan_file else None
    db = _database(home)
    asked = functools.partial(watching.asked, db, wave, _today())
    compiled = reporting.report(db, wave, plan, asked, coding.coded(db, wave), home.released)
    with _Progress() as progress:
        of = len(compiled.tables)
        done = iter(range(1, of + 2))
        content = reporting.file_of(
            compiled,
            out.suffix,
            lambda _: progress(f"writing {out.name}", next(done), of),
            edition,
            charts,
            annotated,
        )
    reporting.publish(db, compiled, lambda: write_aside(out, content))
    if manifest:
        hashes = reporting.manifest_of(compiled, out.name, content, plan, edition)
        write_aside(out.with_suffix(".manifest.json"), hashes)
    click.echo(f"{_count(len(compiled.tables), 'table')} in {out}")


def _bands(
    _context: click.Context, _option: click.Parameter, given: tuple[str, ...]
) -> dict[str, list[list[str]]]:
    """`--band kind=csp+other,dat+daat` by variable: groups of codes, or the lower bounds of an amount."""
    found = {}
    for one in given:
        name, equals, groups = one.partition("=")
        if not name or not equals or not groups:
            raise click.BadParameter(f"{one[:60]!r} is not VARIABLE=code+code or VARIABLE=0,1000")
        found[name] = [group.split("+") for group in groups.split(",")]
    return found


@main.command()
@click.argument("wave")
@click.option(
    "--out", required=True, type=_FILE, help="Ends in .csv, .sav, .parquet, .xlsx or .zip (a whole deposit)."
)
@click.option(
    "--values", type=click.Choice(["codes", "labels", "numbers"]), help="Else codes; not for .sav and .zip."
)
@click.option(
    "--multiple", type=click.Choice(["columns", "cell"]), help="Options a column each, or all in one cell."
)
@click.option("--leave-out", multiple=True, metavar="NAME", help="A question, variable or stratum; repeatable.")
@click.option(
    "--band", multiple=True, metavar="VARIABLE=A+B", callback=_bands, help="Merge codes; or bounds 0,1000."
)
@click.option("--identifying", metavar="Q1,Q2", help="Questions that describe the organisation; or none.")
@click.option(
    "--beside-earlier", is_flag=True, help="Even if a file with other columns exists: it went to nobody."
)
@click.pass_obj
def microdata(
    home: Home,
    wave: str,
    out: Path,
    values: Any,
    multiple: str | None,
    leave_out: tuple[str, ...],
    band: dict[str, list[list[str]]],
    identifying: str | None,
    beside_earlier: bool,
) -> None:
    """Write the answers of a closed wave, a row a response, with their codebook; refused if anybody stands out."""
    from surveyapp import reporting
    from surveyapp.analysis.microdata import Recipe

    if out.suffix in {".sav", ".zip"} and (values or multiple):
        raise click.UsageError(f"--values and --multiple are not for {out.suffix}: it holds numbers and labels")
    named = None if identifying is None else [name for name in re.split(r"[,\s]+", identifying) if name]
    named = [] if named == ["none"] else named
    db = _database(home)
    data, facts = reporting.microdata(db, wave, Recipe(leave_out, band, named), home.released)
    if out.suffix == ".xlsx" and data.n * len(data.fields) > _MANY_CELLS:
        _complain("A workbook of this size is slow to write and to open; .sav or .parquet takes a second")
    with _Progress() as progress:
        files = reporting.microdata_files(
            data,
            facts,
            out.name,
            values or "codes",
            multiple == "cell",
            functools.partial(progress, f"writing {out.name}"),
        )

    def write() -> None:
        for name, content in files.items():
            write_aside(out.with_name(name), content, private=True)

    reporting.give_out(db, data, facts, write, beside_earlier)
    click.echo(f"{_count(data.n, 'response')}, {_count(len(data.fields), 'column')} in {out}")
    if data.identifying:
        checked = ", ".join(data.identifying)
        click.echo(
            f"Identifying columns: {checked}; {data.minimum} or more share each combination of their values"
        )


_MANY_CELLS = 1_000_000


@main.command("why")
@click.argument("wave")
@click.argument("table", required=False)
@click.option("--plan", "plan_file", type=_FILE, help="Without it: every closed question.")
@click.pass_obj
def why(home: Home, wave: str, table: str | None, plan_file: Path | None) -> None:
    """Say which rule hides what in the tables of a wave, or in one of them; never the number."""
    from surveyapp import coding, reporting

    plan = read_file(plan_file) if plan_file else None
    db = _database(home)
    compiled = reporting.report(db, wave, plan, themes=coding.coded(db, wave), kept=home.released)
    tables = {protected.table.id: protected for protected in compiled.tables}
    if table is not None and table not in tables:
        raise NotFound(f"the plan has no table {table[:60]!r}; {nearest(table, set(tables))}")
    chosen = [tables[table]] if table is not None else list(tables.values())
    said = [(protected.table.id, decision) for protected in chosen for decision in protected.decisions]
    for name, decision in said:
        click.echo(f"Table {name}: {decision.words}")
        for row, column in decision.cells:
            click.echo(f"  {row} / {column}")
    if not said:
        click.echo("Nothing is hidden.")


@main.group("coding")
def coding_() -> None:
    """Give open answers themes, compare coders, settle differences, clear quotations."""


@coding_.command("codeframe")
@click.argument("wave")
@click.argument("file", type=_FILE, required=False)
@click.pass_obj
def coding_codeframe(home: Home, wave: str, file: Path | None) -> None:
    """Put a codeframe on a wave, or a newer version of it; without FILE say how far each has come."""
    from surveyapp import coding

    db = _database(home)
    if file is None:
        for one in coding.standings(db, wave):
            coders = ", ".join(one.coders) or "nobody"
            click.echo(f"{one.codeframe.name}: {_count(one.answers, 'answer')}, coded by {coders}")
            done = f"{one.settled:,} settled, {one.disputed:,} in dispute, {one.uncoded:,} not coded"
            click.echo(f"  {done}, {_count(one.quotations, 'quotation')} cleared")
        return
    with _about(file):
        put = coding.put_codeframe(db, wave, read_file(file))
    word = "put on" if put.new else "is on it already:"
    click.echo(f"{put.codeframe.name} {word} {wave}; {_count(len(put.codeframe.coded), 'theme')} to code with")
    if put.carried:
        click.echo(f"{_count(put.carried, 'coding')} carried over, {put.again:,} to be looked at again")
    if put.lost:
        _complain(f"{put.lost:,} decisions and quotations no longer fit and were taken out")
    if put.fresh:
        _complain(f"No coder has looked for: {', '.join(put.fresh)}")


@coding_.command("sheet")
@click.argument("wave")
@click.argument("codeframe")
@click.option("--coder", required=True, metavar="LABEL", help="Whose sheet it is; need not be a name.")
@click.option("--out", required=True, type=_FILE, help="A name that ends in .xlsx.")
@click.pass_obj
def coding_sheet(home: Home, wave: str, codeframe: str, coder: str, out: Path) -> None:
    """Write a coder's sheet: the answers in an order of its own, the themes as columns."""
    from surveyapp import coding

    write_aside(_workbook(out), coding.sheet(_database(home), wave, codeframe, coder), private=True)
    click.echo(f"{out}: fill it in, then: surveyapp coding load {wave} {out}")


def _workbook(out: Path) -> Path:
    if out.suffix != ".xlsx":
        raise click.UsageError("name a file that ends in .xlsx")
    return out


@coding_.command("load")
@click.argument("wave")
@click.argument("file", type=_FILE)
@click.pass_obj
def coding_load(home: Home, wave: str, file: Path) -> None:
    """Take in a coder's sheet, all of it or nothing; rows left blank are not coded."""
    from surveyapp import coding

    with _about(file):
        loaded = coding.load(_database(home), wave, file.name, read_file(file))
    coded = f"{_count(loaded.given, 'answer')} coded by {loaded.coder}"
    click.echo(f"{loaded.codeframe}: {coded}, {loaded.blank:,} left blank")


@coding_.command("agreement")
@click.argument("wave")
@click.argument("codeframe")
@click.option("--json", "as_json", is_flag=True)
@click.pass_obj
def coding_agreement(home: Home, wave: str, codeframe: str, as_json: bool) -> None:
    """Say how far coders agree: Cohen's kappa by theme, pooled, and as a mean."""
    from surveyapp import coding
    from surveyapp.analysis.themes.coding import as_json as agreement_json
    from surveyapp.analysis.themes.coding import describe

    pairs = coding.agreement(_database(home), wave, codeframe)
    found = {"wave": wave, "codeframe": codeframe, "pairs": agreement_json(pairs)}
    click.echo(json.dumps(found, indent=1, ensure_ascii=False) if as_json else describe(pairs))


@coding_.command("settle")
@click.argument("wave")
@click.argument("codeframe")
@click.option("--out", type=_FILE, help="Write the answers in dispute; a name that ends in .xlsx.")
@click.option("--load", "file", type=_FILE, help="Take in the decisions.")
@click.pass_obj
def coding_settle(home: Home, wave: str, codeframe: str, out: Path | None, file: Path | None) -> None:
    """Write the answers on which coders differ, for a third person, and take in what was decided."""
    from surveyapp import coding

    if bool(out) == bool(file):
        raise click.UsageError("give either --out or --load")
    db = _database(home)
    if out:
        write_aside(_workbook(out), coding.settling_sheet(db, wave, codeframe), private=True)
        click.echo(f"{out}: decide, then: surveyapp coding settle {wave} {codeframe} --load {out}")
    elif file:
        with _about(file):
            loaded = coding.load_settling(db, wave, codeframe, file.name, read_file(file))
        click.echo(f"{loaded.codeframe}: {_count(loaded.given, 'answer')} decided, {loaded.blank:,} left open")


@coding_.command("quotations")
@click.argument("wave")
@click.argument("codeframe")
@click.option("--sheet", type=_FILE, help="Write the answers to choose from; a name that ends in .xlsx.")
@click.option("--load", "file", type=_FILE, help="Clear those chosen, in place of all before.")
@click.option("--out", type=_FILE, help="Write those cleared; a name that ends in .xlsx or .json.")
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
    db = _database(home)
    if sheet:
        content = coding.quoting_sheet(db, wave, codeframe, framing.names(db, wave))
        write_aside(_workbook(sheet), content, private=True)
        click.echo(f"{sheet}: choose, then: surveyapp coding quotations {wave} {codeframe} --load {sheet}")
    elif file:
        _clear_quotations(db, wave, codeframe, file, yes)
    elif out:
        write_aside(out, coding.quotations_file(db, wave, codeframe, out.suffix, by_attribution))
        click.echo(f"{_count(len(coding.quotations(db, wave, codeframe)), 'quotation')} in {out}")
    else:
        _show_quotations(coding.quotations(db, wave, codeframe, by_attribution))


def _clear_quotations(db: Database, wave: str, codeframe: str, file: Path, yes: bool) -> None:
    """Show the quotations as they would be printed, ask, and clear them."""
    from surveyapp import coding, framing

    content, names = read_file(file), framing.names(db, wave)
    with _about(file):
        found = coding.proposed(db, wave, codeframe, file.name, content, names)
    _show_quotations(found)
    if not yes and not click.confirm(f"Clear these {len(found)} for print, in place of all before?"):
        raise SurveyError("nothing was changed")
    with _about(file):
        coding.clear(db, wave, codeframe, file.name, content, names)
    click.echo(f"{_count(len(found), 'quotation')} of {codeframe} cleared")


def _show_quotations(found: Sequence[Any]) -> None:
    for quotation in found:
        click.echo(f"{quotation.theme}\n  “{quotation.words}”\n  {quotation.attribution}\n")


@main.command("audit-percentages")
@click.argument("file", type=_FILE)
@click.option("--largest", type=click.IntRange(1), help="The largest base to try; else what the file states.")
@click.option("--json", "as_json", is_flag=True)
def audit_percentages(file: Path, largest: int | None, as_json: bool) -> None:
    """Say on which bases printed percentages are possible, and name those that are not."""
    from surveyapp.analysis.printed import nets as printed_nets
    from surveyapp.analysis.printed import percentages
    from surveyapp.analysis.printed.published import read_published

    published = read_published(read_file(file), file.name)
    verdicts = percentages.audit(published, largest)
    nets = printed_nets.audit_nets(published, verdicts)
    if as_json:
        content = percentages.as_json(verdicts) | {"nets": printed_nets.nets_as_json(nets)}
        click.echo(json.dumps(content, indent=1, ensure_ascii=False))
        return
    for verdict in verdicts:
        click.echo(percentages.describe(verdict))
    for net in nets:
        click.echo(printed_nets.describe_net(net))
    click.echo(percentages.summarise(verdicts))


@main.command("audit-anonymity")
@click.argument("wave")
@click.option("--log", "logs", type=_FILE, multiple=True, help="A log of the proxy to look through; repeatable.")
@click.option("--json", "as_json", is_flag=True)
@click.pass_context
def audit_anonymity(ctx: click.Context, wave: str, logs: tuple[Path, ...], as_json: bool) -> None:
    """Run the known attacks on the files of this installation; exit 1 if one tells more than was promised."""
    from surveyapp import auditing, collecting

    home: Home = ctx.obj
    store = _database(home)
    outcomes = auditing.audit(home, store, wave, logs)
    promise = collecting.promise(collecting.questionnaire(store, wave)[0])
    store.close()
    if as_json:
        click.echo(json.dumps(auditing.as_json(wave, promise, outcomes), indent=1, ensure_ascii=False))
    else:
        click.echo(auditing.printed(wave, promise, outcomes))
    ctx.exit(1 if auditing.failed(outcomes) else 0)


# ── upkeep ───────────────────────────────────────────────────────────────────


@main.command()
@click.option("--out", type=_FILE, help="A new file; else backups/surveyapp-DAY.db in the installation.")
@click.pass_obj
def backup(home: Home, out: Path | None) -> None:
    """Copy the database as it is now, with its hash beside it. Keys are not in the copy."""
    from surveyapp import retaining
    from surveyapp.storage import backups

    path, db = out or backups.new_name(home.backups, _today()), _existing(home)
    if out:
        with retaining.noted(home, out, _today()) as note:
            digest = backups.back_up(db, path)
            note(digest)
    else:
        digest = backups.back_up(db, path)
    click.echo(f"{_relative(path)}: {path.stat().st_size:,} bytes, sha256 {digest[:16]}")
    click.echo("It holds no key. Keep the folder keys/ elsewhere.")


@main.command()
@click.argument("file", type=_FILE)
@click.pass_obj
def restore(home: Home, file: Path) -> None:
    """Put a backup into an installation that has no database yet. Its hash is checked first."""
    from surveyapp import campaigning
    from surveyapp.storage import backups

    backups.restore(file, home.make().store)
    db = _database(home)
    missing = [] if (home.keys / "pepper").exists() else ["keys/pepper (drafts do not open without it)"]
    for name in campaigning.names(db):
        found = campaigning.status(db, name)
        click.echo(f"{name}: {found.received:,} received, {found.tray:,} in the tray, {found.released:,} released")
        if found.tray and found.wave.key_place == "server" and not home.wave_key(name).exists():
            missing.append(f"keys/{name}.key (the tray of {name} does not open without it)")
    for key in missing:
        _complain(f"Put back from where you keep the keys: {key}")
    click.echo("Next: surveyapp retention run, for the backup may hold what has been erased since")


def _existing(home: Home) -> Database:
    """The database that is there; a new one is not worth a copy."""
    if not home.address and not home.database.exists():
        raise SurveyError(f"there is no database in {home.path}; name the installation with --home")
    return _database(home)


@main.group()
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
    after = retaining.change(_database(home), wave, days)
    for part, what in retaining.PARTS.items():
        click.echo(f"{part:<9} {_count(getattr(after, part), 'day')} after the close: {what}")


@retention.command("show")
@_ON_DAY
@click.pass_obj
def retention_show(home: Home, day: Any) -> None:
    """List what is kept of each wave and until when, and the backups."""
    from surveyapp import retaining
    from surveyapp.storage import backups

    today = day.date() if day else _today()
    for found in retaining.kept(_database(home)):
        closing = f"closed on {found.closed_on}" if found.closed_on else "not closed"
        click.echo(f"{found.wave}, {closing}")
        for part in found.parts:
            click.echo(f"  {part.name:<9} {_kept_until(part, today)}")
    for copy in backups.backups(home.backups):
        click.echo(f"{_relative(copy.path)}  {'due to be erased' if copy.is_old(today) else 'kept'}")
    for other in retaining.copies(home):
        due = "due to be erased" if other.is_old(today) else "kept"
        click.echo(f"{other.path}  {due}{_WHERE[other.where]}")


_WHERE = {
    "there": "",
    "gone": "; it is not within reach",
    "altered": "; another file is in its place, or its writing was cut off",
}


def _kept_until(part: Any, today: date) -> str:
    if part.erased_on:
        return f"erased on {part.erased_on}"
    if part.waits or not part.due_on:
        return part.waits or f"{_count(part.days, 'day')} after the close"
    return f"due since {part.due_on}" if part.is_due(today) else f"until {part.due_on}"


@retention.command("run")
@_ON_DAY
@click.option("--copies", "all_copies", is_flag=True, help="Erase old backups written elsewhere without asking.")
@click.pass_obj
def retention_run(home: Home, day: Any, all_copies: bool) -> None:
    """Erase what is due, and backups older than 14 days. Run it every day."""
    from surveyapp import retaining

    today = day.date() if day else _today()
    erased = retaining.run(_database(home), home, today)
    for name, parts in erased.waves.items():
        for part, number in parts.items():
            click.echo(f"{name}: erased {number:,} of {retaining.PARTS[part]}")
    click.echo(f"{_count(erased.backups, 'old backup')} erased")
    for copy in retaining.copies(home):
        if copy.is_old(today):
            _old_copy(home, copy, all_copies)


def _old_copy(home: Home, copy: Any, all_copies: bool) -> None:
    """Erase a backup that lies elsewhere, if that is wanted; else say that it is still known."""
    from surveyapp import retaining

    what, ask = f"{copy.path}, a backup of {copy.made_on}", sys.stdin.isatty() and copy.where == "there"
    if copy.where == "there" and (all_copies or (ask and click.confirm(f"Erase {what}?"))):
        retaining.erase_copy(home, copy)
        click.echo(f"{copy.path}: erased")
        return
    _complain(f"Still known: {what}{_WHERE[copy.where]}")
    by_hand = f"destroy it, then: surveyapp retention forget {copy.path}"
    _complain("  to erase it: surveyapp retention run --copies" if copy.where == "there" else f"  {by_hand}")


@retention.command("forget")
@click.argument("file", type=_FILE)
@click.pass_obj
def retention_forget(home: Home, file: Path) -> None:
    """Say that a backup that was written elsewhere has been destroyed, by hand."""
    from surveyapp import retaining

    retaining.strike_off(home, file)
    click.echo(f"{file}: no longer known")


@main.group()
def db() -> None:
    """Look after the database."""


@db.command()
@click.pass_obj
def upgrade(home: Home) -> None:
    """Bring the database to the newest schema."""
    store = _database(home)
    store.close()
    click.echo(f"{store.name if home.address else _relative(home.database)} has the newest schema")


@db.command("check")
@click.pass_obj
def db_check(home: Home) -> None:
    """See whether the books balance: nothing lost, nothing twice, the file sound. Exit 1 if they do not."""
    from surveyapp import bookkeeping

    if wrong := bookkeeping.imbalances(_existing(home)):
        raise Refused(wrong)
    click.echo("The books balance.")


class _Progress:
    """Progress on standard error: a moving line at a terminal, else a line a step."""

    def __init__(self) -> None:
        self.shown = ""

    def __enter__(self) -> "_Progress":
        return self

    def __call__(self, what: str, done: int, of: int) -> None:
        if sys.stderr.isatty():
            click.echo(f"\r\x1b[K{what}: {done} of {of}", nl=False, err=True)
        elif what != self.shown:
            click.echo(f"{what} …", err=True)
        self.shown = what

    def __exit__(self, *_: object) -> None:
        if self.shown and sys.stderr.isatty():
            click.echo("\r\x1b[K", nl=False, err=True)


def _relative(path: Path) -> str:
    """A path as people like to read it: from here, where it lies below."""
    here = Path.cwd()
    return str(path.relative_to(here)) if path.is_relative_to(here) else str(path)
