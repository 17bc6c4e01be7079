"""Provider charges: each reference once for ever, matched or held for a reason; and files of them."""

import io
import json
import signal
import subprocess
import sys
from base64 import b64encode
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from click.testing import CliRunner
from histories import built, project, rows_of
from passthrough import DAY, NOW, Memory, Office, charge

from api.database import Database
from api.operations import asked_by
from api.passthrough.books import LogBooks
from api.passthrough.files import Mapped, Read, Unread, format_of, mapping_of, read_charges
from api.passthrough.importing import Report, import_charges
from api.settings import load
from ledger import charge_claims
from ledger.errors import Invalid, StoreUnavailable
from ledger.passthrough_events import ProviderChargesRecorded
from ledger.store import Log
from replay.cli import recount
from replay.verify import verify


@pytest.fixture
def office() -> Office:
    return Office(Memory())


def recorded(office: Office) -> list[str]:
    """Every reference in the log, as often as it is there."""
    events = (r.event for r in office.books.all)  # type: ignore[attr-defined]
    return [c.reference for e in events if isinstance(e, ProviderChargesRecorded) for c in e.charges]


def test_a_reference_counts_once_for_ever(office: Office) -> None:
    first = office.charge(charge("c1"), charge("c2"))
    again = office.charge(charge("c2"), charge("c3"), charge("c3"))
    assert (first.new, again.new, again.known) == (("c1", "c2"), ("c3",), 1)
    assert sorted(recorded(office)) == ["c1", "c2", "c3"]
    assert office.budget().recorded == 300


@pytest.mark.parametrize(
    "other", [{"cost": 101}, {"category": "search"}, {"org": "other"}, {"occurred_s": NOW - 5}, {"currency": "eur"}]
)
def test_the_same_reference_with_other_content_is_refused_and_the_rest_recorded(
    office: Office, other: dict[str, Any]
) -> None:
    office.charge(charge("c1"))
    done = office.charge(charge("c1", **other), charge("c2"))
    assert ([(r.reference, r.code) for r in done.refused], done.new) == ([("c1", "charge_conflict")], ("c2",))
    assert recorded(office) == ["c1", "c2"]


def test_two_contents_of_one_reference_at_once_are_a_conflict_of_the_second(office: Office) -> None:
    done = office.charge(charge("c1"), charge("c1", 5))
    assert (done.new, [r.code for r in done.refused]) == (("c1",), ["charge_conflict"])


def test_each_provider_has_references_of_its_own(office: Office) -> None:
    assert office.charge(charge("c1")).new == office.charge(charge("c1", 7), provider="aws").new == ("c1",)


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"reference": " c"}, "bad_reference"),
        ({"reference": "a\0b"}, "bad_reference"),
        ({"org": ""}, "not_an_organization"),
        ({"category": "a@1"}, "not_a_category"),
        ({"currency": "dollars"}, "bad_currency"),
        ({"cost_minor": Decimal("0.0000001")}, "bad_amount"),
        ({"occurred_s": NOW + 301}, "in_the_future"),
        ({"occurred_s": -1}, "in_the_future"),
    ],
)
def test_a_charge_that_cannot_be_meant_is_told_and_keeps_no_other(
    office: Office, wrong: dict[str, Any], code: str
) -> None:
    done = office.charge(msgspec.structs.replace(charge("c1"), **wrong), charge("c2"))
    assert ([r.code for r in done.refused], done.new) == ([code], ("c2",))


def test_a_provider_that_is_none_is_refused(office: Office) -> None:
    with pytest.raises(Invalid) as caught:
        office.charge(charge("c1"), provider="Open AI")
    assert caught.value.code == "not_a_provider"


# ---- what is believed of them -------------------------------------------------------------------


@pytest.fixture
def live(database: str, log: Log) -> Office:
    built(database)
    return Office(LogBooks(log))


def statuses(database: str) -> dict[str, tuple[Any, ...]]:
    project(database)
    rows = rows_of(database)["provider_charges"].values()
    return {r["reference"]: (r["status"], r["held"], r["policy_version"]) for r in rows}


