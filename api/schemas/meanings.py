"""What a field of an act's input means: what stands under it in its command, else what its name means everywhere.

Knows no act. Names are kept to one meaning, so that a person who has read one act can guess the next.
"""

import ast
import inspect
import textwrap

#: Where the source is ours, and a string under a field says what it is.
_OURS = ("ledger", "commands", "projections", "replay", "api")

EVERYWHERE: dict[str, str] = {
    "account": "The connected account whose it is; `platform`, unless told",
    "area": "One of the eleven areas of the launch gate",
    "artefact": "What the approval rests on: a document, a report, an address",
    "at_s": "From when it holds, in seconds since 1970; now, unless told",
    "authorizes": "What the approval permits",
    "automatic_tax": "Whether Stripe computes the tax",
    "billing_owner": "The Stripe customer who is billed",
    "call_id": "The id of the call, which is the key under which Stripe does it once",
    "cap_minor": "What may be spent in a month at most, in minor units",
    "card": "The rate card's name",
    "catalogue": "The name of the catalogue: what it does not list any more is no longer on sale",
    "category": "What kind of cost it is, as its policies name it",
    "currency": "Three letters, lower case, as Stripe writes them",
    "customer": "The Stripe customer's id",
    "decision": "What is decided about the charges",
    "differences": "What differs, by namespace and day",
    "effective_s": "From when its rates hold, in seconds since 1970",
    "endpoint_id": "The endpoint's id",
    "environment": "The environment's id",
    "feature": "The feature, as plans and checks name it",
    "from_plan": "The plan that they have now",
    "from_s": "From when, in seconds since 1970",
    "hard_stop": "Whether deployments are stopped at the limit, rather than only warned of",
    "id": "Its id",
    "invoice": "The Stripe invoice's id",
    "issuance": "The issuance's id",
    "key_id": "The key's id, which is not the key",
    "kind": "What kind of thing it is",
    "label": "For people: what it is for",
    "legacy_prices": "Prices of old, and the plans that they stand for",
    "limit_minor": "In minor units; null: explicitly unlimited",
    "markup_bps": "What is added to the cost, in hundredths of a percent",
    "month": "The calendar month in UTC, as `2026-03`",
    "name": "Its name, for people",
    "notice_id": "The notice's id",
    "number": "The batch's number in its month",
    "org": "The organization",
    "outage": "The outage's id",
    "passed": "Whether the probe passed",
    "percent": "How much of the cost is given back",
    "period": "The calendar month in UTC, as `2026-03`",
    "placement": "What was bought, by its id: a subscription, a purchase, an agreement",
    "plan": "The plan's key",
    "plans": "The plans of the catalogue",
    "policies": "The policies that are in force",
    "policy": "The service policy's name",
    "proven_in": "The mode in which it was proven",
    "rate_card": "The rate card's name",
    "reaction": "The reaction whose differences they are",
    "reference": "The contract's own number",
    "role": "What the key may do",
    "said": "What is told with it",
    "source": "Whose ledger it was compared with",
    "step": "The step's key, as its plan names it",
    "stop_rule": "What happens at the cap: `notify`, `block_new` or `halt`",
    "subject": "Whose personal data it is",
    "subscription": "The Stripe subscription's id",
    "tax_behavior": "Whether tax is in the price, or comes on top of it",
    "tax_code": "What is sold, by Stripe's tax codes",
    "tax_exempt": "Whether no tax is to be charged, although rates are named",
    "types": "Types of notices; none: all of them",
    "until_s": "Until when, in seconds since 1970; null: without an end",
    "url": "Where notices go, by HTTPS",
    "version": "The version's number",
    "warn_percent": "At how much of the cap a warning is told",
    "what": "What is compared or fetched",
}


def meanings(kind: type[object]) -> dict[str, str]:
    """Field -> what it means, for a command."""
    return {**EVERYWHERE, **notes(kind)}


def notes(kind: type[object]) -> dict[str, str]:
    """Field -> the string literal under it, for a class and what it inherits."""
    found: dict[str, str] = {}
    for base in reversed(kind.__mro__[:-1]):
        if base.__module__.partition(".")[0] not in _OURS:
            continue
        body = ast.parse(textwrap.dedent(inspect.getsource(base))).body[0]
        assert isinstance(body, ast.ClassDef)
        for here, after in zip(body.body, body.body[1:], strict=False):
            if (
                isinstance(here, ast.AnnAssign)
                and isinstance(here.target, ast.Name)
                and isinstance(after, ast.Expr)
                and isinstance(after.value, ast.Constant)
                and isinstance(after.value.value, str)
            ):
                found[here.target.id] = " ".join(after.value.value.split())
    return found
