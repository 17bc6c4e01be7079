"""The reference page about the command line, from the commands' own help."""

from collections.abc import Iterator

import click

from replay.cli import recount
from tests.docs.markdown import page

_WIDTH = 100


def cli() -> str:
    """`cli.md`."""
    parts = [
        "`recount` is made by `make setup` as `.venv/bin/recount`. Settings come from the [environment](settings.md)."
        " Results go to standard output, progress and errors to standard error. `--json` gives machine output. Exit"
        " codes: 0 is success; 1 is drift, a fault found by `doctor`, or events that were not accepted; 2 is an error"
        " or wrong usage.",
    ]
    for path, command, context in _walk(recount, "recount", None):
        parts += [f"## {path}", f"```text\n{command.get_help(context).rstrip()}\n```"]
    return page("Command line", *parts)


def _walk(
    command: click.Command, name: str, parent: click.Context | None
) -> Iterator[tuple[str, click.Command, click.Context]]:
    own = {**command.context_settings, "terminal_width": _WIDTH, "max_content_width": _WIDTH}
    context = click.Context(command, parent=parent, info_name=name, **own)
    yield context.command_path, command, context
    if isinstance(command, click.Group):
        for child in command.list_commands(context):
            found = command.get_command(context, child)
            assert found is not None
            yield from _walk(found, child, context)
