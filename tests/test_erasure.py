"""Erasure, at the real service: with a subject's key, all of the person is gone everywhere, and no digest changes."""

import json
import os
import re
import secrets
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
import samples
from service import Service

from ledger.personal import ADDRESS, EVERYWHERE
from ledger.store import read
from replay.digest import digests, wait_until_caught_up
from replay.verify import verify

pytestmark = pytest.mark.service


class Canaries:
    """Strings that stand nowhere else, all of them random: a compressor can only keep them whole."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def __call__(self) -> str:
        self.all.append(secrets.token_hex(12))
        return self.all[-1]

    def shown(self, text: str) -> bool:
        """Whether any of them stands in a text."""
        return any(c in text for c in self.all)

    def person(self) -> dict[str, Any]:
        found: dict[str, Any] = {key: self() for key in sorted(EVERYWHERE)}
        found["email"] = f"{self()}@example.com"
        found["address"] = {**{k: self() for k in ADDRESS}, "country": "GB", "postal_code": f"N1 {self()}"}
        found["shipping"] = {"name": self(), "phone": [self()], "address": {"city": self(), "country": "GB"}}
        found["deep"] = {"er": [{"name": self()}, [{"email": self()}]]}
        return found


def history(customer: str, org: str, see: Canaries) -> list[dict[str, Any]]:
    """All that happens to a customer, canaries wherever a person could stand."""

    def event(kind: str, obj: dict[str, Any], **more: Any) -> dict[str, Any]:
        return samples.event(
            f"evt_{secrets.token_hex(8)}",
            kind,
            {**obj, **see.person(), "metadata": {**see.person(), "org_id": org}},
            **more,
        )

    created = event("customer.created", samples.customer(customer))
    price = samples.event(f"evt_{secrets.token_hex(8)}", "price.created", samples.price())
    return [
        price,
        created,
        {**created, "api_version": samples.ACACIA},
        {**created, "data": {"object": {**created["data"]["object"], "name": see()}}},  # a conflict
        event("customer.updated", samples.customer(customer), previous=see.person(), at=samples.T + 1),
        event("customer.subscription.created", samples.subscription(f"sub_{customer}", customer)),
        event("invoice.paid", samples.invoice(f"in_{customer}", customer, status="paid", amount_paid=900)),
        event("charge.succeeded", {"object": "charge", "id": f"ch_{customer}", "customer": customer}),
        event(
            "payment_intent.succeeded",
            {"object": "payment_intent", "id": f"pi_{customer}", "customer": {"id": customer}},
        ),
        event("never.heard.of", {"object": "novelty", "id": f"x_{customer}", "customer": customer}),
        event("customer.created", samples.customer(customer), account="acct_1"),
    ]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    os.chmod(tmp_path, 0o755)
    it = Service(tmp_path / "var", RECOUNT_LOG_LEVEL="debug")
    it.start()
    try:
        it.wait_ready()
        yield it
    finally:
        it.kill_all()


def found_in(folder: Path, needles: Iterable[bytes]) -> set[tuple[str, bytes]]:
    """Which of the needles stand in which file below `folder`, whatever the file is."""
    wanted = re.compile(b"|".join(map(re.escape, needles)))
    files = [path for path in folder.rglob("*") if path.is_file()]
    assert files
    return {(str(path.relative_to(folder)), n) for path in files for n in wanted.findall(path.read_bytes())}


def canaries_in(folder: Path, canaries: Iterable[str]) -> set[tuple[str, bytes]]:
    """Which halves of canaries stand in which file: one search for what looks like one, as there are hundreds."""
    halves = {half.encode() for c in canaries for half in (c[:12], c[12:])}
    found = set()
    for path in (path for path in folder.rglob("*") if path.is_file()):
        for run in _HEX.findall(path.read_bytes().rstrip(b"\0")):
            windows = {run[i : i + 12] for i in range(len(run) - 11)}
            found |= {(str(path.relative_to(folder)), half) for half in windows & halves}
    return found


_HEX = re.compile(rb"[0-9a-f]{12,}")


def test_nothing_of_an_erased_person_is_left_anywhere_and_no_digest_changes(service: Service, tmp_path: Path):
    # given: two customers in the log, the read models, an export, and refused deliveries
    gone, stays = Canaries(), Canaries()
    for event in (*history("cus_gone", "org_gone_plain", gone), *history("cus_stays", "org_stays", stays)):
        connect = "account" in event
        assert service.deliver(event, connect=connect).status == 200
    refused = history("cus_gone", "org_gone_plain", gone)
    assert {service.deliver(e, secret="whsec_wrong").status for e in refused} == {400}
    assert service.deliver(json.dumps(refused[1]).encode()[:-9]).status == 400
    with psycopg.connect(service.conninfo, autocommit=True) as conn:
        wait_until_caught_up(conn, 20)
        assert gone.shown(personal_of(service, "org_gone_plain"))  # an operator sees the person
        wait_until_caught_up(conn, 20)
        before = digests(conn)
        rows = conn.execute("SELECT name, email FROM read_models.customers WHERE id = 'cus_gone'").fetchall()
        assert all(v.startswith("sealed:1:test/") for row in rows for v in row)
        wrapped = [bytes(w) for (w,) in conn.execute(
            "SELECT wrapped_key FROM subject_keys.keys WHERE subject LIKE '%/cus_gone'")]  # fmt: skip
    assert len(wrapped) == 2
    subjects = service.cli("events", "export")

    # when: the person is erased on both accounts
    for arguments in (["cus_gone"], ["cus_gone", "--account", "acct_1"]):
        asked = service.cli("subjects", "erase", *arguments, "--mode", "test", "--yes", "--actor", "ada", "--json")
        assert asked.returncode == 0, asked.stderr
        done = service.cli("approvals", "approve", json.loads(asked.stdout)["waiting"], "--actor", "alan")
        assert done.returncode == 0, done.stderr
    with psycopg.connect(service.conninfo, autocommit=True) as conn:
        wait_until_caught_up(conn, 20)
        after = digests(conn)
        assert [d for v in verify(service.conninfo) for d in v.differences] == []
        exported = service.cli("events", "export")
        conn.execute("CHECKPOINT")
        assert conn.execute("SELECT count(*) FROM subject_keys.blind_index").fetchone() == (3,)  # of the one who stays

    # then: no digest has changed, the other person is still known, and this one nowhere
    assert after.models == before.models
    assert not gone.shown(personal_of(service, "org_gone_plain"))
    assert stays.shown(personal_of(service, "org_stays"))
    assert service.deliver(refused[1]).status == 200  # what Stripe says later is sealed and cannot be opened either
    assert not gone.shown(personal_of(service, "org_gone_plain"))
    everything = decoded(service)
    assert service.stop() == 0
    said = b"\n".join([service.said().encode(), exported.stdout, exported.stderr, subjects.stdout, everything])
    assert b"org_gone_plain" in said
    (tmp_path / "said").write_bytes(said)
    assert canaries_in(tmp_path, [*gone.all, *stays.all]) == set()
    assert found_in(tmp_path, [b"org_gone_plain"]), "the search finds nothing at all"
    heaps = {path for path, _ in found_in(service.folder / "postgres", wrapped) if not path.startswith("pg_wal/")}
    assert heaps == set(), "the wrapped key is still in the key store's files"


def decoded(service: Service) -> bytes:
    """The whole log, uncompressed."""
    with psycopg.connect(service.conninfo, autocommit=True) as conn:
        return b"\n".join(repr(e.event).encode() + bytes(getattr(e.event, "payload", b"")) for e in read(conn, 0, 1000))


def personal_of(service: Service, org: str) -> str:
    """What an operator sees of an organization's customers."""
    if not hasattr(service, "key"):
        issued = service.cli("keys", "issue", "--role", "operator", "--mode", "test", "--actor", "ada", "--json")
        service.key = json.loads(issued.stdout)["key"]  # type: ignore[attr-defined]
    deadline = time.monotonic() + 10
    while (answer := service.get(f"/v1/customers?org={org}", key=service.key)).status != 200:  # type: ignore[attr-defined]
        assert time.monotonic() < deadline, answer
        time.sleep(0.05)
    return answer.body.decode()
