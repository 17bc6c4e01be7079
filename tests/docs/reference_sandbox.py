"""docs/reference/sandbox.md: what the sandbox has, read from its own registries; what of it was recorded at Stripe."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import msgspec

from api.sandbox.faults import RequestFault, Rule, WebhookFault
from api.sandbox.resources import bank_debits, cards
from api.sandbox.subjects import ROUTES
from api.sandbox.versions import OLDEST, SUPPORTED
from tests.docs.event_types import names
from tests.docs.markdown import code, page, table
from tests.docs.sources import ROOT

RECORDED = Path(__file__).with_name("sandbox_recorded.txt")
"""Endpoint, API version, how many recorded exchanges of it: `test_sandbox_recorded` holds it against the recordings."""
#: What Stripe has and the sandbox has not, as far as a billing platform might look for it.
_LACKS = (
    ("Quotes, orders, reviews, Radar rules, Sigma, files", "Recount asks for none of them"),
    ("Issuing, Treasury, Terminal, Identity, Climate, Financial Connections", "Recount sells by none of them"),
    ("Billing credit grants, alerts, meter event streams", "credits and thresholds are Recount's own"),
    (
        "Charges without an intent (`POST /v1/charges`)",
        "intents replaced them: https://docs.stripe.com/payments/older-apis",
    ),
    ("Invoices for single payments at the checkout (`invoice_creation`)", "it is shown as asked for; none is made"),
    ("Thin events (`/v2`)", "what Recount does with them is tested on made ones"),
    ("Bank transfers and customer balances in cash, shipping rates, payment method configurations", "not sold with"),
    ("Search (`/v1/…/search`)", "its results are minutes old at Stripe: Recount lists instead"),
    ("Conversion of currencies", "there is a balance in each currency"),
    ("Methods other than cards and bank debits", "they can be saved, and pay nothing"),
)
_KINDS = {
    "delay": "the answer comes late, by `seconds`",
    "429": "too many requests; nothing was done",
    "500": "Stripe failed; nothing was done",
    "500_after": "Stripe failed, and it was done all the same",
    "409": "another request held the object",
    "401": "the key is not accepted",
    "lost": "it was done, and the connection is cut before the answer",
    "lost_before": "the connection is cut, and nothing was done",
    "webhook_never": "the event does not exist: neither delivered nor listed",
    "webhook_drop": "it is listed, and never delivered",
    "webhook_duplicate": "it is delivered twice",
    "webhook_late": "it is delivered after `seconds`, so after later ones",
}
_ABOUT = f"""\
`recount sandbox` is a Stripe of one's own, on loopback: [try without Stripe](../how-to/try-without-stripe.md). It keeps
objects in the shape of the newest API version and shows them in the one that is asked for, from acacia ({OLDEST}) on;
it refuses what Stripe refuses. It is held to reality by tests: its answers against Stripe's own types and against
recorded exchanges, its parameters against the types that Stripe publishes, both ways; and the official Stripe CLI and a
browser drive it."""


def sandbox() -> str:
    """The page."""
    recorded = _recorded()
    return page(
        "Sandbox",
        _ABOUT,
        "## API versions",
        "One of each release; every date from the oldest on is taken, and means the shape that held on it.\n\n"
        + "\n".join(f"- {code(version)}" for version in SUPPORTED),
        "## Endpoints",
        f"{len(ROUTES)} endpoints. Recorded: how many exchanges with Stripe's own test mode are replayed, by version."
        " Those older than acacia are asked in acacia, and a list says what changed since.",
        _endpoints(recorded),
        f"{sum(sum(v.values()) for v in recorded.values())} recorded exchanges in all. Endpoints that were recorded"
        f" and are not here: {_absent(recorded)}.",
        "## Events",
        "It makes these, in Stripe's order where it is known:",
        "\n".join(_events()),
        "## Test cards",
        "By number, or ready made: `pm_card_…` as a payment method, `tok_…` as a token.",
        _cards(),
        "## Test bank accounts",
        _accounts(),
        "## Faults",
        "`POST /_sandbox/faults` with a rule: what goes wrong, with which requests or events, how often.",
        _faults(),
        "## What it does not have",
        table(("of Stripe's", "why not"), _LACKS),
    )


def _recorded() -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = defaultdict(dict)
    for line in RECORDED.read_text().splitlines():
        endpoint, version, count = line.split("\t")
        found[endpoint][version] = int(count)
    return found


def _endpoints(recorded: dict[str, dict[str, int]]) -> str:
    rows = []
    for route in sorted(ROUTES, key=lambda r: (r.path, r.method)):
        counts = recorded.get(f"{route.method} {route.path}", {})
        rows.append((code(f"{route.method} {route.path}"), ", ".join(f"{v}: {n}" for v, n in counts.items())))
    return table(("endpoint", "recorded"), rows)


def _absent(recorded: dict[str, dict[str, int]]) -> str:
    here = {f"{route.method} {route.path}" for route in ROUTES}
    return ", ".join(f"{code(name)} ({sum(v.values())})" for name, v in recorded.items() if name not in here)


def emitted() -> list[str]:
    """Event types that the sandbox makes: those of Stripe's that its source names."""
    known = set(names().snapshot)
    return sorted({word for file in sorted((ROOT / "api" / "sandbox").rglob("*.py")) for word in _words(file)} & known)


def _words(file: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value


def _events() -> Iterator[str]:
    by_object: dict[str, list[str]] = defaultdict(list)
    for name in emitted():
        by_object[name.rpartition(".")[0]].append(name.rpartition(".")[2])
    for about, verbs in by_object.items():
        yield f"- {code(about)}: {', '.join(verbs)}"


def _cards() -> str:
    rows = [(card.number, code(f"pm_card_{name}"), card.country, _behavior(card)) for name, card in cards.NAMED.items()]
    return table(("number", "ready made", "country", "what it does"), rows)


def _behavior(card: cards.Card) -> str:
    asks = {
        "always": "the bank wants to see the customer each time",
        "until_set_up": "the bank wants to see the customer until it was set up",
        "on_session": "the bank wants to see the customer who is there",
    }
    told = [asks[card.asks]] if card.asks else []
    if card.declines is not None:
        why = card.declines.decline_code or card.declines.code
        told.append(f"is declined: {code(why)}" + ("" if card.refused or card.asks else ", though it can be saved"))
    if card.disputed:
        told.append(f"the payment is disputed: {code(card.disputed)}")
    told += ["its issuer warns of fraud"] if card.fraud_warning else []
    told += ["its money is available at once"] if card.available else []
    told += [f"a refund is {card.refund}"] if card.refund else []
    return "; ".join(told) or f"works ({card.brand}, {card.funding})"


def _accounts() -> str:
    rows = []
    for name, (kind, number) in bank_debits.NAMED.items():
        bank = bank_debits.bank_of(kind, number)
        what = f"fails after days: {code(bank.fails)}" if bank.fails else "stays processing" if bank.stays else "works"
        what += ", and is disputed" if bank.disputed else ""
        rows.append((code(name), number, code(kind), what))
    return table(("ready made", "number", "type", "what it does"), rows)


def _faults() -> str:
    rows = [(code(kind), said) for kind, said in _KINDS.items()]
    assert set(_KINDS) == {*get_args(RequestFault), *get_args(WebhookFault)}, "a fault is not explained"
    fields = ", ".join(code(f"{f.name}={f.default!r}") for f in msgspec.structs.fields(Rule) if f.name != "kind")
    return table(("kind", "what goes wrong"), rows) + f"\n\nThe rest of a rule, as it is unless said: {fields}."