def test_a_charge_is_matched_to_the_version_in_force_when_it_occurred(database: str, live: Office) -> None:
    live.charge(
        charge("before", occurred_s=NOW - 12 * DAY),
        charge("first", occurred_s=NOW - 9 * DAY),
        charge("second", occurred_s=NOW - 4 * DAY),
        charge("after", occurred_s=NOW),
        charge("euros", currency="eur"),
        charge("other", category="search"),
    )
    assert set(statuses(database).values()) == {("held", "no_policy", None)}
    live.policy(None, from_s=NOW - 10 * DAY, until_s=NOW - DAY // 2)
    live.policy(None, from_s=NOW - 5 * DAY, until_s=NOW - DAY // 2)
    assert statuses(database) == {
        "before": ("held", "outside_dates", None),
        "first": ("matched", None, 1),
        "second": ("matched", None, 2),
        "after": ("held", "outside_dates", None),
        "euros": ("held", "other_currency", None),
        "other": ("held", "no_policy", None),
    }
    assert [v.differences for v in verify(database)] == [(), ()]


def test_what_passes_the_cap_is_held_until_there_is_more_room(database: str, live: Office) -> None:
    live.policy(250)
    for n in range(4):
        live.charge(charge(f"c{n}", 100))
    held = ("held", "above_cap", None)
    assert statuses(database) == {
        "c0": ("matched", None, 1), "c1": ("matched", None, 1), "c2": held, "c3": held,
    }  # fmt: skip
    live.policy(300)
    assert statuses(database)["c2"] == ("matched", None, 2)
    assert statuses(database)["c3"] == held


def test_a_claim_stands_in_the_transaction_that_appends_the_record(database: str, live: Office, log: Log) -> None:
    live.charge(charge("c1"), charge("c2"))
    with psycopg.connect(database) as conn:
        rows = conn.execute("SELECT provider, reference, record FROM ledger.charge_claims ORDER BY 2").fetchall()
    (event,) = [r.event for r in log.read(0, 100) if isinstance(r.event, ProviderChargesRecorded)]
    assert rows == [("openai", "c1", event.record), ("openai", "c2", event.record)]
    with psycopg.connect(database, autocommit=True) as conn:
        assert charge_claims.unclaimed(conn, event) == []
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            conn.execute("DELETE FROM ledger.charge_claims")


def test_the_command_line_compares_claims_with_the_log(database: str, live: Office) -> None:
    live.charge(charge("c1"), charge("c2"))
    environment = {"DATABASE_URL": database, "RECOUNT_MASTER_KEY": b64encode(b"m" * 32).decode()}
    compared = CliRunner().invoke(recount, ["passthrough", "claims"], env=environment)
    assert (compared.exit_code, compared.output) == (0, "2 charges in 1 records, 0 not claimed as they should be\n")
    with psycopg.connect(database, autocommit=True) as conn:  # somebody meddles, past every guard
        conn.execute("ALTER TABLE ledger.charge_claims DISABLE TRIGGER USER")
        conn.execute("DELETE FROM ledger.charge_claims WHERE reference = 'c2'")
    compared = CliRunner().invoke(recount, ["passthrough", "claims"], env=environment)
    assert (compared.exit_code, compared.output.splitlines()[1:]) == (1, ["openai/c2"])


def test_of_sixteen_who_record_the_same_at_once_one_does(database: str, live: Office) -> None:
    charges = [charge(f"c{n}", 1) for n in range(40)]
    with ThreadPoolExecutor(16) as threads:
        done = list(threads.map(lambda n: live.charge(*charges[n : n + 20]), range(16)))
    assert sum(len(d.new) for d in done) == 35
    assert not any(d.refused for d in done)
    assert live.budget().recorded == 35


# ---- files --------------------------------------------------------------------------------------

CSV = "reference,org,category,occurred_at,amount,currency\n"


def read(text: str, kind: Any = "csv", mapped: Mapped = Mapped()) -> list[Any]:  # noqa: B008 # frozen
    return list(read_charges(io.StringIO(text), kind, mapped))


def test_a_file_without_a_mapping_names_columns_as_we_do() -> None:
    (row,) = read(CSV + f"c1,acme,inference,{NOW},12.5,USD\n")
    assert row == Read(1, charge("c1", "12.5", occurred_s=NOW))


def test_a_mapping_names_columns_constants_values_and_whole_units() -> None:
    mapped = mapping_of(
        "columns: {reference: id, org: project.name, category: model, occurred_at: at, amount: cost}\n"
        "constants: {currency: usd}\n"
        "values: {category: {gpt: inference, '*': other}, org: {p-1: acme}}\n"
        "amounts: major\n"
    )
    rows = [
        {"id": 7, "project": {"name": "p-1"}, "model": "gpt", "at": "2025-10-14T12:00:00Z", "cost": 0.0123},
        {"id": 8, "project": {"name": "b"}, "model": "x", "at": "2025-10-14 12:00:00", "cost": "2"},
    ]
    first, second = read(json.dumps(rows), "json", mapped)
    assert first == Read(1, charge("7", "1.23"))
    assert second == Read(2, charge("8", 200, org="b", category="other"))
    assert read("\n".join(json.dumps(r) for r in rows), "jsonl", mapped) == [first, second]
    assert read(json.dumps({"charges": rows}), "json", mapped) == [first, second]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("c1,acme,inference,1760000000,x,usd", "bad_amount"),
        ("c1,acme,inference,1760000000,NaN,usd", "bad_amount"),
        ("c1,acme,inference,yesterday,1,usd", "bad_time"),
        ("c1,acme,inference,99999999999999,1,usd", "bad_time"),
        (",acme,inference,1760000000,1,usd", "missing_field"),
        ("c1,acme,inference,1760000000", "missing_field"),
    ],
)
def test_a_row_that_is_no_charge_is_told_with_its_number(line: str, code: str) -> None:
    rows = read(CSV + line + f"\nc2,acme,inference,{NOW},1,usd\n")
    assert isinstance(rows[0], Unread) and (rows[0].row, rows[0].code) == (1, code)
    assert rows[1].charge.reference == "c2"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("columns: [a]", "bad_mapping"),
        ("columns: {price: x}", "bad_mapping"),
        ("x: 1", "bad_mapping"),
        ("{", "bad_mapping"),
    ],
)
def test_a_mapping_that_is_none_is_refused(text: str, code: str) -> None:
    with pytest.raises(Invalid) as caught:
        mapping_of(text)
    assert caught.value.code == code


