"""`tables`, `why`, `microdata` and `audit-percentages`: what is printed and given out."""

import functools
import json
import re
from pathlib import Path
from typing import Any

import click

from surveyapp.cli.shared import FILE, Progress, acting, complain, count, database, today
from surveyapp.config import Home, read_file, ready, write_aside
from surveyapp.documents import nearest
from surveyapp.problems import NotFound

_ENGINE = click.option(
    "--engine",
    type=click.Choice(["auto", "memory", "duckdb", "dask"]),
    default="auto",
    show_default=True,
    help="Who counts a closed wave; auto takes duckdb, if installed, for more than 500,000 responses.",
)
_SCHEDULER = click.option(
    "--scheduler", metavar="ADDRESS", help="Of a Dask cluster, with --engine dask; else this machine's cores."
)


@click.command()
@click.argument("wave")
@click.option("--plan", "plan_file", type=FILE, help="Without it: every closed question.")
@click.option("--out", required=True, type=FILE, help="A name in .xlsx, .docx, .json, or .zip for charts.")
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
@_ENGINE
@_SCHEDULER
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
    engine: str,
    scheduler: str | None,
) -> None:
    """Write the tables of a wave: as a workbook, a Word appendix, figures for programmes, or charts."""
    from surveyapp import coding, reporting, watching

    if (charts or annotated) and out.suffix != ".docx":
        raise click.UsageError("--charts and --annotated are of a Word document; end the name in .docx")
    plan = read_file(plan_file) if plan_file else None
    db = database(home)
    asked = functools.partial(watching.asked, db, wave, today())
    with Progress() as progress:
        progress(f"working out the tables of {wave}")
        compiled = reporting.report(
            db,
            wave,
            plan,
            asked,
            coding.coded(db, wave),
            home.released,
            counting=_counting(engine, scheduler, progress),
        )
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
    with acting(db, "tables-write", wave, said=f"format: {out.suffix[1:]}"):
        reporting.publish(db, compiled, ready({out: content}))
    if manifest:
        hashes = reporting.manifest_of(compiled, out.name, content, plan, edition)
        write_aside(out.with_suffix(".manifest.json"), hashes)
    click.echo(f"{count(len(compiled.tables), 'table')} in {out}")
    for reason in reporting.without_chart(compiled) if charts or out.suffix == ".zip" else ():
        click.echo(reason)


def _counting(engine: str, scheduler: str | None, progress: Progress) -> Any:
    from surveyapp.reporting import Counting

    if scheduler is not None and engine != "dask":
        raise click.UsageError("--scheduler is the address of a Dask cluster; say --engine dask with it")
    return Counting(engine, scheduler, functools.partial(progress, "writing parts"))


@click.command("why")
@click.argument("wave")
@click.argument("table", required=False)
@click.option("--plan", "plan_file", type=FILE, help="Without it: every closed question.")
@_ENGINE
@_SCHEDULER
@click.pass_obj
def why(
    home: Home, wave: str, table: str | None, plan_file: Path | None, engine: str, scheduler: str | None
) -> None:
    """Say which rule hides what in the tables of a wave, or in one of them; never the number."""
    from surveyapp import coding, reporting

    plan = read_file(plan_file) if plan_file else None
    db = database(home)
    with Progress() as progress:
        themes, counting = coding.coded(db, wave), _counting(engine, scheduler, progress)
        compiled = reporting.report(db, wave, plan, themes=themes, kept=home.released, counting=counting)
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


@click.command()
@click.argument("wave")
@click.option(
    "--out", required=True, type=FILE, help="Ends in .csv, .sav, .parquet, .xlsx or .zip (a whole deposit)."
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
    db = database(home)
    with Progress() as progress:
        progress(f"reading the answers of {wave}")
        data, facts = reporting.microdata(db, wave, Recipe(leave_out, band, named), home.released)
    if out.suffix == ".xlsx" and data.n * len(data.fields) > _MANY_CELLS:
        complain("A workbook of this size is slow to write and to open; .sav or .parquet takes a second")
    with Progress() as progress:
        progress(f"writing {out.name}")
        files = reporting.microdata_files(
            data,
            facts,
            out.name,
            values or "codes",
            multiple == "cell",
            functools.partial(progress, f"writing {out.name}"),
        )
    placed = {out.with_name(name): content for name, content in files.items()}
    with acting(db, "microdata-write", wave, said=f"format: {out.suffix[1:]}"):
        reporting.give_out(db, data, facts, ready(placed, private=True), beside_earlier)
    click.echo(f"{count(data.n, 'response')}, {count(len(data.fields), 'column')} in {out}")
    if data.identifying:
        checked = ", ".join(data.identifying)
        click.echo(
            f"Identifying columns: {checked}; {data.minimum} or more share each combination of their values"
        )


_MANY_CELLS = 1_000_000


@click.command("audit-percentages")
@click.argument("file", type=FILE)
@click.option("--largest", type=click.IntRange(1), help="The largest base to try; else what the file states.")
@click.option("--json", "as_json", is_flag=True, help="The same for programmes, as JSON.")
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
