"""The view of an incident: nothing that the log says of an organization is missing, and nothing of another is there."""

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest
from samples import T, customer, event
from test_reviews import AGENTS  # noqa: F401 # the plan that waits to be set up
from waiting import ORG, Desk, waiting

from api.postgres import EmbeddedPostgres
from ledger.events import Recorded
from ledger.ids import call_stream, service_stream
from ledger.sealing import PREFIX, is_sealed
from ledger.service_events import ServiceStepped
from ledger.stripe_call_events import StripeCallFailed
from replay.incident import in_words

#: Told as a call, a notice or an act: not once more as an event.
_OTHERWISE = ("stripe_call.", "notice.", "receipt.", "attempt.")
ALWAYS = ("--from", "2001-01-01")


def stepped(before: str, state: str, at_s: int) -> ServiceStepped:
    given = dict.fromkeys(ServiceStepped.__struct_fields__)
    told = {"mode": "test", "org": ORG, "service": "postpaid", "before": before, "state": state, "at_s": at_s}
    return ServiceStepped(**{**given, "because": {}, "enforced": True, **told})


@pytest.fixture(scope="module")
def desk(server: EmbeddedPostgres, template: str) -> Iterator[Desk]:
    """An organization to which much happened, and who acted on it."""
    with waiting(server, template) as found:
        world = found.world
        operator = world.key("operator", person="ada")

        def act(which: str, **body: Any) -> Any:
            response = world.post(f"/v1/acts/{which}", {"reason": "they asked", **body}, operator)
            assert response.status_code in (200, 202), (which, response.text)
            world.project()
            return response.json

        found.say(service_stream("test", ORG, "postpaid"), stepped("active", "past_due", T + 5))
        found.say(service_stream("test", ORG, "postpaid"), stepped("past_due", "suspended", T + 9))
        answered = {"type": "card_error", "code": "card_declined", "decline_code": "lost_card", "param": None}
        failed = StripeCallFailed(
            call_id="call_1", mode="test", **answered, status=402, request_id=None, answered_s=T + 60, by="look_up"
        )
        found.say(call_stream("test", "call_1"), failed)
        refund = {"object": "refund", "id": "re_1", "charge": "ch_1", "amount": 5, "currency": "eur"}
        paid = {"object": "charge", "id": "ch_1", "customer": "cus_1", "amount": 9, "currency": "eur", "paid": True}
        world.tell(
            event(21, "charge.succeeded", {**paid, "status": "succeeded", "metadata": {}, "created": T}),
            event(22, "refund.created", {**refund, "status": "succeeded", "metadata": {}, "created": T + 1}, at=T + 1),
            event(23, "customer.created", customer("cus_other", org="Ann & Bob")),
        )
        world.project()
        act("grant_override", org=ORG, feature="agent")
        made = act("create_environment", org=ORG, name="production")
        (environment,) = {e["environment"] for e in made["events"] if "environment" in e}
        act("rename_environment", environment=environment, name="prod")
        act("set_spending_limit", org=ORG, currency="eur", limit_minor=100)
        act("approve_setup_step", placement="sub_1", step="scope", artefact="doc", authorizes="going on")
        act("grant_override", org="Ann & Bob", feature="agent")
        yield found


def told(desk: Desk, *more: str, org: str = ORG) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = desk.cli.json("incident", org, *ALWAYS, *more)["data"]
    return found


def of_log(desk: Desk) -> list[Recorded]:
    return [r for r in desk.world.log.read(0, 10_000) if getattr(r.event, "mode", "test") in ("test", None)]


def test_every_event_that_names_the_organization_is_there_once(desk: Desk) -> None:
    lines = [line["id"] for line in told(desk, "--kind", "event")]
    named = [r for r in of_log(desk) if getattr(r.event, "org", None) == ORG]
    expected = [f"{r.stream}@{r.version}" for r in named if not r.event.NAME.startswith(_OTHERWISE)]
    assert len({r.event.NAME for r in named}) > 10
    assert [id for id in expected if id not in lines] == []
    assert len(lines) == len(set(lines))


def test_stripes_events_are_those_of_its_customers_and_of_what_hangs_on_them(desk: Desk) -> None:
    lines = {line["id"] for line in told(desk, "--kind", "event") if line["id"].startswith("evt_")}
    assert lines == {"evt_0001", "evt_0002", "evt_0021", "evt_0022"}


