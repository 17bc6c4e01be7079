"""`recount review`: the queue of what waits for a person, and the command that settles each."""

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
    columns = (
        Column("weight", right=True), Column("age"), Column("owner"), Column("organization"), Column("why", cut=True),
        Column("settled by"),
    )  # fmt: skip
    say_table(
        columns,
        ((r["weight"], _age(r["age_s"], r["since_s"]), r["owner"], r["org"], r["said"], r["settles"]) for r in found),
    )


def _age(age_s: int, since_s: int) -> str | None:
    if since_s == 0:
        return None
    return (
        f"{age_s // 86_400} d" if age_s >= 86_400 else f"{age_s // 3_600} h" if age_s >= 3_600 else f"{age_s // 60} m"
    )
