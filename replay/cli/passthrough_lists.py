"""`recount passthrough policies | charges | reservations | budgets | batches | lines`: what the read models hold."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import click

from ledger.ids import Mode
from replay.cli.options import json_option, mode_option
from replay.cli.printing import Column, say_json, say_table
from replay.cli.service import attached
from replay.export import iso
from replay.status import require_built
from replay.tables import LIVE

_limit = click.option(
    "--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most."
)


class _Listing(NamedTuple):
    """A list of the command line: its read model, its columns, and what it can be narrowed by."""

    model: str
    about: str
    columns: tuple[str, ...]
    order: str
    filters: tuple[str, ...]


_LISTINGS: dict[str, _Listing] = {
    "policies": _Listing(
        "cost_policies",
        "List cost policies in all their versions.",
        ("org", "id", "status", "currency", "cap_minor", "stop_rule", "markup_bps", "from_s", "until_s"),
        "org, category, version",
        ("org", "category", "status"),
    ),
    "charges": _Listing(
        "provider_charges",
        "List what providers charged.",
        ("org", "provider", "reference", "category", "occurred_s", "cost_minor", "currency", "status", "held", "batch"),
        "occurred_s, provider, reference",
        ("org", "category", "status", "period", "provider", "held"),
    ),
    "reservations": _Listing(
        "reservations",
        "List reservations, the newest first.",
        ("org", "id", "category", "status", "estimate_minor", "cost_minor", "currency", "until_s"),
        "made_s DESC, id",
        ("org", "category", "status"),
    ),
    "budgets": _Listing(
        "pass_through_budgets",
        "List what is spent and reserved of each category in each month.",
        ("org", "category", "period", "currency", "settled_minor", "recorded_minor", "cap_minor", "stopped_s"),
        "org, period, category, currency",
        ("org", "category", "period"),
    ),
    "batches": _Listing(
        "reconciliation_batches",
        "List reconciliation batches.",
        ("org", "batch", "state", "charges", "undecided", "cost_minor", "total_minor", "currency", "approved_by"),
        "org, period, number",
        ("org", "period", "state"),
    ),
    "lines": _Listing(
        "reconciliation_lines",
        "List the charges in reconciliation batches, each with the last word on it.",
        ("batch", "provider", "reference", "category", "cost_minor", "decision", "billed_cost_minor", "by", "why"),
        "org, batch, occurred_s, provider, reference",
        ("org", "batch", "decision"),
    ),
}


def _listing(name: str, it: _Listing) -> click.Command:
    def command(mode: Mode, limit: int, as_json: bool, **given: str | None) -> None:
        wanted = {k: v for k, v in given.items() if v is not None}
        where = "".join(f' AND "{k}" = %s' for k in wanted)
        names = ", ".join(f'"{c}"' for c in it.columns)
        with attached() as edge, edge.reading() as conn:
            require_built(conn)
            rows = conn.execute(
                f'SELECT {names} FROM {LIVE}."{it.model}" WHERE mode = %s{where} ORDER BY {it.order} LIMIT %s',
                [mode, *wanted.values(), limit],
            ).fetchall()
        if as_json:
            say_json({"mode": mode, "data": [dict(zip(it.columns, row, strict=True)) for row in rows]})
            return
        say_table([_column(c) for c in it.columns], (_cells(it.columns, row) for row in rows))

    made: Any = command
    for option in reversed(it.filters):
        made = click.option(f"--{option}", metavar=option.upper(), help=f"Only of this {option}.")(made)
    listing: click.Command = click.command(name, help=it.about)(_limit(mode_option(json_option(made))))
    return listing


def _column(name: str) -> Column:
    title = name.removesuffix("_s").removesuffix("_minor").replace("_", " ")
    return Column(title, right=name.endswith("_minor"), cut=name in ("reference", "why"))


def _cells(columns: Sequence[str], row: Sequence[Any]) -> list[Any]:
    return [
        iso(value * 1_000_000)[:10] if name.endswith("_s") and value is not None else value
        for name, value in zip(columns, row, strict=True)
    ]


LIST_COMMANDS: tuple[click.Command, ...] = tuple(_listing(name, it) for name, it in _LISTINGS.items())
