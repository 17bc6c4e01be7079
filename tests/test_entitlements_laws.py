"""The law of entitlements: however Stripe's events arrive between what operators decide, there is one state."""

import random
from typing import Any

import oracle
from histories import Link, Override, different, folded, received
from hypothesis import given
from hypothesis import strategies as st
from laws import examples
from samples import ACACIA, BASIL, MONTH, Delivery, T, customer, event, invoice, price, product, subscription, summary

from ledger import inbox
from ledger.codec import encode_metadata
from ledger.events import (
    AgreementEnded,
    AgreementMade,
    Event,
    Metadata,
    NewEvent,
    PlanPriceMapped,
    PlanPublished,
    Recorded,
    SubscriptionPlanMoved,
)
from projections.base import Entry
from replay.fold import entry_of

_S = 1_000_000
BY = {"by": "ada", "why": "agreed by mail"}
MODELS = ("entitlements", "plan_placements", "organizations", "overrides")


class Said:
    """An event that an operator's act led to, and the microsecond at which it was recorded."""

    def __init__(self, stream: str, event: Event, at_us: int) -> None:
        self.stream, self.event, self.at_us = stream, event, at_us


def plan(key: str, version: int, at_s: int, effective_s: int | None = None, **definition: Any) -> Said:
    told = {"key": key, "name": key, "model": "subscription", "account": "platform", **definition}
    said = PlanPublished(
        mode="test", catalogue="shop", plan=key, version=version, effective_s=effective_s, definition=told
    )
    return Said(f"plan/test/{key}", said, at_s * _S)


def log_of(told: list[Delivery | Link | Override | Said]) -> list[Entry]:
    """What a log would hold. What operators did was recorded when they say, whatever came before it."""
    streams: dict[str, list[Recorded]] = {}
    entries: list[Entry] = []
    for n, one in enumerate(told):
        at_us = one.at_us if isinstance(one, Said) else n
        version = len(streams.get(getattr(one, "stream", ""), ())) + 1
        new: NewEvent | None
        if isinstance(one, Delivery):
            new = received(one, seed=n)
            if new.stream in streams:
                new = inbox.after_conflict(new, streams[new.stream])
        elif isinstance(one, Said):
            new = NewEvent(one.stream, version, one.event, Metadata(occurred_at_s=0, actor="ada"))
        else:
            new = one.new(version)
        if new is None:
            continue
        recorded = Recorded(len(entries) + 1, new.stream, new.version, new.event, encode_metadata(new.metadata), at_us)
        streams.setdefault(new.stream, []).append(recorded)
        entries.append(entry_of(recorded))
    return entries


