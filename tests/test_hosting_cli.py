"""`recount env` and `recount rates`: from a file of rates to an invoice, and a provider's ledger held against ours."""

import json
from pathlib import Path
from typing import Any

import pytest
from hosting import at
from test_cli import Cli, catch_up

from api.hosting import taking
from commands.cost_events import CostEvent
from ledger.store import Log
from replay.rebuild import ensure_built

JAN_1 = at("2026-01-01")
CARD = """\
card: standard
currency: eur
effective: 2025-01-01
markup_percent: "20"
rates:
  cpu: "10"
  egress: "0.5"
"""


class Hosted:
    """A CLI over a database with an environment of acme's, and what a cluster reported."""

    def __init__(self, database: str, folder: Path) -> None:
        ensure_built(database)
        self.database, self.folder = database, folder
        self.cli = Cli(database, RECOUNT_SECOND_PERSON_FROM="50")
        self.file("card.yaml", CARD)
        self.act("rates", "apply", str(folder / "card.yaml"))
        self.environment = self.act("env", "create", "acme", "production").strip()
        self.act("env", "place", "project", "web", "--environment", self.environment, "--at", "2025-06-01")
        self.report(("c1", "shop", "10"), ("c2", "blog", "2.5"))

    def file(self, name: str, text: str) -> str:
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def act(self, *words: str, actor: str = "ada") -> str:
        said = self.cli(*words, "--actor", actor, "--reason", "a test").stdout
        catch_up(self.database)
        return said

    def report(self, *used: tuple[str, str, str]) -> None:
        log = Log(self.database)
        events = tuple(
            CostEvent(
                id=id,
                namespace=namespace,
                resource="cpu",
                from_s=JAN_1,
                until_s=JAN_1 + 3_600,
                quantity=quantity,
                project="web",
            )
            for id, namespace, quantity in used
        )
        taking.take(log, taking.Reporter("test", "cluster", 2**37), taking.Batch(events=events))
        log.close()
        catch_up(self.database)

    def accrue(self) -> Any:
        found = self.cli.json("env", "accrue")
        catch_up(self.database)
        return found


@pytest.fixture
def hosted(database: str, tmp_path: Path) -> Hosted:
    return Hosted(database, tmp_path)


def test_an_environment_is_priced_by_another_card_from_an_instant_on(hosted: Hosted) -> None:
    hosted.act("rates", "apply", hosted.file("dear.yaml", CARD.replace("standard", "dear").replace('"10"', '"100"')))
    said = hosted.act("env", "rate-card", hosted.environment, "dear", "--at", "2026-01-01T00:30:00Z")
    assert "is priced by dear from 2026-01-01T00:30:00Z on" in said
    hosted.accrue()
    rows = hosted.cli.json("env", "accruals", "acme")["data"]
    assert [row["amount"] for row in rows] == ["825"]


def test_a_file_of_rates_is_shown_as_what_it_changes_and_applied_once(hosted: Hosted) -> None:
    card = hosted.file("card.yaml", CARD.replace('"0.5"', '"0.75"'))
    said = hosted.cli("rates", "diff", card).stdout
    assert "~ standard, version 2" in said
    assert "egress: 0.5 → 0.75" in said
    assert "standard@2 is published" in hosted.act("rates", "apply", card)
    assert "nothing changes" in hosted.act("rates", "apply", card)
    assert hosted.cli("rates", "diff", card).stdout == "nothing changes\n"
    assert [r["id"] for r in hosted.cli.json("rates", "list")["data"]] == ["standard@1", "standard@2"]
    wrong = hosted.file("wrong.yaml", CARD.replace("rates:", "rate:"))
    assert hosted.cli.json("rates", "diff", wrong, code=2)["error"]["code"] == "invalid_rate_card"


