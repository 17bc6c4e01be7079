"""`recount passthrough propose | approve-policy | reject-policy | end-policy`: cost policies."""

from typing import Any

import click

from ledger.ids import Mode
from replay.cli.answers import when_of
from replay.cli.options import Asks, act_options, json_option, mode_option
from replay.cli.passthrough_batches import carried_out
from replay.cli.printing import say_done


@click.command("propose")
@click.argument("org", metavar="ORG")
@click.argument("category", metavar="CATEGORY")
@click.option("--billing-owner", required=True, metavar="CUSTOMER", help="Who is invoiced: a Stripe customer.")
@click.option("--currency", required=True, metavar="CODE", help="As Stripe writes it, e.g. usd.")
@click.option("--cap", type=click.IntRange(0), metavar="MINOR", help="Of costs in a calendar month, in minor units.")
@click.option("--unlimited", is_flag=True, help="Without a cap, which has to be said.")
@click.option("--warn", type=click.IntRange(1, 100), metavar="PERCENT", help="Warn at so much of the cap.")
@click.option(
    "--stop-rule",
    type=click.Choice(("notify", "block_new", "halt")),
    default="block_new",
    show_default=True,
    help="What happens when the cap is reached.",
)
@click.option("--markup", type=click.IntRange(0), default=0, metavar="BPS", help="In hundredths of a percent.")
@click.option("--from", "begins", metavar="TIME", help="From when; from when it is approved, if not given.")
@click.option("--until", metavar="TIME", help="Until when; until it is ended, if not given.")
@mode_option
@act_options
@json_option
def propose(
    org: str,
    category: str,
    mode: Mode,
    asks: Asks,
    as_json: bool,
    cap: int | None,
    warn: int | None,
    markup: int,
    begins: str | None,
    until: str | None,
    **given: Any,
) -> None:
    """Propose what of CATEGORY may be passed through to ORG. Somebody else approves it."""
    what = {
        **given,
        "org": org,
        "category": category,
        "cap_minor": cap,
        "warn_percent": warn,
        "markup_bps": markup,
        "from_s": _seconds(begins, "--from"),
        "until_s": _seconds(until, "--until"),
    }
    done = carried_out("propose_cost_policy", mode, asks, what)
    made = next((e["version"] for e in done.events if e["event"] == "cost_policy.proposed"), None)
    said = f"{category}@{made}" if made is not None else "it is proposed already"
    say_done(done, as_json, said, mode=mode, **what)


def _settling(name: str, act: str, said: str, about: str) -> click.Command:
    @click.command(name, help=about)
    @click.argument("org", metavar="ORG")
    @click.argument("category", metavar="CATEGORY")
    @click.argument("version", metavar="VERSION", type=click.IntRange(1))
    @mode_option
    @act_options
    @json_option
    def command(org: str, category: str, version: int, mode: Mode, asks: Asks, as_json: bool) -> None:
        what = {"org": org, "category": category, "version": version}
        done = carried_out(act, mode, asks, what)
        say_done(done, as_json, f"{category}@{version} {said if done.changed else f'was {said} already'}", **what)

    return command


@click.command("end-policy")
@click.argument("org", metavar="ORG")
@click.argument("category", metavar="CATEGORY")
@click.argument("version", metavar="VERSION", type=click.IntRange(1))
@click.option("--at", metavar="TIME", help="When; now, if not given.")
@mode_option
@act_options
@json_option
def end_policy(org: str, category: str, version: int, at: str | None, mode: Mode, asks: Asks, as_json: bool) -> None:
    """Let VERSION of a policy hold no longer. What was charged before stays billable."""
    what = {"org": org, "category": category, "version": version, "at_s": _seconds(at, "--at")}
    done = carried_out("end_cost_policy", mode, asks, what)
    say_done(done, as_json, f"{category}@{version} ends {at or 'now'}" if done.changed else "it ends already", **what)


def _seconds(given: str | None, option: str) -> int | None:
    return int(when_of(given, option).timestamp()) if given is not None else None


POLICY_COMMANDS: tuple[click.Command, ...] = (
    propose,
    _settling(
        "approve-policy",
        "approve_cost_policy",
        "approved",
        "Approve a proposed version of a policy, as a second person.",
    ),
    _settling(
        "reject-policy", "reject_cost_policy", "rejected", "Reject a proposed version of a policy, or take it back."
    ),
    end_policy,
)
