"""`keys …`: the server's own keys, shown by their age and changed while the site runs."""

import json
from typing import Any

import click

from surveyapp.cli.shared import count, database, now
from surveyapp.config import Home
from surveyapp.problems import SurveyError

GROUP = click.Choice(["cookie", "pepper", "outbox", "returns"])


@click.group()
def keys() -> None:
    """Change the keys of cookies, drafts, letters and returns while the site runs, and see how old they are."""


@keys.command()
@click.argument("which", type=GROUP)
@click.option("--at-once", is_flag=True, help="Let no old cookie open any more; codes have to be entered again.")
@click.pass_obj
def rotate(home: Home, which: str, at_once: bool) -> None:
    """Make a new key: it is used within a minute by every process, and old ones go on opening what they sealed."""
    from surveyapp import rotating

    changed = rotating.rotate(_existing(home), which, now(), at_once)
    if not changed:
        raise SurveyError(f"there is no key to change in {home.keys}; it is made when the site is first served")
    for name, number in changed.items():
        click.echo(f"keys/{name}: {count(number, 'key')}, the newest made now")
    if which in _NEEDS_NEW:
        click.echo(f"Copy keys/ to where you keep keys: from the next minute on {_NEEDS_NEW[which]}.")


_NEEDS_NEW = {
    "pepper": "drafts need the new pepper",
    "outbox": "letters that wait need the new key",
    "returns": "files of returns are known again by the new key",
}
"""What is lost with a new key that is not copied."""


@keys.command()
@click.option("--json", "as_json", is_flag=True, help="The same for programmes, as JSON.")
@click.pass_obj
def show(home: Home, as_json: bool) -> None:
    """List the keys that can be changed: their age and what they do, never what they are."""
    from surveyapp import rotating

    at = now()
    found = rotating.standings(_existing(home), database(home), at)
    if as_json:
        click.echo(json.dumps([_as_json(each) for each in found], indent=1))
        return
    for each in found:
        days = (at - int(each.made.timestamp())) // 86_400
        age = f"{count(days, 'day')} old"
        click.echo(f"keys/{each.file:<13}{each.made:%Y-%m-%d}  {age:<14}{_DOES[each.does].format(_named(each))}")


_DOES = {
    "new": "opens, and will seal within a minute",
    "seals": "seals and opens",
    "opens": "opens what is older{}",
    "over": "not needed any more; retention run leaves it out",
}


def _named(standing: Any) -> str:
    names = standing.waves
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f", kept for {', '.join(names[:3])}{more}" if names else ""


def _as_json(standing: Any) -> dict[str, Any]:
    return {
        "file": standing.file,
        "made_on": f"{standing.made:%Y-%m-%d}",
        "does": standing.does,
        "waves": list(standing.waves),
    }


def _existing(home: Home) -> Home:
    if not home.keys.is_dir():
        raise SurveyError(f"there is no installation in {home.path}; name one with --home")
    return home
