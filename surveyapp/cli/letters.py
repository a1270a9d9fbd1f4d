"""`invite`, `remind` and `letters …`: letters written, sent and looked after."""

import re
from pathlib import Path
from typing import Any

import click

from surveyapp import config
from surveyapp.cli.shared import FILE, Progress, acting, complain, count, database, relative, today
from surveyapp.config import Home, read_file
from surveyapp.problems import Refused, SurveyError


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


@click.command()
@click.argument("wave")
@_with_headings
@click.pass_obj
def invite(home: Home, wave: str, address: str | None, sender: str | None) -> None:
    """Give each organisation that has none an access code, and send the letters that wait."""
    from surveyapp import writing

    headings = {"address": address or "", "sender": sender or ""}
    _send(home, wave, "invitations-send", lambda desk: writing.invite(desk, wave, **headings))


@click.command()
@click.argument("wave")
@click.option("--rule", metavar="10,20,27", help="Days after the invitation. Without it those of the wave.")
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
    from surveyapp.fieldwork import read_rule

    if rule and (now or kind == "final"):
        raise click.UsageError("give either --rule or --now; a final reminder goes to all who have not answered")
    kept = read_rule(rule) if rule else writing.rule_kept(database(home), wave)
    days: Any = None if now else kept
    if kind:
        by_hand = writing.rule_of(kind, kept)
        days = None if now else by_hand
    if preview:
        _show_reminders(writing.preview_reminders(database(home), wave, days, kind, today()))
        return
    headings = {"address": address or "", "sender": sender or ""}
    _send(home, wave, "reminders-send", lambda desk: writing.remind(desk, wave, days, kind, **headings))


def _show_reminders(found: Any) -> None:
    for kind in dict.fromkeys(kind for _, kind in found.to):
        units = [unit for unit, own in found.to if own == kind]
        shown = ", ".join(units[:10]) + (", …" if len(units) > 10 else "")
        click.echo(f"{kind:<9}{count(len(units), 'organisation')}: {shown}")
    if found.first is None:
        click.echo("Nobody is due a reminder.")
        return
    click.echo("")
    _show_letter(found.first)


def _send(home: Home, wave: str, act: str, run: Any) -> None:
    """Run a sending and print what came of it. Raises `SurveyError` if letters wait because it had to stop."""
    with Progress() as progress, acting(database(home), act, wave):
        desk = _desk(home, wave, progress)
        outcome = run(desk)
    for reason in outcome.failed:
        complain(f"Refused: {reason}")
    for reason in outcome.postponed:
        complain(f"Not now: {reason}")
    if outcome.undeliverable:
        shown = ", ".join(outcome.undeliverable[:10]) + (", …" if len(outcome.undeliverable) > 10 else "")
        complain(f"Noted as undeliverable: {shown}; a new address takes that back: surveyapp frame contact {wave}")
    if outcome.unknown:
        shown = ", ".join(outcome.unknown[:10]) + (", …" if len(outcome.unknown) > 10 else "")
        complain(f"Nobody knows whether {count(len(outcome.unknown), 'letter')} left: {shown}")
        complain(
            f"  when you know: surveyapp letters mark {wave} UNIT sent, or surveyapp letters resend {wave} UNIT"
        )
    click.echo(f"{count(outcome.sent, 'letter')} {_whereto(desk.transport)}")
    if outcome.waiting:
        complain(f"{count(outcome.waiting, 'letter')} still due; the same command sends the rest")
    if outcome.stopped:
        raise SurveyError(f"Sending stopped: {outcome.stopped}")


def _desk(home: Home, folder: str, progress: Any = None) -> Any:
    from surveyapp import mail, writing

    transport = mail.transport(home.outbox / folder, *config.mail_settings())
    tell = progress or (lambda _what, _done, _of: None)
    return writing.Desk(database(home), home.outbox_key, transport, today(), tell)


