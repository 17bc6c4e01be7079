"""Each kind of what waits for a person appears in the queue for real, is counted, and names a command that exists.

What the API, the command line and the metrics say of one world in which all of them wait is compared.
"""

import re
import shlex
from collections.abc import Iterator
from types import SimpleNamespace

import click
import pytest
from histories import different, rows_of
from oracle.reviews import reviews as judged
from waiting import ORG, Desk, waiting

from api.metrics import exposition
from api.postgres import EmbeddedPostgres
from projections.reviews import SOURCES
from replay.cli import recount
from replay.review_queue import KINDS


@pytest.fixture(scope="module")
def desk(server: EmbeddedPostgres, template: str) -> Iterator[Desk]:
    with waiting(server, template) as found:
        yield found


SETTLED = {
    "second_person": ["recount approvals approve apr_1"],
    "unknown_call": ["recount calls resolve call_1"],
    "held_differences": ["recount endpoints release entitlement_changes"],
    "drift": ["recount reconcile objects --repair --account acct_1"],
    "fallen_area": ["recount launch sign-off prices"],
    "failed_delivery": ["recount endpoints redeliver ep_1:ntc_1"],
    "overdue_enforcement": [f"recount service acknowledge {shlex.quote(ORG)} enf_1 --environment default"],
    "held_charge": [f"recount passthrough propose {shlex.quote(ORG)} inference"],
    "proposed_policy": [f"recount passthrough approve-policy {shlex.quote(ORG)} voices 1"],
    "batch_in_review": ["recount passthrough approve acme 2025-10.1"],
    "spending_stop": ["recount passthrough acknowledge acme inference 2025-10 usd"],
    "setup_step": ["recount setup approve sub_1 scope"],
    "quarantined": ["recount quarantine show platform:evt_0009"],
    "conflict": ["recount quarantine show platform:evt_0001"],
    "parked": [f"recount quarantine show {shlex.quote('entitlements:' + ORG)}"],
}


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_appears_with_age_weight_owner_and_what_settles_it(desk: Desk, kind: str) -> None:
    mine = [r for r in desk.queue() if r["kind"] == kind]
    assert mine and all(r["said"] and r["weight"] > 0 and r["owner"] and r["age_s"] >= 0 for r in mine)
    for row in mine:
        parses(row["settles"])
    if kind in SETTLED:
        assert [r["settles"] for r in mine] == SETTLED[kind]
    # and the command line and the metrics say the same
    told = desk.cli.json("review", "--kind", kind)["data"]
    assert [(r["item"], r["settles"]) for r in told] == [(r["item"], r["settles"]) for r in mine]
    assert counted(desk)["test", kind] == len(mine)


def parses(line: str) -> None:
    """Whether a line is a command that exists, with all of its arguments and none but its options."""
    name, *words = shlex.split(line)
    assert name == "recount"
    command: click.Command = recount
    context = click.Context(command)
    while isinstance(command, click.Group):
        found = command.get_command(context, words.pop(0))
        assert found is not None, line
        command, context = found, click.Context(found, parent=context)
    given, left, _ = command.make_parser(context).parse_args(words)
    assert left == [], line
    for param in command.params:
        told = given.get(str(param.name))
        if isinstance(told, str):
            param.type_cast_value(context, told)
        assert not isinstance(param, click.Argument) or isinstance(told, str), (line, param.name)


def counted(desk: Desk) -> dict[tuple[str, str], int]:
    with desk.world.context.readers.connection() as conn:
        text = exposition(lambda: conn).decode()
    found = re.findall(r'^recount_reviews\{kind="(\w+)",mode="(\w+)"\} (\d+)', text, re.M)
    return {(mode, kind): int(count) for kind, mode, count in found}


def test_a_line_that_is_no_command_does_not_parse() -> None:
    for line in ("recount calls settle call_1", "recount calls resolve", "recount calls resolve a b"):
        with pytest.raises(AssertionError):
            parses(line)
    with pytest.raises(click.UsageError):
        parses("recount calls resolve a --for-ever")


def test_live_mode_is_said_in_the_command(desk: Desk) -> None:
    (row,) = desk.cli.json("review", "--mode", "live", "--kind", "unknown_call")["data"]
    assert row["settles"] == "recount calls resolve call_live --mode live"
    parses(row["settles"])
    assert counted(desk)["live", "unknown_call"] == 1 and counted(desk)["live", "drift"] == 0


def test_the_weightiest_comes_first_and_of_these_the_oldest(desk: Desk) -> None:
    order = [(-r["weight"], r["since"], r["kind"], r["item"]) for r in desk.queue()]
    assert order == sorted(order) and len(order) > len(KINDS)


def test_on_a_terminal_each_command_stands_whole_on_a_line_of_its_own(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("replay.cli.review.sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    lines = [line.strip() for line in desk.cli("review", "--limit", "99").stdout.splitlines()]
    assert lines[1::2] == [row["settles"] for row in desk.queue()]


def test_the_oracle_sees_the_same_wait(desk: Desk) -> None:
    rows = rows_of(desk.world.conninfo)
    model = "operator_reviews"
    assert different({model: rows[model]}, {model: judged(rows)}) == []
    assert {kind for _, kind, _ in rows[model]} == {source.kind for source in SOURCES}


#: What a person adds to the command that is shown. What is left out needs more than one command, or Stripe.
BOB = "--actor bob --reason 'I looked'"
ADDED = {
    "unknown_call": f"--never {BOB}",
    "overdue_enforcement": BOB,
    "proposed_policy": BOB,
    "spending_stop": "--actor bob",
    "failed_delivery": BOB,
    "setup_step": f"--artefact 'the scope' --authorizes 'going on' {BOB}",
}


def test_what_the_shown_command_settles_is_gone_from_the_queue(server: EmbeddedPostgres, template: str) -> None:
    with waiting(server, template) as desk:
        for kind, added in ADDED.items():
            (row,) = [r for r in desk.queue() if r["kind"] == kind]
            _, *words = shlex.split(f"{row['settles']} {added}")
            desk.cli(*words)
            desk.world.project()
            left = [(r["item"], r["said"]) for r in desk.queue() if r["kind"] == kind]
            assert (row["item"], row["said"]) not in left, (kind, left)
        (after,) = [r for r in desk.queue() if r["kind"] == "setup_step"]
        assert after["settles"] == "recount setup approve sub_1 qa"
