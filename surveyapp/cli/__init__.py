"""The command line: every verb of the house for scripts.

Exit 0 done, 1 refused with the reasons on standard error, 2 wrong usage. Commands import what they need when they
are called, so that `surveyapp --help` does not wait for pandas.
"""

from typing import Any

import click

from surveyapp import __version__, config
from surveyapp.cli import (
    care,
    coding,
    doctor,
    frames,
    instruments,
    keys,
    letters,
    returns,
    running,
    staff,
    tables,
    waves,
    worker,
)
from surveyapp.cli.remedies import at_the_terminal
from surveyapp.cli.shared import complain, show_refusal
from surveyapp.problems import Refused, SurveyError


class _Refusing(click.Group):
    """Turns the errors of the trade into messages and exit code 1."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Refused as refused:
            show_refusal(refused)
        except SurveyError as error:
            complain(at_the_terminal(str(error)))
        return ctx.exit(1)


@click.group(cls=_Refusing, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, package_name="surveyapp")
@click.option("--home", metavar="DIR", help="Where database, keys and outbox are (SURVEYAPP_HOME, ./instance).")
@click.pass_context
def main(ctx: click.Context, home: str | None) -> None:
    """Field a questionnaire in a whole sector, anonymously, and print its tables."""
    ctx.obj = config.home(home)


# A group of commands is a file beside this one and a line here.
for command in (
    running.demo,
    running.serve,
    worker.worker,
    staff.staff,
    instruments.instrument,
    waves.wave,
    waves.rates,
    frames.frame,
    letters.invite,
    letters.remind,
    letters.letters,
    returns.responses,
    returns.tray,
    tables.tables,
    tables.why,
    tables.microdata,
    tables.audit_percentages,
    coding.coding_,
    care.backup,
    care.restore,
    care.retention,
    care.db,
    care.audit_anonymity,
    keys.keys,
    doctor.doctor,
):
    main.add_command(command)
