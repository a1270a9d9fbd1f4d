"""The command line: every verb of the house for scripts.

Exit 0 done, 1 refused with the reasons on standard error, 2 wrong usage.
"""

import json
import re
import sys
from datetime import date
from pathlib import Path
from typing import Any

import click

from surveyapp import __version__, config
from surveyapp.config import Home, read_file, write_aside, write_once
from surveyapp.problems import Refused, SurveyError
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
    return connect(home.make().database)


# ── demonstration ────────────────────────────────────────────────────────────


@main.command()
@click.option("--serve/--no-serve", default=True, help="Serve the site when it is built.")
@click.option("--port", default=8000, type=click.IntRange(1, 65535), show_default=True)
@click.pass_obj
def demo(home: Home, serve: bool, port: int) -> None:
    """Build a finished wave of reconstructed answers with its appendix, then serve the site."""
    from surveyapp import demonstration

    if home.path.exists() and not home.path.is_dir():
        raise SurveyError(f"{home.path} is not a folder; choose another with --home")
    with _Progress() as progress:
        built = demonstration.build(home, _today(), progress)
    click.echo(f"Workbook:  {_relative(built.workbook)}")
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


@wave.command("open")
@click.argument("name")
@click.option("--instrument", "edition", required=True, metavar="SURVEY@VERSION")
@click.option("--frame", "frame_file", type=_FILE, help="CSV: unit, name, email, contact, …")
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
    from surveyapp.fieldwork import read_frame

    if anyone == bool(frame_file):
        raise click.UsageError("give either --frame FILE or --anyone")
    if anyone and carry:
        raise click.UsageError("--carry names a stratum of the frame; a wave open to anyone has none")
    survey, version = _edition(edition)
    frame = read_frame(read_file(frame_file)) if frame_file else None
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
    return f"{_count(opened.population, 'organisation')}, {opened.issued:,} with an address"


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
    """Print the counts of a wave: invited, received, in the tray, released."""
    from surveyapp import campaigning

    found = campaigning.status(_database(home), name)
    counts = {
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
    }
    if as_json:
        click.echo(json.dumps(counts, indent=1))
    else:
        click.echo("\n".join(f"{key:<11}{value}" for key, value in counts.items()))


def _sender(_context: click.Context, _option: click.Parameter, given: str) -> str:
    if not re.fullmatch(r"[^\s@<>]+@[^\s@<>]+|[^@<>\r\n]*<[^\s@<>]+@[^\s@<>]+>", given):
        raise click.BadParameter("it is not an e-mail address; write name@example.org or Name <name@example.org>")
    return given


@main.command()
@click.argument("wave")
@click.option(
    "--address", default="http://127.0.0.1:8000", show_default=True, help="Of the site, as printed in letters."
)
@click.option("--sender", default="surveys@localhost", show_default=True, callback=_sender, help="Of the letters.")
@click.pass_obj
def invite(home: Home, wave: str, address: str, sender: str) -> None:
    """Give each organisation that has none an access code; the letters go to the outbox."""
    from surveyapp import campaigning

    db = _database(home)
    written = campaigning.invite_by_letter(db, wave, home.outbox / wave, address.rstrip("/"), sender, _today())
    click.echo(f"{_count(written, 'letter')} in {_relative(home.outbox / wave)}")


@main.group()
def frame() -> None:
    """Look at lists of organisations."""


@frame.command("check")
@click.argument("file", type=_FILE)
def frame_check(file: Path) -> None:
    """Check a frame; name every problem with its line."""
    from surveyapp.fieldwork import cell_sizes, read_frame

    found = read_frame(read_file(file))
    click.echo(f"{_count(len(found.units), 'organisation')}, {found.issued:,} with an address")
    for stratum in found.strata:
        sizes = cell_sizes(found, [stratum], 0)
        click.echo(f"{stratum}: " + ", ".join(f"{cell} {size}" for cell, size in sizes.items()))


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
@click.option("--out", required=True, type=_FILE, help="A name that ends in .xlsx or .json.")
@click.pass_obj
def tables(home: Home, wave: str, plan_file: Path | None, out: Path) -> None:
    """Write the tables of a wave as a workbook or as figures."""
    from surveyapp import reporting

    plan = read_file(plan_file) if plan_file else None
    compiled = reporting.report(_database(home), wave, plan)
    with _Progress() as progress:
        done = iter(range(1, len(compiled.tables) + 2))
        content = reporting.file_of(
            compiled, out.suffix, lambda _: progress(f"writing {out.name}", next(done), len(compiled.tables))
        )
    write_aside(out, content)
    click.echo(f"{_count(len(compiled.tables), 'table')} in {out}")


@main.command("audit-percentages")
@click.argument("file", type=_FILE)
@click.option("--largest", type=click.IntRange(1), help="The largest base to try; else what the file states.")
@click.option("--json", "as_json", is_flag=True)
def audit_percentages(file: Path, largest: int | None, as_json: bool) -> None:
    """Say on which bases printed percentages are possible, and name those that are not."""
    from surveyapp.analysis import percentages
    from surveyapp.analysis.published import read_published

    verdicts = percentages.audit(read_published(read_file(file), file.name), largest)
    if as_json:
        click.echo(json.dumps(percentages.as_json(verdicts), indent=1, ensure_ascii=False))
        return
    for verdict in verdicts:
        click.echo(percentages.describe(verdict))
    click.echo(percentages.summarise(verdicts))


# ── upkeep ───────────────────────────────────────────────────────────────────


@main.group()
def db() -> None:
    """Look after the database."""


@db.command()
@click.pass_obj
def upgrade(home: Home) -> None:
    """Bring the database to the newest schema."""
    _database(home).close()
    click.echo(f"{_relative(home.database)} has the newest schema")


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
