"""Answering: the questionnaire page by page, the list of its sections, and colleagues at the same draft."""

import re
from collections.abc import Mapping, Sequence

from flask import current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError

from surveyapp import collecting
from surveyapp.collecting import Desk, Saved, Visit
from surveyapp.instrument import Form, Step, mark, missing
from surveyapp.instrument.reconciling import FOUND, TAKE
from surveyapp.problems import NotFound, NotSaved, Problem, UnknownCode, WavePaused, say
from surveyapp.web import brand, cookies, kept, languages, parts, visits
from surveyapp.web.entrance import closing, code_problem
from surveyapp.web.safety import log
from surveyapp.web.showing import as_fields, filled, same_for_all, shown_items, versions
from surveyapp.web.visits import pages, site

WARNING = 5 * 60
"""Seconds before the end of a visit at which a page says so."""

WAVE = "at-wave"
"""The form field that names a wave open to anyone: who has no code yet can begin there with what is posted."""


# ── a page ───────────────────────────────────────────────────────────────────


@pages.get("/answer/page/<slug:page>")
def page(page: str) -> ResponseReturnValue:
    """Show a page with what is saved so far; one that could not be read, as it was typed, with what is wrong."""
    desk = visits.desk()
    step = desk.route.step(page)
    if step is None:
        return visits.to_work(desk)
    problems = desk.problems(step) or (_still_missing(desk, page) if "open" in request.args else [])
    form = desk.form(step)
    if problems or form or step.section.id in desk.notes or not same_for_all(step):
        return _page(desk, step, form, problems)
    place, part = _place(desk, step), _part_asked()
    depends_on = (kept.Same(desk.instrument), tuple(item.id for item in step.items), part, tuple(place.items()))
    return kept.page("page.html", depends_on, lambda: _on_page(desk, step, form, []))


@pages.post("/answer/page/<slug:page>")
def save(page: str) -> ResponseReturnValue:
    """Save a page and go on. Whoever has been away too long types the code again, and loses nothing.

    What carries no token of any time is no form of ours, and is refused like everywhere.
    """
    form = request.form.to_dict(flat=False)
    try:
        visit = visits.visit()
        current_app.extensions["csrf"].protect()
    except (UnknownCode, CSRFError):
        if "csrf_token" not in form:
            raise
        log.info("code asked again")
        return _ask_again(page, form, []), 403
    try:
        return _save(visit, page, form)
    except UnknownCode:
        log.info("code asked again")
        return _ask_again(page, form, []), 403


@pages.post("/answer/again/<slug:page>")
def again(page: str) -> ResponseReturnValue:
    """Take the code of somebody whose visit had ended, then the page that they had posted."""
    form = request.form.to_dict(flat=False)
    typed, wave = request.form.get("code", ""), request.form.get(WAVE)
    try:
        if wave and "begin" in form:
            visit = collecting.enter_open(site().db, site().pepper, wave, site().today())
        else:
            visit = collecting.enter(site().db, site().pepper, typed, site().today())
    except UnknownCode:
        log.info("code not known")
        return _ask_again(page, form, [code_problem(typed)]), 403
    visits.remember(visit)
    log.info("entered")
    return _save(visit, page, form)


def _save(visit: Visit, page: str, form: Form) -> ResponseReturnValue:
    """Save a page; show it again if something is wrong, or must be chosen, or has come up; else go on."""
    try:
        saved = collecting.save_page(site().db, visit, page, form, site().today())
    except NotSaved:
        log.info("refused NotSaved")
        return _try_again(page, form), 503, {"Retry-After": "30"}
    except WavePaused as paused:
        log.info("refused WavePaused")
        brand.wear(paused)
        return _try_again(page, form, paused=True), 403
    desk, then = visits.dressed(saved.desk), "".join(form.get("then", ())[:1])
    step = desk.route.step(page)
    if step is None:
        return visits.to_work(desk)
    if saved.clashes:
        return _clash(desk, step, form, saved)
    if then == "stay" or then.startswith("lang-"):
        languages.choose(then.removeprefix("lang-"), desk.instrument.languages)
        return redirect(url_for(".page", page=page, to=_return_to(), part=request.args.get("part")), 303)
    if then == "later":
        return redirect(url_for(".saved"), 303)
    if then == "remove" and step.page.repeat:
        return _repeat(visit, page, collecting.remove_item)
    return _wrong_on(desk, step, form, saved, then) or _onwards(visit, desk, step, saved, then)


