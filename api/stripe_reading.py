"""Reading Stripe: one object whole, or a list page by page, each with the second in which Stripe answered.

Every answer is what stands there now, and asking again does no harm. Knows where objects are
(`commands.stripe_reads`); refuses to know why somebody looks, and keeps nothing.
"""

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple, Protocol
from urllib.parse import quote

import msgspec

from api.calls.client import NoAnswer, Reply, Request
from api.calls.verdict import answered_s
from commands.stripe_reads import READS, SUMMARY
from ledger.errors import Invalid
from ledger.ids import Mode
from ledger.observing import Look, Sighting, Why, answered_at, open_sighting, read_object

#: As many as Stripe gives at once: https://docs.stripe.com/api/pagination
PAGE = 100
#: Pages of a list inside an object that are read at most: what is longer stays cut short.
_PAGES_WITHIN = 50
#: Answers that say nothing of the object: too many asked, Stripe failed, or our key is not taken.
_NOT_NOW = (401, 409, 429)


class Asks(Protocol):
    """As much of Stripe's client as reading needs."""

    @property
    def mode(self) -> Mode: ...
    @property
    def api_version(self) -> str: ...
    def send(self, request: Request) -> Reply: ...


class Absent(NamedTuple):
    """Stripe shows no such object, and what it says instead."""

    status: int
    code: str | None
    at_s: int | None = None
    """When Stripe said so, where it did."""


class Page(NamedTuple):
    """Some of a list, in Stripe's order."""

    objects: list[dict[str, Any]]
    at_s: int
    """When Stripe answered."""


class _Error(msgspec.Struct, frozen=True):
    code: str | None = None


class _Problem(msgspec.Struct):
    error: _Error = _Error()


_problem = msgspec.json.Decoder(_Problem).decode


class StripeReader:
    """Reads under one key. May be used from several threads."""

    def __init__(self, stripe: Asks) -> None:
        self._stripe = stripe

    @property
    def mode(self) -> Mode:
        """Of everything that can be read."""
        return self._stripe.mode

    def look(self, account: str, at_s: int, why: Why) -> Look:
        """How something was looked at."""
        return Look(self.mode, account, at_s, self._stripe.api_version, why)

    def one(self, account: str, object_type: str, object_id: str, why: Why) -> Sighting | Absent:
        """One object, the lists in it complete. Raises NoAnswer, and StoreUnavailable when our turn cannot be known."""
        if object_type == SUMMARY:
            return self._summary(account, object_id, why)
        reply = self._get(READS[object_type].one.format(quote(object_id, safe="")), account, {})
        at_s = answered_s(reply.headers)
        if reply.status != 200:
            return Absent(reply.status, _code(reply.body), at_s)
        try:
            content = read_object(reply.body)
            if at_s is None:
                return Absent(reply.status, "no_date")
            self._complete(account, content)
            return open_sighting(content, self.look(account, at_s, why))
        except Invalid as error:
            return Absent(reply.status, error.code)

    def pages(self, path: str, account: str, params: Mapping[str, Any]) -> Iterator[Page]:
        """A list, page by page. Raises NoAnswer; Invalid where Stripe refuses the list or it is none."""
        after: dict[str, Any] = {}
        while True:
            reply = self._get(path, account, {"limit": PAGE, **params, **after})
            if reply.status != 200:
                raise Invalid(f"Stripe does not list {path}: {_code(reply.body) or reply.status}", code="not_listed")
            content, at_s = read_object(reply.body), answered_at(reply.headers)
            found = content.get("data")
            if not isinstance(found, list) or at_s is None:
                raise Invalid(f"{path} is no list", code="not_listed")
            objects = [o for o in found if isinstance(o, dict)]
            yield Page(objects, at_s)
            last = objects[-1].get("id") if objects else None
            if content.get("has_more") is not True or not isinstance(last, str):
                return
            after = {"starting_after": last}

    def _summary(self, account: str, customer: str, why: Why) -> Sighting | Absent:
        """What a customer has, as Stripe's own summary would say it."""
        entitlements: list[dict[str, Any]] = []
        at_s = None
        try:
            for page in self.pages(READS[SUMMARY].one, account, {"customer": customer}):
                entitlements += page.objects
                at_s = page.at_s if at_s is None else at_s
        except Invalid as error:
            return Absent(400, error.code)
        assert at_s is not None
        held = {"object": "list", "data": entitlements, "has_more": False}
        content = {"object": SUMMARY, "customer": customer, "entitlements": held}
        return open_sighting(content, self.look(account, at_s, why))

    def _complete(self, account: str, content: dict[str, Any]) -> None:
        """Read on where Stripe cut a list in the object short. The object is as old as its own answer all the same."""
        for held in content.values():
            if not isinstance(held, dict) or held.get("has_more") is not True:
                continue
            url, known = held.get("url"), held.get("data")
            if not isinstance(url, str) or not url.startswith("/v1/") or not isinstance(known, list) or not known:
                continue
            path, _, _ = url.partition("?")
            rest: list[dict[str, Any]] = []
            for number, page in enumerate(self.pages(path, account, {"starting_after": known[-1].get("id")}), 1):
                rest += page.objects
                if number == _PAGES_WITHIN:
                    break
            else:
                held["has_more"] = False
            held["data"] = [*known, *rest]

    def _get(self, path: str, account: str, params: Mapping[str, Any]) -> Reply:
        reply = self._stripe.send(Request("GET", path, account, params))
        if reply.status in _NOT_NOW or reply.status >= 500:
            raise NoAnswer(f"http_{reply.status}")
        return reply


def _code(body: str) -> str | None:
    try:
        return _problem(body).error.code
    except (msgspec.DecodeError, RecursionError):
        return None
