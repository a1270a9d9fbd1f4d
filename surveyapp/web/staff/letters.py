"""Letters of a wave, for its managers: their words, invitations and reminders, what became of them."""

from collections.abc import Sequence
from typing import Any

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from wtforms import RadioField, SelectField, StringField, TextAreaField

from surveyapp import collecting, mail, working, writing
from surveyapp.config import mail_settings
from surveyapp.fieldwork import REMIND_AFTER, read_rule, takes_answers
from surveyapp.problems import NotFound, Problem, Refused, SurveyError
from surveyapp.roles import MANAGER
from surveyapp.templates import KINDS, PLACES, REMINDERS, STAGES, Template
from surveyapp.web.staff.doors import Desk, Door
from surveyapp.web.staff.pages import Form, go
from surveyapp.writing import Due, Preview

pages = Blueprint("letters", __name__, url_prefix="/surveys/<slug:survey>/waves/<slug:wave>/letters")
door = Door(pages)

CALLED = {
    "invitation": "Invitation",
    "reminder": "Any reminder",
    **{stage: f"{stage.capitalize()} reminder" for stage in STAGES},
    "code": "New access code",
}
STATES = {
    "due": "waiting",
    "trying": "being sent",
    "sent": "sent",
    "failed": "refused by the mail server",
    "unknown": "nobody knows whether it arrived",
}
SHOWN = 200
"""Letters on the page of one state."""


class Headings(Form):
    """What all letters of a wave bear."""

    address = StringField("Address of this site, as printed in letters")
    sender = StringField("Sender")


class Words(Form):
    """The words of one kind of letter in one language."""

    subject = StringField("Subject")
    text = TextAreaField("Text")
    html = TextAreaField("The same as a page (HTML), for mail programmes that show it")
    unit = StringField("Show it as this organisation would get it")


class Remind(Form):
    """Who is to be reminded."""

    when = RadioField(
        "Who",
        choices={
            "rule": "Those who are due by the days since the invitation",
            "now": "All who are not yet in, whatever the day",
        },
        default="rule",
    )
    rule = StringField("Days after the invitation", default=",".join(map(str, REMIND_AFTER)))
    stage = SelectField("Words", choices={"": "By the days that are over", **{s: CALLED[s] for s in STAGES}})

    def settings(self) -> tuple[tuple[int, ...] | None, str]:
        """The days of the rule (None: everybody now) and the kind, as `writing.remind` takes them.

        Raises `Refused` and `SurveyError`.
        """
        stage = self.stage.data or ""
        if stage and stage not in STAGES:
            raise Refused([Problem("stage", "there is no such reminder", "choose one of the list")])
        if self.when.data == "now":
            return None, stage
        rule = read_rule(self.rule.data or "")
        return (writing.rule_of(stage, rule) if stage else rule), stage


# ── all about letters ────────────────────────────────────────────────────────


@door.get("", MANAGER)
def index(desk: Desk) -> ResponseReturnValue:
    """What letters there are, what they bear, and what became of them."""
    address, sender = writing.headings(desk.db, desk.wave.name)
    return _index(desk, Headings(None, address=address or request.host_url.rstrip("/"), sender=sender))


def _index(desk: Desk, form: Headings, status: int = 200, problems: Sequence[str] = ()) -> ResponseReturnValue:
    _check_listed(desk)
    tallies = writing.tallies(desk.db, desk.wave.name)
    kinds = [kind for kind in ("invitation", "reminder", "code") if any(k == kind for k, _ in tallies)]
    instrument = collecting.questionnaire(desk.db, desk.wave.name)[1]
    return render_template(
        "staff/letters.html",
        form=form,
        problems=problems,
        tallies=tallies,
        kinds=kinds,
        states=STATES,
        called=CALLED,
        languages=instrument.languages,
        own=writing.own_words(desk.db, desk.wave.name),
        waiting=sum(n for (_, state), n in tallies.items() if state == "due"),
        taking=_taking(desk),
        way=_way(desk),
        said_who=writing.headings(desk.db, desk.wave.name),
    ), status


def _check_listed(desk: Desk) -> None:
    if desk.wave.kind != "listed":
        raise NotFound(f"{desk.wave.name} is open to anyone; no letters are written")