def _wrong_on(desk: Desk, step: Step, form: Form, saved: Saved, then: str) -> ResponseReturnValue | None:
    """The page again with what is wrong on it, as far as its writer can have seen the page on a phone."""
    if not (saved.problems or saved.left_out or _part(then) > 1):
        return None
    page_parts = parts.parts(shown_items(desk, step, languages.language()))
    so_far = _part(then) - 1 if _part(then) > 1 else page_parts.count
    problems = page_parts.up_to(so_far, saved.problems)
    left_out = [name for name in saved.left_out if page_parts.part_of(name) <= so_far]
    if problems or left_out:
        return _page(desk, step, form, problems, left_out, whole=saved.kept), 422
    if so_far < page_parts.count:
        return redirect(url_for(".page", page=step.name, to=_return_to(), part=so_far + 1), 303)
    return None


def _onwards(visit: Visit, desk: Desk, step: Step, saved: Saved, then: str) -> ResponseReturnValue:
    """Where the respondent goes after a page that is whole."""
    if then == "add" and step.page.repeat:
        return _repeat(visit, step.name, collecting.add_item)
    if saved.opened:
        anchor = saved.opened[0].replace(".", "-")
        return redirect(url_for(".page", page=step.name, to=_return_to(), _anchor=anchor), 303)
    following = desk.route.after(step.name) if _return_to() is None else None
    if visit.new_code and not session.get("noted"):
        session["noted"] = True
        return redirect(url_for(".code", page=following), 303)
    return redirect(url_for(".page", page=following) if following else url_for(".check"), 303)


def _repeat(visit: Visit, page: str, change: collecting.Change) -> ResponseReturnValue:
    """Add an item after the last one of a repeated page, or take this one away."""
    return redirect(url_for(".page", page=change(site().db, visit, page, site().today())), 303)


def _try_again(page: str, form: Form, paused: bool = False) -> str:
    """Say that a page was not saved, with all that was posted in the form, to be sent once more."""
    held, action = _held(form, {"csrf_token"}), url_for(".save", page=page, to=_return_to())
    return render_template("retry.html", held=held, action=action, paused=paused)


def _held(form: Form, but: set[str]) -> list[tuple[str, str]]:
    """What a form holds, field by field, for the hidden fields of the next one."""
    return [(name, value) for name, values in form.items() if name not in but for value in values]


def _ask_again(page: str, form: Form, problems: list[Problem]) -> str:
    """Ask for the access code, with all that was posted in the form: it is in this answer and nowhere else."""
    held = _held(form, {"csrf_token", "code"})
    action = url_for(".again", page=page, to=_return_to())
    return render_template("again.html", held=held, problems=problems, action=action, open=WAVE in form)


# ── two at one page ──────────────────────────────────────────────────────────


def _clash(desk: Desk, step: Step, form: Form, saved: Saved) -> ResponseReturnValue:
    """Both versions of each question that somebody else has saved meanwhile, for choosing."""
    asked = FOUND in form
    held = _held(form, {"csrf_token", FOUND, *(name for name in form if name.startswith(TAKE))})
    body = render_template(
        "clash.html",
        clashes=[versions(desk, clash, languages.language()) for clash in saved.clashes],
        held=[*held, (FOUND, mark(step.questions, desk.form(step)))],
        problems=_not_chosen(saved, form) if asked else [],
        action=url_for(".save", page=step.name, to=_return_to()),
    )
    return body, 409


def _not_chosen(saved: Saved, form: Form) -> list[Problem]:
    left = [clash for clash in saved.clashes if not form.get(TAKE + clash.question.id)]
    return [Problem(TAKE + clash.question.id, say("Select the answer to keep"), "") for clash in left]


# ── sections ─────────────────────────────────────────────────────────────────


@pages.get("/answer/sections")
def sections() -> ResponseReturnValue:
    """List the sections with how far each has come."""
    desk = visits.desk()
    return render_template(
        "sections.html",
        instrument=desk.instrument,
        progress=desk.progress,
        notes=desk.notes,
        following=url_for(".page", page=desk.next) if desk.next else None,
        **closing(desk),
    )


