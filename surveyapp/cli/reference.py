"""Writes the manual's page of commands from what the commands say of themselves: `make schemas`."""

from collections.abc import Iterator
from inspect import cleandoc

import click

from surveyapp.cli import main
from surveyapp.config import PACKAGE, write_aside

PAGE = "docs/commands.md"

_HEAD = """\
# Commands

Every command, with its arguments and options, as `--help` says it; made by `make schemas`.
`surveyapp --home DIR COMMAND` names the installation (else the [setting](operations.md#settings)
`SURVEYAPP_HOME`, else `./instance`). A refusal goes to standard error, with every reason and its place. Exit
codes: 0 done, 1 refused, 2 wrong usage.
"""


def page() -> str:
    """The whole page as Markdown: a heading for each group, one below it for each command."""
    return "\n".join([_HEAD, *_groups()])


def _groups() -> Iterator[str]:
    context = click.Context(main, info_name="surveyapp")
    alone = {name: command for name, command in main.commands.items() if not isinstance(command, click.Group)}
    groups = {name: command for name, command in main.commands.items() if isinstance(command, click.Group)}
    for name in sorted(groups):
        yield f"## {name}\n\n{_said(groups[name])}\n"
        inside = click.Context(groups[name], info_name=name, parent=context)
        for below in sorted(groups[name].commands):
            yield from _command(groups[name].commands[below], below, inside)
    yield "## Alone\n\nCommands without a group.\n"
    for name in sorted(alone):
        yield from _command(alone[name], name, context)


def _command(command: click.Command, name: str, parent: click.Context) -> Iterator[str]:
    context = click.Context(command, info_name=name, parent=parent)
    usage = " ".join([context.command_path, *command.collect_usage_pieces(context)])
    yield f"### {context.command_path.removeprefix('surveyapp ')}\n\n{_said(command)}\n\n    {usage}\n"
    options = [record for option in _options(command) if (record := option.get_help_record(context))]
    if options:
        yield "| option | what it does |\n|---|---|"
        for names, said in options:
            yield f"| `{_cell(names)}` | {_cell(said)} |"
        yield ""


def _options(command: click.Command) -> list[click.Option]:
    return [parameter for parameter in command.params if isinstance(parameter, click.Option)]


def _said(command: click.Command) -> str:
    """The help text: a paragraph stays one, so that Markdown joins its lines."""
    return cleandoc(command.help or "").replace("\b", "").strip()


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    write_aside(PACKAGE.parent / PAGE, page().encode())
