"""What was seen of Stripe's objects, once more: a row for each content of each second, and what it says."""

import copy
import hmac
import json
from collections.abc import Iterable
from typing import Any

from ledger.facts import ObjectFact, Quarantined, StoredOnly
from ledger.stripe_call_events import StripeObjectObserved
from ledger.translations.observed import translate_observed

Row = dict[str, Any]
#: The key that tests seal with: what is seen is told apart by a digest under it.
_KEY = b"k" * 32


class OneSight:
    """One object in one API version, as Stripe answered with it in one second."""

    def __init__(self, seen: Any) -> None:
        obj = copy.deepcopy(seen.obj)
        mode = "live" if seen.live else "test"
        object_id = obj.get("id") or obj.get("customer") or seen.account
        content = json.dumps(obj, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        digest = hmac.digest(_KEY, content, "sha256").hex()
        self.key = (mode, seen.account, f"{object_id}@{seen.at_s}.{digest[:16]}")
        self.version = seen.version
        self.why = seen.why
        self.at_s = seen.at_s
        self.object, self.object_id = obj["object"], object_id
        _without_persons(obj)
        self.said = translate_observed(
            StripeObjectObserved(
                mode=mode, account=seen.account, object_type=obj["object"], object_id=object_id,
                observed_at_s=seen.at_s, api_version=seen.version, why=seen.why, digest=digest,
                payload=json.dumps(obj).encode(),
            )
        )  # fmt: skip


def _without_persons(obj: Row) -> None:
    """Personal fields are no part of any comparison. What is sold is no person, and cannot be read without its name."""
    if obj["object"] in ("product", "price", "plan"):
        return
    for name in ("name", "email", "description", "phone"):
        obj.pop(name, None)


def observations(sights: Iterable[OneSight]) -> dict[tuple[str, ...], Row]:
    """One row for each content of each second, as its newest API version renders it."""
    rows = {}
    sights = list(sights)
    for key in {s.key for s in sights}:
        mine = [s for s in sights if s.key == key]
        newest = sorted(mine, key=lambda s: s.version or "")[-1]
        said = newest.said
        row: Row = dict(zip(("mode", "account", "id"), key, strict=True))
        row |= {"object": newest.object, "object_id": newest.object_id, "customer": None, "org_claim": None}
        row |= {"state": "stored_only", "reason": None, "created_s": newest.at_s}
        row["why"] = sorted({s.why for s in mine})
        row["api_versions"] = sorted({s.version for s in mine if s.version})
        if isinstance(said, ObjectFact):
            row |= {"state": "applied", "object_id": said.id, "customer": said.customer, "org_claim": said.claim}
        elif isinstance(said, StoredOnly):
            row["customer"] = said.customer
        elif isinstance(said, Quarantined):
            row |= {"state": "quarantined", "reason": said.reason}
        rows[key] = row
    return rows
