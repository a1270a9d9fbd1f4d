"""`wave …` and `rates`: waves opened, watched, changed and closed."""

import functools
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from surveyapp.cli.frames import listing_in, reading_options
from surveyapp.cli.shared import FILE, acting, count, database, split_edition, today
from surveyapp.config import Home, write_aside, write_once


@click.group()
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
@click.option("--frame", "frame_file", type=FILE, help="CSV or .xlsx: unit, name, email, contact, …")
@reading_options
@_with_sample
@click.option("--carry", multiple=True, metavar="COL", help="A stratum that goes with the answers; repeatable.")
@click.option("--anyone", is_flag=True, help="Open to anyone with the address.")
@_with_settings
@click.option("--key", "key_out", type=FILE, help="Write the private key here, off the server.")
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
    survey, version = split_edition(edition)
    frame = _frame_of(frame_file, how, sample, carry) if frame_file else None
    key_file = key_out or home.make().wave_key(name)
    db = database(home)
    with acting(db, "wave-open", name, survey, f"version: {version}"):
        opened = campaigning.open_wave(
            db,
            name,
            survey,
            version,
            frame,
            carry=carry or None,
            key_place="holder" if key_out else "server",
            closes=closes.date() if closes else None,
            today=today(),
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
    return f"{count(opened.population, 'organisation')}, {opened.issued:,} with an address{drawn}"


def _frame_of(file: Path, how: Any, sample: Any, carry: tuple[str, ...]) -> Any:
    """The frame in a file, with its sample drawn if one is asked for."""
    from surveyapp import privacy, sampling

    found = listing_in(file, how).frame
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
    db = database(home)
    if changes == campaigning.Changes():
        found = campaigning.status(db, name).wave
    else:
        with acting(db, "wave-change", name):
            found = campaigning.change_settings(db, name, changes, today())
    click.echo(f"service    {found.service or '(that of the site)'}")
    click.echo(f"contact    {found.contact or '(none)'}")
    click.echo(f"colour     {found.colour or '(that of the site)'}")
    click.echo(f"closes     {_closing(found)}")


def _closing(found: Any) -> str:
    from surveyapp.fieldwork import takes_answers

    if found.state != "open":
        return f"closed on {found.closed_on}"
    if takes_answers(found.state, found.closes_on, today()):
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

    db = database(home)
    with acting(db, "wave-change", name, said=f"closes: {closes.date()}"):
        found = campaigning.change_settings(db, name, campaigning.Changes(closes=closes.date()), today())
    click.echo(f"closes     {_closing(found)}")


@wave.command("pause")
@click.argument("name")
@click.pass_obj
def wave_pause(home: Home, name: str) -> None:
    """Take no answers for the time being. Drafts, access codes and the last day stay as they are."""
    from surveyapp import watching

    db = database(home)
    with acting(db, "wave-pause", name):
        watching.pause(db, name, today())
    click.echo(f"{name} is paused; what respondents have saved stays; to go on: surveyapp wave resume {name}")


@wave.command("resume")
@click.argument("name")
@click.pass_obj
def wave_resume(home: Home, name: str) -> None:
    """Let a paused wave take answers again."""
    from surveyapp import watching

    db = database(home)
    with acting(db, "wave-resume", name):
        found = watching.resume(db, name)
    click.echo(f"{name} goes on; closes {_closing(found)}")


@wave.command("move")
@click.argument("name")
@click.option("--to", "version", required=True, metavar="VERSION", help="A published version of the same survey.")
@click.pass_obj
def wave_move(home: Home, name: str, version: str) -> None:
    """Go on with a newer version in mid-field, if no answer in hand changes its meaning."""
    from surveyapp import campaigning

    db = database(home)
    with acting(db, "wave-move", name, said=f"version: {version}"):
        comparison = campaigning.move_wave(db, name, version)
    look = ", ".join(comparison.look_again) or "nothing"
    click.echo(f"{name} goes on with version {version}; drafts are asked to look again at: {look}")


@wave.command("close")
@click.argument("name")
@click.pass_obj
def wave_close(home: Home, name: str) -> None:
    """Close a wave: no more answers are taken, unfinished drafts are erased."""
    from surveyapp import campaigning

    db = database(home)
    with acting(db, "wave-close", name):
        closed = campaigning.close_wave(db, name, today())
    click.echo(f"{name} is closed; next: surveyapp tray open {closed.name}")


@wave.command("status")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="The same for programmes, as JSON.")
@click.pass_obj
def wave_status(home: Home, name: str, as_json: bool) -> None:
    """Print the counts of a wave, its pause and last day, and its carried cells, now and at the opening."""
    from surveyapp import campaigning

    found = campaigning.status(database(home), name)
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

        counts |= {"sampled": framing.drawn(database(home), name), "seed": found.wave.sample_seed}
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


@click.command()
@click.argument("wave")
@click.option("--by", multiple=True, metavar="COL", help="A stratum; repeatable. Else the carried ones.")
@click.option("--json", "as_json", is_flag=True, help="The same for programmes, as JSON.")
@click.option("--out", type=FILE, help="A name that ends in .xlsx.")
@click.pass_obj
def rates(home: Home, wave: str, by: tuple[str, ...], as_json: bool, out: Path | None) -> None:
    """Print the response of a wave by stratum, by day and in all; small numbers as ranges."""
    from surveyapp import reporting, watching
    from surveyapp.rates import as_json as rates_json
    from surveyapp.rates import describe

    if out and out.suffix != ".xlsx":
        raise click.UsageError("--out is a name that ends in .xlsx")
    db = database(home)
    found = watching.response(db, wave, today(), by, reporting.sent(db, wave))
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
    db = database(home)
    with acting(db, "unit-mark", name):
        writing.mark_organisation(db, name, unit, given, today())
    click.echo(f"{unit}: {disposition}")
