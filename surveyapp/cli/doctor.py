"""`doctor`: whether an installation is fit to be trusted with a survey."""

import json
from datetime import UTC, datetime

import click

from surveyapp.cli.shared import count, now
from surveyapp.config import Home
from surveyapp.problems import SurveyError


@click.command()
@click.option("--mail-server", is_flag=True, help="Ask the mail server for a connection too; nothing is sent.")
@click.option("--json", "as_json", is_flag=True, help="The same for programmes, as JSON.")
@click.pass_obj
def doctor(home: Home, mail_server: bool, as_json: bool) -> None:
    """Examine settings, permissions, database, disk, keys, clock, backups, worker and mail. Mends nothing."""
    from surveyapp import doctoring

    findings = doctoring.examine(home, datetime.fromtimestamp(now(), UTC), mail_server)
    if as_json:
        click.echo(json.dumps(doctoring.as_json(findings), indent=1, ensure_ascii=False))
    else:
        for found in findings:
            click.echo(f"{found.state:<9}{found.thing:<13}{found.found}")
            if found.do:
                click.echo(f"{'':<22}{found.do}")
    if doctoring.is_ill(findings):
        ill = sum(found.state == doctoring.ILL for found in findings)
        raise SurveyError(f"{count(ill, 'thing')} must be mended")