def interleaved(deliveries: list[Delivery], acts: list[Any], rnd: random.Random) -> list[Any]:
    """Every delivery at least once in any order, with the acts between them in their own."""
    stripes = deliveries + rnd.choices(deliveries, k=len(deliveries) // 2)
    rnd.shuffle(stripes)
    places = sorted(rnd.randint(0, len(stripes)) for _ in acts)
    for place, one in reversed(list(zip(places, acts, strict=True))):
        stripes.insert(place, one)
    return stripes


def expected(deliveries: list[Delivery], acts: list[Any]) -> Any:
    return oracle.recount(
        deliveries,
        [a for a in acts if isinstance(a, Link)],
        [a for a in acts if isinstance(a, Override)],
        [(a.event, a.at_us) for a in acts if isinstance(a, Said)],
    )


def compared(ours: Any, theirs: Any) -> list[str]:
    return different({m: ours[m] for m in MODELS}, {m: theirs[m] for m in MODELS})


# ---- generated ----------------------------------------------------------------------------------

some_time = st.none() | st.integers(T - 5, T + 40 * MONTH)
seconds = st.integers(T, T + 3)
statuses = st.sampled_from(["active", "active", "trialing", "past_due", "incomplete", "unpaid", "paused", "canceled"])
limits = st.none() | st.integers(0, 9)


@st.composite
def stripe_events(draw: st.DrawFn) -> list[Delivery]:
    found = [
        event("evt_c1", "customer.created", customer("cus_1", org="org_a")),
        event("evt_c2", "customer.created", customer("cus_2", org=draw(st.sampled_from(["org_a", "org_b", None])))),
    ]
    for n in range(draw(st.integers(1, 9))):
        kind = draw(st.sampled_from(["subscription", "subscription", "price", "product", "invoice", "summary"]))
        whose, verb = draw(st.sampled_from(["cus_1", "cus_2"])), draw(st.sampled_from(["created", "updated"]))
        version = draw(st.sampled_from([ACACIA, BASIL]))
        if kind == "subscription":
            obj = subscription(
                draw(st.sampled_from(["sub_1", "sub_2"])),
                whose,
                draw(st.sampled_from(["price_1", "price_2"])),
                version,
                status=draw(statuses),
                trial_end=draw(st.none() | st.integers(T, T + 900)),
                cancel_at=draw(some_time),
                cancel_at_period_end=draw(st.booleans()),
                ended_at=draw(some_time),
                cancellation_details={"reason": draw(st.sampled_from([None, "payment_failed"]))},
            )
            kind = "customer.subscription"
        elif kind == "price":
            obj = price(draw(st.sampled_from(["price_1", "price_2"])), metadata={"limit_agents": "7"})
        elif kind == "product":
            obj = product("prod_1", draw(st.sampled_from(["agents, sso", "tokens", ""])))
        elif kind == "invoice":
            obj = invoice("in_once", whose, ACACIA, status=draw(st.sampled_from(["open", "paid"])), subscription=None)
            obj["lines"]["data"] = [{"object": "line_item", "id": "il_1", "amount": 900, "price": price("price_once")}]
            version, verb = ACACIA, "updated"
        else:
            obj, kind, verb = summary(whose, {"audit"}), "entitlements.active_entitlement_summary", "updated"
        found.append(event(f"evt_{n}", f"{kind}.{verb}", obj, at=draw(seconds), version=version))
    return [Delivery(e) for e in found]


@st.composite
def definitions(draw: st.DrawFn, name: str) -> dict[str, Any]:
    period = draw(st.sampled_from(["month", "day"]))
    features = draw(st.sets(st.sampled_from(["sso", "audit"])))
    return {
        "prices": [{"price": name, "lookup_key": None, "interval": "month", "currency": "eur"}],
        "features": sorted(features),
        "quotas": {"tokens": {"limit": draw(limits), "period": period, "reset": "calendar"}},
        "gauges": draw(st.sampled_from([{}, {"agents": 3}, {"agents": None}])),
        "commitment": draw(st.sampled_from([None, {"paid_months": 9, "delivered_months": 12}])),
        "lasts": draw(st.sampled_from([None, {"months": 2, "days": None}])),
        "service_policy": {"fail_open": draw(st.sampled_from([[], ["tokens"]])), "soft_limits": ["tokens"]},
    }


@st.composite
def acts(draw: st.DrawFn) -> list[Any]:
    """What operators decided, in the order of the log."""
    found: list[Any] = []
    at_s = T - 2
    published = {"pro": 0, "max": 0, "once": 0}
    agreed, mapped = 0, 0
    names = {"pro": "price_1", "max": "price_2", "once": "price_once"}
    for kind in draw(
        st.lists(
            st.sampled_from(["plan", "plan", "override", "override", "move", "agreement", "end", "link", "map"]),
            max_size=9,
        )
    ):
        at_s += draw(st.integers(0, 2))
        which = draw(st.sampled_from(sorted(published)))
        if kind == "plan":
            published[which] += 1
            since = draw(st.sampled_from([None, T - 9]))
            found.append(plan(which, published[which], at_s, since, **draw(definitions(names[which]))))
        elif kind == "override":
            begins = draw(st.none() | st.integers(T, T + 50))
            granted = draw(st.sampled_from([True, True, False, None]))
            found.append(
                Override(
                    draw(st.sampled_from(["org_a", "org_b", "org_c"])),
                    draw(st.sampled_from(["agents", "tokens", "teleport"])),
                    granted,
                    limit=draw(limits) if granted else None,
                    from_s=begins,
                    until_s=draw(st.none() | st.integers((begins or T) + 1, T + 900)),
                )
            )
        elif kind == "move" and published[which]:
            id = draw(st.sampled_from(["sub_1", "in_once", "agr_1"]))
            moved = SubscriptionPlanMoved(
                mode="test", account="platform", subscription=id, plan=which, version=published[which], **BY
            )
            found.append(Said(f"subscription_plan/test/platform/{id}", moved, at_s * _S))
        elif kind == "agreement" and published[which] and not agreed:
            agreed = 1
            made = AgreementMade(
                mode="test", id="agr_1", org=draw(st.sampled_from(["org_a", "org_c"])), plan=which,
                version=published[which], from_s=draw(some_time), until_s=None, reference=None, **BY,
            )  # fmt: skip
            found.append(Said("agreement/test/agr_1", made, at_s * _S))
        elif kind == "end" and agreed == 1:
            agreed = 2
            ended = AgreementEnded(mode="test", id="agr_1", at_s=draw(some_time), **BY)
            found.append(Said("agreement/test/agr_1", ended, at_s * _S))
        elif kind == "link":
            found.append(Link("cus_2", draw(st.sampled_from(["org_b", "org_c", None]))))
        elif kind == "map" and not mapped:
            mapped = 1
            said = PlanPriceMapped(
                mode="test", catalogue="shop", account="platform", price="price_1", plan="max", version=None
            )
            found.append(Said("plan_price/test/platform/price_1", said, at_s * _S))
    return found


@given(stripe_events(), acts(), st.randoms(use_true_random=False))
@examples(300)
def test_any_order_of_events_between_acts_gives_one_state_and_that_is_the_oracles(
    deliveries: list[Delivery], decided: list[Any], rnd: random.Random
) -> None:
    told = expected(deliveries, decided)
    for _ in range(2):
        entries = log_of(interleaved(deliveries, decided, rnd))
        cuts = sorted(rnd.sample(range(len(entries)), k=min(2, len(entries))))
        assert compared(folded(entries, cuts), told) == []
