"""One account's objects within one request or one due moment: what every handler works on.

Time is that of the test clock of the first clocked object that is touched, else that of the sandbox. Refuses to know
HTTP and what any object means.
"""

import copy
import hashlib
from collections.abc import Callable, Iterator
from typing import Any

from api.sandbox.copying import copied
from api.sandbox.errors import missing
from api.sandbox.state import INDEXED, Object, State, Work

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"


class Desk:
    """`account` names the world: account and mode, e.g. `acct_1SANDBOX/test`; the two modes never meet."""

    def __init__(self, state: State, account: str, wall_s: int, request: Object | None = None) -> None:
        """`wall_s`: the sandbox's time. `request`: id and idempotency key, None for what happens by itself."""
        self.work = Work(state)
        self.account = account
        self.wall_s = wall_s
        self.clock: str | None = None
        self.request = request or {"id": None, "idempotency_key": None}
        self.version = ""
        """The API version of the request."""

    def beside(self, account: str) -> "Desk":
        """The desk of another account of the same mode, within the same request: both commit or neither."""
        other = copy.copy(self)
        other.account = f"{account}/{self.mode}"
        return other

    @property
    def mode(self) -> str:
        """`live` or `test`."""
        return self.account.rpartition("/")[2]

    @property
    def livemode(self) -> bool:
        """As objects say it."""
        return self.mode == "live"

    @property
    def account_id(self) -> str:
        """`acct_…`."""
        return self.account.partition("/")[0]

    @property
    def now_s(self) -> int:
        """The time that holds here."""
        if self.clock is None:
            return self.wall_s
        clock = self.work.peek((self.account, "test_helpers.test_clock", self.clock))
        return self.wall_s if clock is None else int(clock["_now_s"])

    def new_id(self, prefix: str, length: int = 24) -> str:
        """The next id: `cus_…`. The same requests give the same ids."""
        self.work.state.counter += 1
        number = int.from_bytes(
            hashlib.shake_256(f"{self.account}/{self.work.state.counter}".encode()).digest(64), "big"
        )
        letters = []
        for _ in range(length):
            number, letter = divmod(number, len(_ALPHABET))
            letters.append(_ALPHABET[letter])
        return f"{prefix}_{''.join(letters)}"

    def add(self, kind: str, object: Object, *, event: str | None = None) -> Object:
        """Keep a new object; it has an `id`. `event`: the type of the event that says so."""
        self.work.state.counter += 1
        object["_seq"] = self.work.state.counter
        if self.clock is not None and kind != "test_helpers.test_clock":
            object["_clock"] = self.clock
        self.work.put((self.account, kind, str(object["id"])), object)
        if event is not None:
            self.emit(event, object)
        return object

    def get(self, kind: str, id: str | None, param: str = "id") -> Object:
        """The object, free to be changed. Raises StripeError: `resource_missing`, naming the parameter."""
        found = None if id is None else self.work.get((self.account, kind, id))
        if found is None or (found.get("deleted") and param != "id"):
            raise missing(kind, str(id), param)
        if self.clock is None and found.get("_clock"):
            self.clock = found["_clock"]
        return found

    def held(self, kind: str, id: str | None) -> Object | None:
        """The object, or None when there is no such."""
        return None if id is None else self.work.get((self.account, kind, id))

    def find(
        self, kind: str, where: Callable[[Object], bool] | None = None, **equal: str | bool | None
    ) -> list[Object]:
        """Objects of a kind whose fields equal what is given, oldest first. Deleted ones are left out."""
        return [self.get(kind, o["id"]) for o in self.scan(kind, where, **equal)]

    def scan(
        self, kind: str, where: Callable[[Object], bool] | None = None, **equal: str | bool | None
    ) -> Iterator[Object]:
        """The same, only to be looked at."""
        reference = next(((f, v) for f, v in equal.items() if isinstance(v, str) and f in INDEXED), None)
        for id in self.work.ids(self.account, kind, reference):
            found = self.work.peek((self.account, kind, id))
            if found is None or found.get("deleted"):
                continue
            if all(found.get(f) == v for f, v in equal.items()) and (where is None or where(found)):
                yield found

    def remove(self, kind: str, id: str) -> None:
        """Forget an object. Most of Stripe's stay, with `deleted`."""
        self.work.put((self.account, kind, id), None)

    def change(self, object: Object, changes: Object, *events: str) -> bool:
        """Set fields; when that makes a difference, say so by events with the previous values. True if it did."""
        before = copied(object)
        object.update(changes)
        if object == before:
            return False
        for event in events:
            self.emit(event, object, before)
        return True

    def emit(self, type: str, object: Object, before: Object | None = None) -> Object:
        """Keep the event that says what happened, with the object as it is now."""
        from api.sandbox.events import record  # the record of an event is presented, and presenters use desks

        return record(self, type, object, before)

    def later(self, at_s: int, job: str, id: str) -> None:
        """Have a job of `api.sandbox.jobs` done about an object when its clock comes to a time. Again replaces it."""
        due = f"{job}/{id}"
        found = {"id": due, "at_s": at_s, "job": job, "of": id, "_clock": self.clock, "_seq": self.work.state.counter}
        self.work.put((self.account, "_due", due), found)

    def never(self, job: str, id: str) -> None:
        """Call a job off."""
        self.work.put((self.account, "_due", f"{job}/{id}"), None)


def metadata(held: Object | None, said: dict[str, Any] | None) -> Object:
    """Metadata after a request: keys are added, an empty value removes one, `None` removes all.

    https://docs.stripe.com/metadata.
    """
    if said is None:
        return {}
    return {key: value for key, value in {**(held or {}), **said}.items() if value not in (None, "")}
