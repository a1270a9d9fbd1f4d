"""`demo` and `serve`: what runs until it is stopped."""

import sys
from contextlib import nullcontext
from typing import Any

import click

from surveyapp.cli.shared import Progress, database, now, relative, today
from surveyapp.cli.worker import Beside
from surveyapp.config import Home
from surveyapp.problems import SurveyError

_WITH_WORKER = click.option(
    "--worker/--no-worker", "beside", default=True, help="Do the jobs of staff too, in a process beside it."
)


@click.command()
@click.option("--serve/--no-serve", default=True, help="Serve the site when it is built.")
@click.option("--port", default=8000, type=click.IntRange(1, 65535), show_default=True)
@click.option("--more", is_flag=True, help="Two more waves: the police in 2011, the same teams in 2013.")
@_WITH_WORKER
@click.option(
    "--code", "code_only", is_flag=True, help="Only print how staff of a built demonstration sign in now."
)
@click.pass_obj
def demo(home: Home, serve: bool, port: int, more: bool, beside: bool, code_only: bool) -> None:
    """Build a finished wave of reconstructed answers with its appendix, then serve the site."""
    from surveyapp import demonstration

    if code_only:
        _tell_staff(home, demonstration.staff_of(home))
        return
    if home.path.exists() and not home.path.is_dir():
        raise SurveyError(f"{home.path} is not a folder; choose another with --home")
    home = Home(home.path)  # a demonstration is erased and made anew: it has a file of its own, never the server
    with Progress() as progress:
        built = demonstration.build(home, today(), progress, more)
    for workbook in (built.workbook, *built.others):
        click.echo(f"Workbook:  {relative(workbook)}")
    click.echo(f"Figures:   surveyapp --home {relative(home.path)} tables dat-2012 --out figures.json")
    if serve:
        click.echo(f"Look at:   http://127.0.0.1:{port}/")
        click.echo(f"Answer:    http://127.0.0.1:{port}/open/{built.open_wave}")
        click.echo(f"Staff:     http://127.0.0.1:{port}/staff/")
        _tell_staff(home, built.staff)
        click.echo("Stop with Ctrl-C.")
        _serve(home, port, beside)


def _tell_staff(home: Home, staff: Any) -> None:
    """How to get in: anybody who reads this terminal may, and nobody else."""
    click.echo(f"           {', '.join(staff.plain)}")
    click.echo(f"             password {staff.password}")
    click.echo(f"           {', '.join(staff.guarded)}")
    click.echo(
        f"             the same password, then the code {staff.code(now())}, good for half a minute and once"
    )
    click.echo(f"             another code: surveyapp --home {relative(home.path)} demo --code")
    click.echo(f"             or put this secret into an authenticator app: {staff.second}")


@click.command()
@click.option("--port", default=8000, type=click.IntRange(1, 65535), show_default=True)
@_WITH_WORKER
@click.pass_obj
def serve(home: Home, port: int, beside: bool) -> None:
    """Serve the respondents' and the staff's site on this machine, with a worker for jobs."""
    database(home).close()
    click.echo(f"http://127.0.0.1:{port}/   stop with Ctrl-C")
    _serve(home, port, beside)


def _serve(home: Home, port: int, beside: bool) -> None:
    from surveyapp import web

    sys.stdout.flush()
    with Beside(home) if beside else nullcontext():
        web.serve(home, port)