def _taking(desk: Desk) -> bool:
    wave = desk.wave
    return takes_answers(wave.state, wave.closes_on, desk.today, wave.paused_on)


def _way(desk: Desk) -> str:
    """Where letters go, as people read it."""
    transport = mail.transport(desk.home.outbox / desk.wave.name, *mail_settings())
    return "" if isinstance(transport, mail.Folder) else str(transport)


@door.post("/headings", MANAGER, act="letters-head")
def head(desk: Desk) -> ResponseReturnValue:
    """Say what address and sender the letters bear."""
    form = Headings()
    try:
        writing.set_headings(desk.db, desk.wave.name, form.address.data or "", form.sender.data or "")
    except Refused as refused:
        return _index(desk, form, 400, form.take(refused))
    return go("letters.index", "Address and sender are kept for all letters.", **_here(desk))


@door.get("/list/<slug:state>", MANAGER)
def in_state(desk: Desk, state: str) -> ResponseReturnValue:
    """The letters in one state."""
    if state not in STATES:
        raise NotFound("there is no such state of a letter")
    found = writing.listed(desk.db, desk.wave.name, state)
    more = {"state": state, "states": STATES, "called": CALLED, "most": SHOWN}
    return render_template("staff/letters_list.html", found=found, **more)


# ── the words ────────────────────────────────────────────────────────────────


@door.get("/words/<slug:kind>/<slug:language>", MANAGER)
def words(desk: Desk, kind: str, language: str) -> ResponseReturnValue:
    """The words of a kind of letter, and how an organisation would read them."""
    template = _template(desk, kind, language)
    form = Words(None, subject=template.subject, text=template.text, html=template.html)
    return _words(desk, kind, language, form, _preview(desk, kind, language, "", None))


def _template(desk: Desk, kind: str, language: str) -> Template:
    languages = collecting.questionnaire(desk.db, desk.wave.name)[1].languages
    if kind not in KINDS or language not in languages:
        raise NotFound("there is no such letter")
    return writing.template_of(desk.db, desk.wave.name, kind, language)


def _preview(desk: Desk, kind: str, language: str, unit: str, template: Template | None) -> Preview | str:
    """The letter, or why none can be shown."""
    try:
        return writing.preview(desk.db, desk.wave.name, kind, unit, desk.today, language, template)
    except SurveyError as error:
        return str(error)


def _words(
    desk: Desk, kind: str, language: str, form: Words, shown: Preview | str, problems: Sequence[str] = ()
) -> ResponseReturnValue:
    places = {place: said for place, said in PLACES.items() if place != "code" or kind not in REMINDERS}
    return render_template(
        "staff/letters_words.html",
        form=form,
        kind=kind,
        language=language,
        called=CALLED,
        places=places,
        shown=shown,
        problems=problems,
        own=(kind, language) in writing.own_words(desk.db, desk.wave.name),
    ), (400 if problems or form.errors else 200)


@door.ask("/words/<slug:kind>/<slug:language>/preview", MANAGER)
def try_words(desk: Desk, kind: str, language: str) -> ResponseReturnValue:
    """How words that are not kept yet would read."""
    _template(desk, kind, language)
    form = Words()
    template, problems = _read(form, kind)
    shown = _preview(desk, kind, language, (form.unit.data or "").strip(), template) if template else ""
    return _words(desk, kind, language, form, shown, problems)


@door.post("/words/<slug:kind>/<slug:language>", MANAGER, act="letters-words")
def keep_words(desk: Desk, kind: str, language: str) -> ResponseReturnValue:
    """Give the letters of a wave these words."""
    _template(desk, kind, language)
    form = Words()
    template, problems = _read(form, kind)
    if template is None:
        return _words(desk, kind, language, form, "", problems)
    writing.set_words(desk.db, desk.wave.name, kind, language, template)
    return go("letters.words", "The words are kept.", **_here(desk), kind=kind, language=language)


def _read(form: Words, kind: str) -> tuple[Template | None, list[str]]:
    try:
        return writing.read_words(kind, form.subject.data or "", form.text.data or "", form.html.data or ""), []
    except Refused as refused:
        return None, form.take(refused)