def _whereto(transport: Any) -> str:
    from surveyapp import mail

    return f"in {relative(transport.path)}" if isinstance(transport, mail.Folder) else f"sent by {transport}"


@click.group()
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
@click.option("--from", "file", type=FILE, help="Subject: …, an empty line, the text.")
@click.option("--html", "html_file", type=FILE, help="The same as a page, for programmes that show it.")
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
        html, db = read_file(html_file) if html_file else b"", database(home)
        with acting(db, "letters-shipped" if shipped else "letters-words", wave, said=f"kind: {kind}"):
            writing.set_template(db, wave, kind, language, content, html)
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
        click.echo(templates.as_text(writing.template_of(database(home), wave, kind, language)), nl=False)
        return
    _show_letter(writing.preview(database(home), wave, kind, unit, today()))


def _show_letter(shown: Any) -> None:
    from surveyapp import templates

    click.echo(f"From: {shown.sender}\nTo: {shown.to}\n{templates.as_text(shown.words)}", nl=False)
    if shown.words.html:
        click.echo(f"\n── HTML ──\n{shown.words.html}", nl=False)


@letters.command("list")
@click.argument("wave")
@click.option(
    "--state",
    default="",
    type=click.Choice(["due", "trying", "sent", "failed", "unknown", ""]),
    help="Those alone.",
)
@click.pass_obj
def letters_list(home: Home, wave: str, state: str) -> None:
    """List the letters of a wave: unit, kind, state, day, and the server's code if it refused one."""
    from surveyapp import writing

    for one in writing.listed(database(home), wave, state):
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
    _send(home, wave, "letters-resend", lambda desk: writing.resend(desk, wave, units))


@letters.command("mark")
@click.argument("wave")
@click.argument("unit")
@click.argument("state", type=click.Choice(["sent"]))
@click.pass_obj
def letters_mark(home: Home, wave: str, unit: str, state: str) -> None:
    """Say of a letter of which nobody knew that it has arrived."""
    from surveyapp import writing

    db = database(home)
    with acting(db, "unit-letter-arrived", wave):
        writing.mark_sent(db, wave, unit, today())
    click.echo(f"{unit}: {state}")


@letters.command("bounced")
@click.argument("wave")
@click.argument("file", type=FILE, required=False)
@click.option("--unit", "units", multiple=True, help="One organisation; repeatable.")
@click.pass_obj
def letters_bounced(home: Home, wave: str, file: Path | None, units: tuple[str, ...]) -> None:
    """Mark organisations whose letters came back; FILE is a CSV with a column unit or email."""
    from surveyapp import writing
    from surveyapp.fieldwork import read_bounces

    if bool(file) == bool(units):
        raise click.UsageError("give either FILE or --unit")
    returned = read_bounces(read_file(file)) if file else [(0, "unit", unit) for unit in units]
    db = database(home)
    with acting(db, "bounces-note", wave):
        marked = writing.bounced(db, wave, returned, today())
    click.echo(f"{count(len(marked), 'organisation')} undeliverable{': ' if marked else ''}{', '.join(marked)}")


@letters.command("code")
@click.argument("wave")
@click.argument("unit")
@click.option("--yes", is_flag=True, help="Do not ask.")
@_with_headings
@click.pass_obj
def letters_code(home: Home, wave: str, unit: str, yes: bool, address: str | None, sender: str | None) -> None:
    """Send an organisation a new code. The old one stops working; what was begun with it is erased."""
    from surveyapp import writing

    writing.check_new_code(database(home), wave, unit)
    if not yes:
        click.echo(f"The code of {unit} will stop working. If it has begun to answer, that draft cannot be opened")
        click.echo("with the new code and is erased for good.")
        if click.prompt("To go on, type the organisation's unit", default="", show_default=False) != unit:
            raise SurveyError("Nothing was changed.")
    headings = {"address": address or "", "sender": sender or ""}
    _send(home, wave, "unit-code", lambda desk: writing.new_code(desk, wave, unit, **headings))


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
