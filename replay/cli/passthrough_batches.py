"""`recount passthrough open | collect | start-review | review | approve | reopen | discard`: reconciliation batches."""

import re
from typing import Any

import click

from ledger.ids import Mode
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.printing import say_done
from replay.cli.service import attached

_NAME = re.compile(r"(\d{4}-\d{2})\.(\d{1,9})")


class _Batch(click.ParamType[tuple[str, int]]):
    """A batch by its name: the month and a number."""

    name = "BATCH"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, int]:
        found = _NAME.fullmatch(str(value))
        if found is None:
            self.fail(f"{value!r} is no batch; it is a month and a number, as 2025-10.1", param, ctx)
        return found[1], int(found[2])


class _Statement(click.ParamType[tuple[str, str]]):
    """What a provider's statement comes to: `openai=120050`."""

    name = "PROVIDER=MINOR"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> tuple[str, str]:
        provider, equals, total = str(value).partition("=")
        if not equals or not total:
            self.fail(f"{value!r} is no statement; write provider=total in minor units", param, ctx)
        return provider, total


_org = click.argument("org", metavar="ORG")
_batch = click.argument("batch", metavar="BATCH", type=_Batch())


def carried_out(name: str, mode: Mode, asks: Asks, what: dict[str, Any]) -> Any:
    """Carry out an act of pass-through."""
    with attached() as edge:
        return edge.act("passthrough_act", asks, which=name, mode=mode, given=what)


@click.command("open")
@_org
@click.argument("period", metavar="PERIOD")
@click.option("--currency", required=True, metavar="CODE", help="Of the charges that it collects.")
@mode_option
@act_options
@json_option
def open_batch(org: str, period: str, currency: str, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Open a batch of what ORG was charged for in PERIOD, a calendar month as YYYY-MM. Prints its name."""
    what = {"org": org, "period": period, "currency": currency}
    done = carried_out("open_batch", mode, asks, what)
    opened = next((e["number"] for e in done.events if e["event"] == "reconciliation_batch.opened"), None)
    say_done(done, as_json, f"{period}.{opened}", mode=mode, **what)


@click.command("start-review")
@_org
@_batch
@click.option(
    "--statement",
    "statements",
    multiple=True,
    type=_Statement(),
    help="What a provider's statement of the month comes to, in minor units; once a provider.",
)
@mode_option
@act_options
@json_option
def start_review(
    org: str,
    batch: tuple[str, int],
    statements: tuple[tuple[str, str], ...],
    mode: Mode,
    asks: Asks,
    as_json: bool,
) -> None:
    """Let BATCH take in nothing more, and compare it with the providers' statements."""
    what = {**_of(org, batch), "statements": dict(statements)}
    done = carried_out("start_review", mode, asks, what)
    say_done(done, as_json, f"{_named(batch)} is in review", **what)


@click.command("review")
@_org
@_batch
@click.argument("decision", metavar="DECISION", type=click.Choice(("accept", "adjust", "reject", "defer")))
@click.argument("charges", metavar="[PROVIDER/REFERENCE]...", nargs=-1)
@click.option("--rest", is_flag=True, help="Every charge that nobody decided on, as far as that may be.")
@click.option("--cost", metavar="MINOR", help="What an adjusted charge costs.")
@mode_option
@act_options
@json_option
def review(
    org: str,
    batch: tuple[str, int],
    decision: str,
    charges: tuple[str, ...],
    rest: bool,
    cost: str | None,
    mode: Mode,
    asks: Asks,
    as_json: bool,
) -> None:
    """Accept, adjust, reject or defer charges of BATCH: those that are named, or the rest."""
    if rest == bool(charges):
        raise click.UsageError("name charges, or say --rest")
    what = {**_of(org, batch), "decision": decision, "charges": charges, "cost_minor": cost}
    done = carried_out("review_charges", mode, asks, what)
    say_done(done, as_json, f"{_named(batch)}: done" if done.changed else "it was decided so already", **what)


@click.command("approve")
@_org
@_batch
@click.option(
    "--policy",
    "policy_versions",
    multiple=True,
    metavar="CATEGORY@VERSION",
    help="A policy's version that it bills under; all of them are to be named.",
)
@click.option("--despite-difference", is_flag=True, help="Although a statement says another total.")
@mode_option
@act_options
@json_option
def approve(
    org: str,
    batch: tuple[str, int],
    policy_versions: tuple[str, ...],
    despite_difference: bool,
    mode: Mode,
    asks: Asks,
    as_json: bool,
) -> None:
    """Approve BATCH, as somebody who did not review it: then it is ready to be invoiced."""
    what = {**_of(org, batch), "policy_versions": policy_versions, "despite_difference": despite_difference}
    done = carried_out("approve_batch", mode, asks, what)
    ready = next((e for e in done.events if e["event"] == "reconciliation_batch.invoice_ready"), None)
    total = f": {ready['total_minor']} {ready['currency']} are to be invoiced" if ready is not None else ""
    say_done(done, as_json, f"{_named(batch)} is approved{total}", **what)


def _plain(name: str, act: str, said: str, about: str) -> click.Command:
    @click.command(name, help=about)
    @_org
    @_batch
    @mode_option
    @act_options
    @json_option
    def command(org: str, batch: tuple[str, int], mode: Mode, asks: Asks, as_json: bool) -> None:
        what = _of(org, batch)
        done = carried_out(act, mode, asks, what)
        say_done(done, as_json, f"{_named(batch)} {said}" if done.changed else "nothing changes", **what)

    return command


def _of(org: str, batch: tuple[str, int]) -> dict[str, Any]:
    return {"org": org, "period": batch[0], "number": batch[1]}


def _named(batch: tuple[str, int]) -> str:
    return f"{batch[0]}.{batch[1]}"


BATCH_COMMANDS: tuple[click.Command, ...] = (
    open_batch,
    _plain("collect", "collect_batch", "took in what was charged since", "Take into BATCH what was charged since."),
    start_review,
    review,
    approve,
    _plain("reopen", "reopen_batch", "is in review again", "Review BATCH again, which was approved and not invoiced."),
    _plain("discard", "discard_batch", "is discarded", "Drop BATCH; its charges are free for another."),
)
