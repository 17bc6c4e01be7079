"""Recorded exchanges with Stripe, replayed against the sandbox: ids mapped, what stood before seeded, shapes compared.

Knows the recordings' form and how two answers are compared. Refuses to know what differs between the two: that is
written down in `recorded_differences`; and how what existed before is made: `recorded_seeds`.
"""

import json
import os
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import recorded_seeds
from recorded_differences import ASKED_APART, EXCUSED, GONE, MEANWHILE, OTHERWISE, SAME
from sandboxes import KEY, pairs

from api.sandbox.forms import decode
from api.sandbox.routes import matching
from api.sandbox.sandbox import Request, Sandbox
from api.sandbox.subjects import ROUTES
from api.sandbox.versions import OLDEST

Json = dict[str, Any]
ID = re.compile(r"(?:acct|btok|card|ch|ct|cus|ii|in|mandate|pi|pm|price|prod|py|re|seti|si|sub|tr|txn)_\w{8,}")
_NO_KEY = "sk_of_nobody"
_NAMED = ("[price]", "[plan]", "plan", "coupon")


class Exchange(NamedTuple):
    """One request and Stripe's answer to it."""

    file: str
    index: int
    method: str
    path: str
    said: tuple[tuple[str, str], ...]
    version: str
    account: str | None
    status: int
    body: Json

    @property
    def name(self) -> str:
        """`file[index]`."""
        return f"{self.file}[{self.index}]"

    @property
    def endpoint(self) -> str:
        """`GET /v1/customers/{customer}`; of one that the sandbox does not have, `UNKNOWN_ENDPOINTS`' name for it."""
        found = matching(ROUTES, self.method, self.path)
        path = re.sub(r"/\w+_\w{8,}", "/{id}", self.path) if found is None else found[0].path
        return f"{self.method} {path}"


def _folder() -> Path:
    return Path(os.environ.get("RECOUNT_STRIPE_CORPUS") or "/nowhere") / "recorded_api"


def index() -> Json:
    """What the corpus says of its own recordings."""
    found: Json = json.loads((_folder() / "index.json").read_bytes())
    return found


@cache
def recordings() -> dict[str, tuple[Exchange, ...]]:
    """By file, in the file's order. Empty where the corpus is not at hand."""
    return {f.stem: tuple(_exchanges(f)) for f in sorted(_folder().glob("*.json")) if f.name != "index.json"}


def _exchanges(file: Path) -> Iterator[Exchange]:
    text = file.read_text().replace("acct_<VENDOR_ID>", "acct_1")  # a scrubber of the recording's owner ate the 1
    for i, e in enumerate(json.loads(text)["exchanges"]):
        said = tuple((name, value) for name, value in e["query"] + e["form"])
        yield Exchange(file.stem, i, e["method"], e["path"], said, e["api_version"], e["stripe_account"], e["status"],
                       e["response"])  # fmt: skip


@cache
def shown() -> dict[str, Json]:
    """Every object that any recording shows, by id, as it was seen first; prices also by lines that name them."""
    found: dict[str, Json] = {}
    for exchanges in recordings().values():
        for exchange in exchanges:
            for object in _objects(exchange.body):
                found.setdefault(object["id"], object)
    for line in [
        o for o in found.values() if (o.get("pricing") or {}).get("price_details") and o["object"] == "line_item"
    ]:
        pricing = line["pricing"]
        price = {
            "object": "price",
            "currency": line["currency"],
            "unit_amount": int(pricing["unit_amount_decimal"] or 0),
        }
        found.setdefault(pricing["price_details"]["price"], {**price, "nickname": None, "recurring": None})
    return found