def test_usage_becomes_accruals_a_breakdown_and_the_open_months_invoice(hosted: Hosted) -> None:
    assert hosted.accrue()["bookings"] == 1
    (booked,) = hosted.cli.json("env", "accruals", "acme")["data"]
    assert (booked["day"], booked["amount"], booked["currency"]) == ("2026-01-01", "150", "eur")
    said = hosted.cli("env", "breakdown", "acme", "--top", "1").stdout.splitlines()
    assert [line.split() for line in said] == [
        ["80.00%", "120", "eur", "shop"],
        ["20.00%", "30", "eur", "1", "others"],
        ["100.00%", "150", "eur", "in", "all"],
    ]
    (still_open,) = hosted.cli.json("env", "invoices", "--open", "--org", "acme", "--month", "2026-01")["data"]
    assert (still_open["total_minor"], len(still_open["lines"])) == (150, 2)
    assert (
        "150 eur minor units (open)"
        in hosted.cli("env", "invoices", "--open", "--org", "acme", "--month", "2026-01").stdout
    )


def test_environments_are_listed_renamed_shared_moved_and_archived(hosted: Hosted) -> None:
    env = hosted.environment
    assert "is called prod" in hosted.act("env", "rename", env, "prod")
    hosted.act("env", "share", env, "globex")
    hosted.act("env", "move", env, "initech", "--at", "2026-02-01")
    (row,) = hosted.cli.json("env", "list", "--org", "globex")["data"]
    assert (row["name"], row["org"], row["shared_with"]) == ("prod", "initech", ["globex"])
    hosted.act("env", "archive", env)
    refused = hosted.cli.json(
        "env", "place", "namespace", "n", "--environment", env, "--actor", "ada", "--reason", "?", code=2
    )
    assert refused["error"]["code"] == "environment_archived"


def test_a_limit_is_shown_set_and_lifted(hosted: Hosted) -> None:
    assert hosted.cli("env", "limit", "acme").stdout == "acme has no limit\n"
    hosted.act("env", "limit", "acme", "5000", "--currency", "eur", "--hard-stop")
    assert hosted.cli("env", "limit", "acme").stdout == "acme: 5000 eur a month, then stopped\n"
    hosted.act("env", "limit", "acme", "--unlimited")
    assert hosted.cli("env", "limit", "acme").stdout == "acme has no limit, explicitly\n"


def test_a_providers_ledger_is_held_against_ours_and_a_second_person_books_the_difference(hosted: Hosted) -> None:
    hosted.accrue()
    ledger = hosted.file(
        "usage.csv", "namespace,day,resource,quantity\nshop,2026-01-01,cpu,9\nblog,2026-01-01,cpu,2.5\n"
    )
    told = hosted.cli.json("env", "reconcile", "--source", ledger, code=1)
    assert [(d["namespace"], d["difference"], d["amount"]) for d in told["differences"]] == [("shop", "-1", "-12")]
    said = hosted.act("env", "reconcile", "--source", ledger, "--book")
    assert "waits for a second person" in said
    waiting = hosted.cli.json("approvals", "list")["data"][0]["id"]
    hosted.act("approvals", "approve", waiting, actor="bob")
    hosted.accrue()
    hosted.accrue()
    amounts = [a["amount"] for a in hosted.cli.json("env", "accruals", "acme")["data"]]
    assert amounts == ["150", "-12"]
    hosted.cli("env", "reconcile", "--source", ledger)
    lines = "\n".join(
        json.dumps({"namespace": n, "day": "2026-01-01", "resource": "cpu", "quantity": q})
        for n, q in (("shop", "9"), ("blog", 2.5))
    )
    hosted.cli("env", "reconcile", "--source", hosted.file("usage.jsonl", lines))
    wrong = hosted.file("wrong.csv", "namespace,day\nshop,2026-01-01\n")
    assert hosted.cli.json("env", "reconcile", "--source", wrong, code=2)["error"]["code"] == "bad_usage_ledger"


def test_claims_are_compared_with_the_log(hosted: Hosted) -> None:
    assert hosted.cli.json("env", "claims") == {"mode": "test", "records": 2, "wrong": []}