@pages.get("/answer/colleague/<slug:section>")
def colleague(section: str) -> ResponseReturnValue:
    """Ask what a colleague should know of a section."""
    return _colleague(visits.desk(), section, None, [])


@pages.post("/answer/colleague/<slug:section>")
def leave(section: str) -> ResponseReturnValue:
    """Leave a section for a colleague, or take it back."""
    taken_back = request.form.get("then") == "back"
    note = None if taken_back else request.form.get("note", "")
    problems = collecting.leave_for_colleague(site().db, visits.visit(), section, note, site().today())
    if problems:
        return _colleague(visits.desk(), section, note, problems), 422
    return redirect(url_for(".sections"), 303)


def _colleague(desk: Desk, section: str, note: str | None, problems: list[Problem]) -> str:
    found = next((entry.section for entry in desk.progress if entry.section.id == section), None)
    if found is None:
        raise NotFound("that section is not part of your questionnaire")
    return render_template(
        "colleague.html",
        section=found,
        left=section in desk.notes,
        note=desk.notes.get(section, "") if note is None else note,
        most=collecting.MAX_NOTE,
        problems=problems,
        invited=desk.wave.kind == "listed",
    )


# ── rendering ────────────────────────────────────────────────────────────────


def _page(
    desk: Desk,
    step: Step,
    form: Form,
    problems: Sequence[Problem],
    left_out: Sequence[str] = (),
    whole: bool = True,
) -> str:
    return render_template("page.html", **_on_page(desk, step, form, problems, left_out, whole))


def _on_page(
    desk: Desk,
    step: Step,
    form: Form,
    problems: Sequence[Problem],
    left_out: Sequence[str] = (),
    whole: bool = True,
) -> dict[str, object]:
    """What the template of a page is given. `whole` is false if what was typed is too long to be kept."""
    language = languages.language()
    items = shown_items(desk, step, language)
    fields = as_fields(step, form)
    page_parts = parts.parts(items)
    part = min(_part_asked(), page_parts.count)
    return {
        "instrument": desk.instrument,
        "section": step.section,
        "page": step.page,
        "title": filled(desk, step.page.title, language),
        "items": items,
        "answers": fields,
        "problems": problems,
        "summary": parts.summary(items, problems, fields),
        "note": desk.notes.get(step.section.id),
        "left": step.section.id in desk.notes,
        "left_out": left_out,
        "kept": whole,
        "repeat": _repeated(desk, step, language),
        "seen": mark(step.questions, desk.form(step)),
        "pieces": page_parts.shown(part, problems),
        "part": part,
        "warn_after": cookies.LIFETIME - WARNING,
        "part_count": page_parts.count,
        "next_part": page_parts.opening(part + 1),
        "action": url_for(".save", page=step.name, to=_return_to(), part=part if part > 1 else None),
        **_place(desk, step),
    }


def _place(desk: Desk, step: Step) -> dict[str, str | int | None]:
    """Where the page stands: its wave if anyone may begin there, its section's number, the way back."""
    sections = [section.id for section in desk.route.sections] or [step.section.id]
    section = step.section.id
    before = desk.route.before(step.name)
    back = url_for(".page", page=before) if before else url_for(".start")
    return {
        "wave": desk.wave.name if desk.wave.kind == "open" else None,
        "number": sections.index(section) + 1 if section in sections else 1,
        "count": len(sections),
        "back_url": back if _return_to() is None else url_for(".check"),
    }


def _repeated(desk: Desk, step: Step, language: str) -> Mapping[str, object] | None:
    """What a repeated page says of itself: which one this is, and whether one can be added or taken away."""
    if step.page.repeat is None:
        return None
    count = sum(other.page is step.page for other in desk.route.steps)
    last = step.number == count
    return {
        "item": step.page.repeat.item.in_language(language),
        "number": step.number,
        "add": last and count < step.page.repeat.max,
        "remove": count > 1,
    }


def _still_missing(desk: Desk, name: str) -> list[Problem]:
    return [problem for page, problem in missing(desk.route) if page == name]


def _part(then: str) -> int:
    """`part-2` as 2; 0 for anything else."""
    found = re.fullmatch(r"part-(\d{1,3})", then, re.ASCII)
    return int(found[1]) if found else 0


def _part_asked() -> int:
    return max(_part(f"part-{request.args.get('part', '')}"), 1)


def _return_to() -> str | None:
    return "check" if request.args.get("to") == "check" else None