@door.post("/words/<slug:kind>/<slug:language>/shipped", MANAGER, act="letters-shipped")
def take_shipped(desk: Desk, kind: str, language: str) -> ResponseReturnValue:
    """Take the words that come with the product again."""
    _template(desk, kind, language)
    writing.set_words(desk.db, desk.wave.name, kind, language, None)
    return go("letters.words", "The shipped words are back.", **_here(desk), kind=kind, language=language)


@door.post("/words/<slug:kind>/<slug:language>/test", MANAGER, act="letters-test")
def send_test(desk: Desk, kind: str, language: str) -> ResponseReturnValue:
    """Send the letter to oneself, with a made-up code."""
    _template(desk, kind, language)
    transport = mail.transport(desk.home.outbox / "test", *mail_settings())
    out = writing.Desk(desk.db, desk.home.outbox_key, transport, desk.today)
    writing.send_example(out, desk.wave.name, kind, language, desk.member.email)
    where = "Look for it in the folder outbox/test" if isinstance(transport, mail.Folder) else "It is on its way"
    return go("letters.words", f"{where}.", **_here(desk), kind=kind, language=language)


# ── sending ──────────────────────────────────────────────────────────────────


@door.get("/invitations", MANAGER)
def invitations(desk: Desk) -> ResponseReturnValue:
    """Whom invitations would go to."""
    _check_listed(desk)
    due = writing.invitations_due(desk.db, desk.wave.name, desk.today)
    return _due(desk, "staff/letters_invite.html", due)


def _due(desk: Desk, page: str, due: Due | None, status: int = 200, **more: Any) -> ResponseReturnValue:
    said_who = writing.headings(desk.db, desk.wave.name)
    more |= {"called": CALLED, "way": _way(desk), "said_who": said_who}
    return render_template(page, due=due, ready=all(said_who) or not _way(desk), **more), status


@door.post("/invitations", MANAGER, act="letters-invite")
def invite(desk: Desk) -> ResponseReturnValue:
    """Ask for invitations to be written and sent."""
    writing.invitations_due(desk.db, desk.wave.name, desk.today)
    return _ask(desk, "letters-invite")


@door.get("/reminders", MANAGER)
def reminders(desk: Desk) -> ResponseReturnValue:
    """Whom reminders would go to, by the choices in the query."""
    _check_listed(desk)
    kept = ",".join(map(str, writing.rule_kept(desk.db, desk.wave.name)))
    form = Remind(request.args, meta={"csrf": False}) if request.args else Remind(None, rule=kept)
    try:
        due = writing.reminders_due(desk.db, desk.wave.name, *form.settings(), desk.today)
    except Refused as refused:
        left = form.take(refused)
        return _due(desk, "staff/letters_remind.html", None, 400, form=form, problems=left)
    return _due(desk, "staff/letters_remind.html", due, form=form, problems=())


@door.post("/reminders", MANAGER, act="letters-remind")
def remind(desk: Desk) -> ResponseReturnValue:
    """Ask for reminders to be written and sent."""
    form = Remind()
    rule, stage = form.settings()
    writing.reminders_due(desk.db, desk.wave.name, rule, stage, desk.today)
    day = {} if rule else {"day": desk.today.isoformat()}
    return _ask(desk, "letters-remind", {"rule": list(rule) if rule else None, "stage": stage, **day})


@door.post("/send", MANAGER, act="letters-send")
def send(desk: Desk) -> ResponseReturnValue:
    """Ask for the letters that wait to be sent."""
    return _ask(desk, "letters-send")


@door.post("/failed", MANAGER, act="letters-again")
def again(desk: Desk) -> ResponseReturnValue:
    """Send again all that were refused."""
    writing.write_again(desk.db, desk.home.outbox_key, desk.wave.name, (), desk.today)
    return _ask(desk, "letters-send")


def _ask(desk: Desk, kind: str, settings: dict[str, Any] | None = None) -> ResponseReturnValue:
    """Ask for the work, and go to its page."""
    name, who = desk.wave.name, desk.member.email
    job = working.ask(desk.db, kind, desk.survey, name, who, desk.office.now(), settings)
    return go("jobs.one", survey=desk.survey, job=job.id.hex())


def _here(desk: Desk) -> dict[str, str]:
    return {"survey": desk.survey, "wave": desk.wave.name}