def test_every_call_with_its_answer_every_notice_and_every_act_is_there(desk: Desk) -> None:
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for line in told(desk):
        by_kind.setdefault(line["kind"], []).append(line)
    assert [(c["type"], c["id"], c["said"]) for c in by_kind["call"]] == [("invoices.pay", "call_1", "failed")]
    assert [c["said"] for c in by_kind["answer"]] == ["failed: lost_card"]
    assert [n["type"] for n in by_kind["notice"]] == ["override.ending"]
    acts = [(a["type"], a["by"], a["said"]) for a in by_kind["act"]]
    wanted = ("grant_override", "create_environment", "rename_environment", "set_spending_limit", "approve_setup_step")
    outcomes = ["waiting", "done", "done", "done", "done"]  # an override takes a second person
    assert [a for a in acts if a[0] in wanted] == [
        (which, "ada", f"{outcome}: they asked") for which, outcome in zip(wanted, outcomes, strict=True)
    ]


def test_every_step_of_a_service_is_told_not_only_the_last(desk: Desk) -> None:
    steps = [line["said"] for line in told(desk) if line["type"] == "service.stepped"]
    assert steps == [
        "service postpaid, before active, state past_due, enforced",
        "service postpaid, before past_due, state suspended, enforced",
    ]


def test_an_event_is_shown_by_what_its_line_calls_it(desk: Desk) -> None:
    for line in told(desk, "--kind", "event"):
        (shown, *more) = desk.cli.json("events", "show", line["id"])["data"]
        assert shown["position"] == line["position"] and (not more or line["id"].startswith("evt_"))


def test_what_an_event_says_is_plain_and_nothing_that_is_sealed() -> None:
    said = {
        "org": "org_a", "state": "closed", "name": f"{PREFIX}c3ViamVjdA:x", "because": {"debt": "in_1", "lines": [1]},
        "due_s": 1_760_000_000, "enforced": True, "told": False, "limit": None, "lines": ["a"],
    }  # fmt: skip
    assert is_sealed(said["name"])
    assert in_words(said) == "state closed, because.debt in_1, due 2025-10-09T08:53:20Z, enforced"


def test_a_span_is_half_open_and_in_order(desk: Desk) -> None:
    lines = told(desk)
    assert [x["at"] for x in lines] == sorted(x["at"] for x in lines)
    middle = sorted({x["at"] for x in lines})[1]
    until = desk.cli.json("incident", ORG, "--from", "2001-01-01", "--to", middle)["data"]
    since = desk.cli.json("incident", ORG, "--from", middle)["data"]
    assert until == [x for x in lines if x["at"] < middle] and since == [x for x in lines if x["at"] >= middle]
    refused = desk.cli("incident", ORG, "--from", middle, "--to", middle, code=2)
    assert "--to is after --from" in refused.stderr


def test_the_api_says_the_same_page_by_page(desk: Desk) -> None:
    found: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = desk.world.app.test_client().get(
            "/v1/incidents",
            query_string={"org": ORG, "limit": "7", **({"cursor": cursor} if cursor else {})},
            headers={"Authorization": f"Bearer {desk.world.key('operator')}"},
        )
        assert page.status_code == 200, page.text
        found += page.json["data"]
        cursor = page.json["next_cursor"]
        if cursor is None:
            break
    assert [(x["kind"], x["id"], x["said"], x["by"]) for x in found] == [
        (x["kind"], x["id"], x["said"], x["by"]) for x in told(desk)
    ]


def test_another_organization_sees_its_own_alone(desk: Desk) -> None:
    lines = told(desk, org="Ann & Bob")
    assert {x["type"] for x in lines if x["kind"] == "event"} == {"customer.created", "approval.requested"}
    assert {x["org"] for x in lines} == {"Ann & Bob"}
    assert "nothing happened to nobody then" in desk.cli("incident", "nobody", *ALWAYS).stdout


def test_what_is_left_out_is_said(desk: Desk) -> None:
    short = desk.cli("incident", ORG, *ALWAYS, "--limit", "3")
    assert len(short.stdout.splitlines()) == 3 and "there is more" in short.stderr
    everything = told(desk)
    assert desk.cli.json("incident", ORG, *ALWAYS, "--limit", "3")["data"] == everything[:3]


@pytest.mark.parametrize("columns", [80, 140])
def test_on_a_terminal_a_line_goes_on_beneath_itself(desk: Desk, columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("replay.cli.incident.sys", SimpleNamespace(stdout=SimpleNamespace(isatty=lambda: True)))
    monkeypatch.setenv("COLUMNS", str(columns))
    shown = desk.cli("incident", ORG, *ALWAYS).stdout.splitlines()
    assert max(map(len, shown)) <= columns
    whole = " ".join(" ".join(shown).split())
    assert all(line["said"] in whole for line in told(desk) if line["said"])
    assert sum(not line.startswith(" ") for line in shown) == len(told(desk))
