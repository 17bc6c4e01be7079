"""Pass-through for tests: the books in memory and in PostgreSQL, and a policy, charges and a batch in few words.

Knows how to bring things about. Refuses to know what should come of it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from commands.acts import Asked, carry_out
from commands.cost_policies import (
    APPROVE_COST_POLICY,
    COST_POLICIES,
    END_COST_POLICY,
    PROPOSE_COST_POLICY,
    ApproveCostPolicy,
    EndCostPolicy,
    ProposeCostPolicy,
    terms_of,
)
from commands.passthrough import Books
from commands.provider_charges import GivenCharge, Recording, Source, record
from commands.reconciliation_batches_acts import (
    APPROVE_BATCH,
    COLLECT_BATCH,
    DISCARD_BATCH,
    OPEN_BATCH,
    REOPEN_BATCH,
    REVIEW_CHARGES,
    START_REVIEW,
)
from commands.reconciliation_batches_deciding import RECONCILIATION_BATCHES
from commands.reservations import (
    LASTS_S,
    ExpireReservation,
    ReleaseReservation,
    Reserve,
    SettleReservation,
)
from commands.reservations_budget import Budget, budget_of
from commands.reservations_spending import Spent, spend, terms_to_reserve
from ledger import codec
from ledger.charge_claims import Claims, digest_of
from ledger.events import Metadata, NewEvent, Recorded
from ledger.ids import budget_stream, cost_policy_stream, reconciliation_stream
from ledger.passthrough import Terms, period_of
from ledger.passthrough_events import BatchLine, Charge, ProviderChargesRecorded
from ledger.store import Appended, Conflict, Outcome, Unit

#: 2025-10-15 12:00 UTC: in the midst of a month.
NOW = 1_760_529_600
DAY = 86_400
ORG, CATEGORY, CURRENCY, PROVIDER = "acme", "inference", "usd", "openai"
META = Metadata(occurred_at_s=NOW, actor="ada", mode="test")
ACTS = {
    a.name: a
    for a in (
        OPEN_BATCH, COLLECT_BATCH, START_REVIEW, REVIEW_CHARGES, APPROVE_BATCH, REOPEN_BATCH, DISCARD_BATCH,
    )
}  # fmt: skip


class Memory:
    """The books without a database: every event goes through the codec, as it would."""

    def __init__(self) -> None:
        self.streams: dict[str, list[Recorded]] = {}
        self.all: list[Recorded] = []
        self.claims: dict[tuple[str, str, str], Any] = {}
        self.position = 0

    def read_stream(self, stream: str) -> Sequence[Recorded]:
        return list(self.streams.get(stream, ()))

    def read_heads(self, streams: Sequence[str]) -> Mapping[str, Recorded]:
        return {s: self.streams[s][-1] for s in streams if s in self.streams}

    def append(self, *events: NewEvent) -> Outcome:
        seen: dict[str, int] = {}
        taken = []
        for event in events:
            before = seen.get(event.stream, len(self.streams.get(event.stream, ())))
            if event.version != before + 1:
                taken.append(event.stream)
            seen[event.stream] = event.version
        if taken:
            return Conflict(tuple(taken))
        positions = []
        for event in events:
            self.position += 1
            kept = codec.decode(*codec.encode(event.event))
            recorded = Recorded(
                self.position, event.stream, event.version, kept, codec.encode_metadata(event.metadata), self.position
            )
            self.streams.setdefault(event.stream, []).append(recorded)
            self.all.append(recorded)
            positions.append(self.position)
        return Appended(tuple(positions))

    def claims_of(self, mode: str, provider: str, charges: Iterable[Charge]) -> Claims:
        wanted = {c.reference: digest_of(c) for c in charges}
        known = {r: self.claims[mode, provider, r] for r in wanted if (mode, provider, r) in self.claims}
        same = frozenset(r for r, digest in known.items() if digest == wanted[r])
        return Claims(same, frozenset(known) - same)

    def append_claiming(self, event: ProviderChargesRecorded, unit: Unit) -> int | None:
        keys = [(event.mode, event.provider, c.reference) for c in event.charges]
        if any(k in self.claims for k in keys):
            return None
        outcome = self.append(*unit.events)
        if not isinstance(outcome, Appended):
            return None
        self.claims |= dict(zip(keys, map(digest_of, event.charges), strict=True))
        return outcome.positions[0]


class Interrupted(Memory):
    """Between whoever reads and appends, somebody else does something."""

    def __init__(self) -> None:
        super().__init__()
        self.others: list[Callable[[], Any]] = []

    def append(self, *events: NewEvent) -> Outcome:
        self._interrupt()
        return super().append(*events)

    def append_claiming(self, event: Any, unit: Any) -> int | None:
        self._interrupt()
        left, self.others = self.others, []  # the unit and its claims are one
        try:
            return super().append_claiming(event, unit)
        finally:
            self.others = left

    def _interrupt(self) -> None:
        if self.others:
            self.others.pop()()


class Office:
    """People and programs over some books."""

    def __init__(self, books: Any) -> None:
        self.books: Books = books
        self.now_s = NOW
        self._acts = 0

    def _asked(self, person: str) -> Asked:
        self._acts += 1
        return Asked(person=person, reason="a test", idempotency_key=f"k{self._acts}", now_s=self.now_s, origin="cli")

    def _by(self, person: str) -> dict[str, Any]:
        return {"by": person, "why": "a test"}

    # ---- policies ----------------------------------------------------------------------

    def policy(
        self,
        cap_minor: int | None = 1_000,
        *,
        org: str = ORG,
        category: str = CATEGORY,
        by: str = "ada",
        approver: str = "bob",
        **more: Any,
    ) -> int:
        """A version of a policy, proposed and approved. Returns its number."""
        given: dict[str, Any] = {
            "billing_owner": "cus_1", "currency": CURRENCY, "stop_rule": "notify", "from_s": NOW - 60 * DAY, **more,
        }  # fmt: skip
        command = ProposeCostPolicy(
            mode="test", org=org, category=category, cap_minor=cap_minor, unlimited=cap_minor is None,
            **given, **self._by(by),
        )  # fmt: skip
        done = carry_out(self.books, PROPOSE_COST_POLICY, command, self._asked(by))
        version = done.events[0]["version"] if done.events else 1
        self.approve_policy(version, org=org, category=category, by=approver)
        return int(version)

    def approve_policy(self, version: int, *, org: str = ORG, category: str = CATEGORY, by: str = "bob") -> None:
        command = ApproveCostPolicy(
            mode="test", org=org, category=category, version=version, now_s=self.now_s, **self._by(by)
        )
        carry_out(self.books, APPROVE_COST_POLICY, command, self._asked(by))

    def end_policy(self, version: int, *, at_s: int | None = None, org: str = ORG, category: str = CATEGORY) -> None:
        command = EndCostPolicy(
            mode="test", org=org, category=category, version=version, at_s=at_s, now_s=self.now_s, **self._by("ada")
        )
        carry_out(self.books, END_COST_POLICY, command, self._asked("ada"))

    def terms(self, category: str = CATEGORY, org: str = ORG) -> tuple[Terms, ...]:
        """What the approved versions say."""
        history = self.books.read_stream(cost_policy_stream("test", org, category))
        return tuple(terms_of(COST_POLICIES.fold(r.event for r in history)))

    # ---- charges -----------------------------------------------------------------------

    def charge(self, *charges: GivenCharge, provider: str = PROVIDER) -> Recording:
        """Record charges of a provider."""
        return record(self.books, Source("test", provider, "api", "key_1"), charges, self.now_s, META)

    # ---- spending ----------------------------------------------------------------------

    def reserve(self, id: str, estimate: Any = 100, *, lasts_s: int = LASTS_S, **more: Any) -> Spent:
        """Reserve, if the policy lets."""
        which = {"org": ORG, "category": CATEGORY, "currency": CURRENCY, **more}
        terms = terms_to_reserve(self.books, "test", which["org"], which["category"], which["currency"], self.now_s)
        command = Reserve(
            mode="test", id=id, estimate=Decimal(estimate), policy_version=terms.version, lasts_s=lasts_s,
            now_s=self.now_s, by="key_1", **which,
        )  # fmt: skip
        return spend(self.books, command, META)

    def settle(self, id: str, cost: Any, org: str = ORG) -> Spent:
        return spend(
            self.books, SettleReservation(mode="test", org=org, id=id, cost=Decimal(cost), now_s=self.now_s), META
        )

    def release(self, id: str, org: str = ORG) -> Spent:
        return spend(self.books, ReleaseReservation(mode="test", org=org, id=id, now_s=self.now_s), META)

    def expire(self, id: str, org: str = ORG) -> Spent:
        return spend(self.books, ExpireReservation(mode="test", org=org, id=id, now_s=self.now_s), META)

    def budget(
        self, category: str = CATEGORY, org: str = ORG, currency: str = CURRENCY, period: str | None = None
    ) -> Budget:
        """What is spent and reserved this month."""
        stream = budget_stream("test", org, category, period or period_of(self.now_s), currency)
        head = self.books.read_heads([stream]).get(stream)
        return budget_of(head.event if head is not None else None)

    # ---- batches -----------------------------------------------------------------------

    def batches(self, period: str | None = None, org: str = ORG) -> Any:
        stream = reconciliation_stream("test", org, period or period_of(self.now_s))
        return RECONCILIATION_BATCHES.fold(r.event for r in self.books.read_stream(stream))

    def batch(self, act: str, number: int | None = None, *, by: str = "ada", period: str | None = None, **more: Any):
        """Do something about a batch of this month, with what the edge would find out."""
        command = ACTS[act].command
        given: dict[str, Any] = {
            "mode": "test", "org": ORG, "period": period or period_of(self.now_s), "now_s": self.now_s,
            **self._by(by), **more,
        }  # fmt: skip
        if number is not None:
            given["number"] = number
        if "policies" in command.__struct_fields__:
            categories = {line.category for _, line in self.batches(period)[number].lines()}
            given["policies"] = {c: self.terms(c) for c in categories}
        return carry_out(self.books, ACTS[act], command(**given), self._asked(by))


def charge(reference: str, cost: Any = 100, **more: Any) -> GivenCharge:
    """A charge of this month."""
    given: dict[str, Any] = {
        "org": ORG, "category": CATEGORY, "occurred_s": NOW - DAY, "currency": CURRENCY, **more,
    }  # fmt: skip
    return GivenCharge(reference=reference, cost_minor=Decimal(cost), **given)


def lines_of(recorded: Iterable[Any], org: str = ORG, currency: str = CURRENCY, period: str | None = None):
    """Every charge that these records hold of an organization, month and currency, as a batch finds them."""
    found = []
    for event in recorded:
        if isinstance(event, ProviderChargesRecorded):
            found += [
                BatchLine(event.provider, c.reference, event.record, c.category, c.occurred_s, c.cost)
                for c in event.charges
                if (c.org, c.currency, period_of(c.occurred_s)) == (org, currency, period or period_of(NOW))
            ]
    return tuple(found)
