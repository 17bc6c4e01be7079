"""`recount passthrough`: cost policies, what providers charged, what is reserved, and reconciliation batches."""

from typing import IO, Any

import click

from ledger.charge_claims import unclaimed
from ledger.ids import Mode
from ledger.passthrough_events import ProviderChargesRecorded
from ledger.store import read_own
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.passthrough_batches import BATCH_COMMANDS
from replay.cli.passthrough_lists import LIST_COMMANDS
from replay.cli.passthrough_policies import POLICY_COMMANDS
from replay.cli.printing import number, progress, say, say_json
from replay.cli.service import attached, service

#: Rows that were refused, and claims that are not as they should be, exit so; an error exits 2.
REFUSED = 1
_FORMATS = ("csv", "json", "jsonl")


@click.group()
def passthrough() -> None:
    """Pass provider costs through: policies, charges, reservations, and batches that are invoiced."""


@passthrough.command("import")
@click.argument("file", metavar="FILE", type=click.File("r", encoding="utf-8-sig"))
@click.option("--provider", required=True, metavar="NAME", help="Whose charges these are, e.g. openai.")
@click.option(
    "--mapping",
    metavar="FILE",
    type=click.File("r", encoding="utf-8"),
    help="How its columns are ours (YAML); without it they are named as we name them.",
)
@click.option("--format", "kind", type=click.Choice(_FORMATS), help="By the file's name, if not given.")
@mode_option
@act_options
@json_option
@click.pass_context
def import_file(
    ctx: click.Context,
    file: IO[str],
    provider: str,
    mapping: IO[str] | None,
    kind: str | None,
    mode: Mode,
    asks: Asks,
    as_json: bool,
) -> None:
    """Record what a provider charged. Run again after anything that stopped it, it goes on.

    Exits 1 if a row was refused.
    """
    with attached() as edge, progress("import", "charges") as tell:
        done = 0

        def advance(rows: int) -> None:
            nonlocal done
            done += rows
            tell(done, None)

        report = edge.act(
            "import_charges",
            asks,
            file=file,
            kind=kind,
            path=file.name,
            mapping=mapping.read() if mapping is not None else None,
            provider=provider,
            mode=mode,
            progress=advance,
        )
    if as_json:
        say_json(report)
    else:
        _say_report(report)
    if report.refused:
        ctx.exit(REFUSED)


def _say_report(report: Any) -> None:
    would = "would be " if report.dry_run else ""
    say(
        f"{number(report.rows)} rows: {number(report.recorded)} {would}recorded, {number(report.known)} known before,"
        f" {number(report.refused)} {would}refused"
    )
    held = ", ".join(f"{number(n)} {why}" for why, n in report.held.items())
    say(f"of those recorded, {number(report.matched)} are covered by a policy" + (f"; held: {held}" if held else ""))
    for row in report.refused_rows:
        say(f"row {row.row}{f' ({row.reference})' if row.reference else ''}: {row.code}: {row.message}")


@passthrough.command("acknowledge")
@click.argument("org", metavar="ORG")
@click.argument("category", metavar="CATEGORY")
@click.argument("period", metavar="PERIOD")
@click.argument("currency", metavar="CURRENCY")
@click.option("--actor", metavar="NAME", required=True, help="Who heard of it; recorded.")
@mode_option
@json_option
def acknowledge(org: str, category: str, period: str, currency: str, actor: str, mode: Mode, as_json: bool) -> None:
    """Say that one heard that what was spent of CATEGORY reached its cap."""
    which = {"category": category, "period": period, "currency": currency}
    with attached() as edge:
        changed = service("acknowledge_stop")(edge.database, mode=mode, org=org, by=actor, **which)
    if as_json:
        say_json({"changed": changed})
    else:
        say("acknowledged" if changed else "somebody acknowledged it before")


@passthrough.command("claims")
@json_option
@click.pass_context
def claims(ctx: click.Context, as_json: bool) -> None:
    """Compare what was recorded of every charge with its claim. Exits 1 if they differ."""
    records, charges, wrong = 0, 0, []
    with attached() as edge, edge.reading() as conn:
        for recorded in read_own(conn, [ProviderChargesRecorded.NAME]):
            event = recorded.event
            records, charges = records + 1, charges + len(event.charges)
            wrong += [f"{event.provider}/{reference}" for reference in unclaimed(conn, event)]
    if as_json:
        say_json({"records": records, "charges": charges, "wrong": wrong})
    else:
        counted = f"{number(charges)} charges in {number(records)} records"
        say(f"{counted}, {number(len(wrong))} not claimed as they should be")
        for each in wrong:
            say(each)
    if wrong:
        ctx.exit(REFUSED)


for _command in (*POLICY_COMMANDS, *BATCH_COMMANDS, *LIST_COMMANDS):
    passthrough.add_command(_command)