def test_a_file_that_is_none_is_refused() -> None:
    for text, kind in (("{", "json"), ('"x"', "json"), ("[", "jsonl"), ('a,b\n"x', "csv")):
        with pytest.raises(Invalid) as caught:
            read(text, kind)
        assert caught.value.code == "unreadable_file"
    assert [format_of(n) for n in ("a.CSV", "b.json", "c.jsonl")] == ["csv", "json", "jsonl"]
    with pytest.raises(Invalid):
        format_of("charges.pdf")


def bring_in(database: str, text: str, *, dry_run: bool = False) -> Report:
    return import_charges(
        Database(database, database, None),
        load(),
        file=io.StringIO(text),
        kind="csv",
        path="-",
        mapping=None,
        provider="openai",
        mode="test",
        asked=asked_by("ada", "October's bill", dry_run=dry_run),
    )


def bill(count: int) -> str:
    return CSV + "".join(f"c{n},org_{n % 3},inference,{NOW - n},1.5,usd\n" for n in range(count))


def test_a_dry_run_reports_and_records_nothing(database: str, live: Office, log: Log) -> None:
    live.policy(100, org="org_0")
    head = log.head()
    report = bring_in(database, bill(300) + "c1,org_9,x,1,1,usd\nc2,acme,inference,soon,1,usd\n", dry_run=True)
    assert log.head() == head
    assert (report.rows, report.recorded, report.known, report.refused) == (302, 300, 0, 2)
    assert report.reasons == {"bad_time": 1, "charge_conflict": 1}
    assert (report.matched, report.held) == (66, {"above_cap": 34, "no_policy": 200})


def test_an_import_records_what_its_dry_run_said(database: str, live: Office) -> None:
    live.policy(100, org="org_0")
    tried, done = bring_in(database, bill(300), dry_run=True), bring_in(database, bill(300))
    assert done == tried._replace(dry_run=False, position=done.position)
    counts = [s[:2] for s in statuses(database).values()]
    assert (counts.count(("matched", None)), counts.count(("held", "above_cap"))) == (66, 34)
    again = bring_in(database, bill(300))
    assert (again.recorded, again.known, again.refused) == (0, 300, 0)


def test_an_import_that_died_anywhere_goes_on_and_ends_in_the_same_books(
    database: str, live: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log takes two records, then the process is gone; the second run finds what the first one did."""
    real, left = charge_claims.append_claiming, [2]

    def dying(*given: Any) -> Any:
        if not left[0]:
            raise StoreUnavailable("gone")
        left[0] -= 1
        return real(*given)

    monkeypatch.setattr(charge_claims, "append_claiming", dying)
    with pytest.raises(StoreUnavailable):
        bring_in(database, bill(2_000))
    monkeypatch.setattr(charge_claims, "append_claiming", real)
    report = bring_in(database, bill(2_000))
    assert (report.recorded, report.known) == (1_000, 1_000)
    assert len(statuses(database)) == 2_000
    assert sum(live.budget(org=f"org_{n}").recorded for n in range(3)) == 3_000
    assert [v.differences for v in verify(database)] == [(), ()]


_IMPORT = """
import sys
from api.database import Database
from api.operations import asked_by
from api.passthrough.importing import import_charges
from api.settings import load
database = Database(sys.argv[1], sys.argv[1], None)
with open(sys.argv[2]) as file:
    import_charges(
        database, load(), file=file, kind="csv", path="-", mapping=None, provider="openai", mode="test",
        asked=asked_by("ada", "a bill"), progress=lambda rows: print(rows, flush=True),
    )
"""


def test_an_import_that_is_killed_is_run_again_and_records_the_rest(
    database: str, live: Office, tmp_path: Path
) -> None:
    count = 6_000
    file = tmp_path / "bill.csv"
    file.write_text(bill(count))
    # given an import that is killed while it records
    process = subprocess.Popen([sys.executable, "-c", _IMPORT, database, str(file)], stdout=subprocess.PIPE)
    assert process.stdout is not None
    for _ in range(3):
        process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    before = sum(live.budget(org=f"org_{n}").recorded for n in range(3)) / Decimal("1.5")
    assert 0 < before < count
    # when it is run again
    report = bring_in(database, file.read_text())
    # then what it had recorded is known, and the rest is recorded
    assert (report.recorded, report.known, report.refused) == (count - before, before, 0)
    assert sum(live.budget(org=f"org_{n}").recorded for n in range(3)) == count * Decimal("1.5")