def _objects(value: Any) -> Iterator[Json]:
    if isinstance(value, dict):
        if isinstance(value.get("id"), str) and "object" in value:
            yield value
        for inner in value.values():
            yield from _objects(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _objects(inner)


class Replay:
    """One recording, asked of a sandbox of its own."""

    def __init__(self) -> None:
        self.now_s = 0
        self.sandbox = Sandbox(wall=lambda: self.now_s)
        self.ours: dict[str, str] = {}
        """Recorded id -> ours."""
        self.home: dict[str, str] = {}
        """Recorded id -> the connected account (recorded id) in which it is."""

    def ask(self, method: str, path: str, said: Json, account: str | None, version: str, key: str = KEY) -> Any:
        """Status and body."""
        answer, _ = self.sandbox.ask(Request(method, path, said, key, account, version))
        return answer.status, json.loads(json.dumps(answer.body))

    def make(self, method: str, path: str, account: str | None = None, **said: Any) -> Json:
        """Something that existed before the recording began."""
        status, body = self.ask(method, path, decode(pairs(said)), account, "2026-03-25.dahlia")
        assert status == 200, (path, said, body)
        made: Json = body
        return made

    def wait(self, days: int) -> None:
        """Time passes, and what is due by then is done."""
        self.now_s += days * 86_400
        self.sandbox.tick()

    def answer(self, exchange: Exchange) -> tuple[int, Json]:
        """What the sandbox answers to a recorded request."""
        self.now_s = max([self.now_s, *(o["created"] for o in _objects(exchange.body) if "created" in o)])
        for meanwhile in MEANWHILE.get((exchange.file, exchange.index), ()):
            meanwhile(self)
        version = exchange.version if exchange.version[:10] >= OLDEST else f"{OLDEST}.acacia"
        if exchange.status == 401:
            return self.ask(exchange.method, exchange.path, decode(exchange.said), None, version, _NO_KEY)
        account = exchange.account or next((self.home[p] for p in exchange.path.split("/") if p in self.home), None)
        on = None if account is None else self.known(account, None)
        path = "/".join(self._meant(part, exchange, on) for part in exchange.path.split("/"))
        said = [(name, self._meant(value, exchange, on, name)) for name, value in exchange.said]
        status, body = self.ask(exchange.method, path, decode(said), on, version)
        self.learn(exchange.body, body)
        self._complete(exchange.body, body, on, version)
        self.learn(exchange.body, body)
        return status, body

    def _complete(self, recorded: Any, ours: Any, account: str | None, version: str) -> None:
        """Ask apart for what newer versions no longer show unasked."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            for name in recorded.keys() - ours.keys():
                apart = ASKED_APART.get((recorded.get("object"), name))
                if apart is not None and "id" in ours:
                    path, _, query = apart[1].format(id=ours["id"]).partition("?")
                    said = dict([query.split("=")]) if query else {}
                    _, found = self.ask("GET", path, said, account, version)
                    ours[name] = {**found, "total_count": len(found["data"])}  # only lists within objects say it
            for name in recorded.keys() & ours.keys():
                self._complete(recorded[name], ours[name], account, version)
        elif isinstance(recorded, list) and isinstance(ours, list):
            for one, other in zip(recorded, ours, strict=False):
                self._complete(one, other, account, version)

    def _meant(self, value: str, exchange: Exchange, on: str | None, name: str = "") -> str:
        """What to say in place of a recorded value: our id, where it is one."""
        owner = next((p for p in exchange.path.split("/") if p.startswith("cus_")), None)
        chosen = (name.endswith(_NAMED) or exchange.path.startswith("/v1/plans/")) and value in shown()
        if value not in self.ours and (
            chosen or (ID.fullmatch(value) and (exchange.status == 200 or value in shown()))
        ):
            unknown = {"customer": owner} if value.startswith("pm_") and owner else {}
            self._seed(value, shown().get(value, unknown), on)
        return self.ours.get(value, value)

    def known(self, value: str, on: str | None) -> str:
        """Our id for a recorded one, made (in our account of that id) if it is not there."""
        if value not in self.ours:
            self._seed(value, shown().get(value, {}), on)
        return self.ours.get(value, value)

    def _seed(self, value: str, object: Json, on: str | None) -> None:
        made = recorded_seeds.seed(self, value, object, on)
        if made is not None:
            self.ours[value] = made

    def learn(self, recorded: Any, ours: Any) -> None:
        """Which of our ids stands where theirs stood."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            if recorded.get("object") == "transfer" and isinstance(recorded.get("destination_payment"), str):
                self.home.setdefault(recorded["destination_payment"], recorded["destination"])
            for name in recorded.keys() & ours.keys():
                self.learn(recorded[name], ours[name])
        elif isinstance(recorded, list) and isinstance(ours, list):
            for one, other in zip(recorded, ours, strict=False):
                self.learn(one, other)
        elif isinstance(recorded, str) and isinstance(ours, str) and (ID.fullmatch(recorded) or recorded in shown()):
            self.ours.setdefault(recorded, ours)


def differences(exchange: Exchange, ours: Json) -> list[str]:
    """Where our answer lacks the recorded shape, or says another amount or status, as far as it is not `EXCUSED`."""
    found = compared(exchange, ours)
    return [f"{at}: {what}" for at, what in found if not {at, f"{exchange.name} {at}"} & EXCUSED.keys()]


def compared(exchange: Exchange, ours: Json) -> Iterator[tuple[str, str]]:
    """All differences: where, and what."""
    return _compared(exchange.body, ours, exchange.version[:10], "")


def places(exchange: Exchange) -> Iterator[tuple[str, str]]:
    """Each property of an answer: of what, and its name."""
    return _places(exchange.body, "")


def _places(value: Any, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        owner = value.get("object") or place
        for name, inner in value.items():
            yield owner, name
            yield from _places(inner, f"{owner}.{name}")
    elif isinstance(value, list):
        for inner in value:
            yield from _places(inner, place + "[]")


def _compared(recorded: Any, ours: Any, date: str, place: str) -> Iterator[tuple[str, str]]:
    if isinstance(recorded, dict) and isinstance(ours, dict):
        yield from _object_compared(recorded, ours, date, place)
    elif isinstance(recorded, list) and isinstance(ours, list):
        if len(recorded) != len(ours) and any(isinstance(item, dict) for item in recorded):
            yield place, f"{len(ours)} for {len(recorded)} elements"
        for one, other in zip(recorded, ours, strict=False):
            yield from _compared(one, other, date, place + "[]")
    elif recorded is not None and _type(recorded) != _type(ours):
        yield place, f"{_type(ours)} for {_type(recorded)}"
    elif place.rpartition(".")[2] in SAME and recorded != ours:
        yield place, f"{ours!r} for {recorded!r}"


def _object_compared(recorded: Json, ours: Json, date: str, place: str) -> Iterator[tuple[str, str]]:
    kind = recorded.get("object")
    if kind != ours.get("object"):
        yield place, f"{ours.get('object')} for {kind}"
        return
    for name, value in recorded.items():
        if name in ours:
            if date >= OTHERWISE.get((kind, name), ("",))[0]:
                yield from _compared(value, ours[name], date, f"{kind or place}.{name}")
        elif date >= GONE.get((kind or place, name), ("",))[0]:
            yield f"{kind or place}.{name}", "lacks"


def _type(value: Any) -> str:
    names = {bool: "boolean", int: "number", float: "number", str: "string", dict: "object", list: "list"}
    return "null" if value is None else names[type(value)]
