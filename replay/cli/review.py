"""`recount review`: the queue of what waits for a person, and the command that settles each."""

import sys
from typing import Any

import click

from ledger.ids import Mode
from replay import review_queue
from replay.cli.options import json_option, mode_option
from replay.cli.printing import Column, say, say_json, say_table
from replay.cli.service import attached
from replay.status import require_built


@click.command()
@click.option("--kind", type=click.Choice(review_queue.KINDS), help="Only of this kind.")
@click.option("--org", metavar="ORG", help="Only about this organization.")
@click.option("--owner", type=click.Choice(("operator", "customer", "system")), help="Only what is this one's.")
@click.option("--limit", type=click.IntRange(1, 100_000), default=50, show_default=True, help="How many at most.")
@mode_option
@json_option
def review(kind: str | None, org: str | None, owner: str | None, limit: int, mode: Mode, as_json: bool) -> None:
    """List what waits for a person: the weightiest first, and of these the oldest."""
    with attached() as edge, edge.reading() as conn:
        require_built(conn)
        now = conn.execute("SELECT extract(epoch FROM now())").fetchone()
        assert now is not None
        found = review_queue.queue(conn, mode, float(now[0]), kind=kind, org=org, owner=owner, limit=limit)
    if as_json:
        say_json({"mode": mode, "data": found})
        return
    if not found:
        say(f"nobody waits ({mode})")
        return
    rows = [(r["weight"], _age(r["age_s"]), r["owner"], r["org"], r["said"], r["settles"]) for r in found]
    if sys.stdout.isatty():
        _for_a_person(rows)
        return
    titles = ("weight", "age", "owner", "organization", "why", "settled by")
    say_table([Column(title, right=title == "weight") for title in titles], rows)


def _for_a_person(rows: list[tuple[Any, ...]]) -> None:
    """Each item with its command beneath, whole, so that it can be copied."""
    for weight, age, owner, org, said, settles in rows:
        say(f"{weight:>3}  {age:>5}  {owner:<8}  {f'{org}: ' if org else ''}{said}")
        say(f"     {settles}")


def _age(age_s: int) -> str:
    for unit, length_s in (("d", 86_400), ("h", 3_600)):
        if age_s >= length_s:
            return f"{age_s // length_s} {unit}"
    return f"{age_s // 60} m"
