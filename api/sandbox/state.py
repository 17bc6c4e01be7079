"""What the sandbox holds: objects by account, kind and id, in memory, and in a file when it is given one.

A request works on copies; `commit` takes all of them or, when it failed, none. Refuses to know what objects mean.
"""

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from api.sandbox.copying import copied
from api.sandbox.faults import Faults

Object = dict[str, Any]
Key = tuple[str, str, str]
"""Account, kind, id."""

#: References by which objects are looked for.
INDEXED = ("customer", "subscription", "invoice", "payment_intent", "charge", "product", "_clock", "_parent")


class State:
    """Everything that was committed. One thread at a time."""

    def __init__(self, file: Path | None = None) -> None:
        """`file`: where it is kept over a restart; None: nowhere."""
        self.objects: dict[Key, Object] = {}
        self.faults = Faults()
        """Not kept over a restart."""
        self.counter = 0
        """How many ids were given out; also the order in which objects were made."""
        self._by_kind: dict[tuple[str, str], dict[str, None]] = {}
        self._by_reference: dict[tuple[str, str, str, str], dict[str, None]] = {}
        self._file = None if file is None else _opened(file)
        if self._file is not None:
            for account, kind, id, kept in self._file.execute("SELECT account, kind, id, kept FROM objects"):
                self._place((account, kind, id), json.loads(kept))
            row = self._file.execute("SELECT value FROM counter").fetchone()
            self.counter = row[0] if row else 0

    def ids(self, account: str, kind: str, reference: tuple[str, str] | None = None) -> list[str]:
        """The ids of a kind; of those only that refer to an object, by (field, id) of an indexed field."""
        if reference is None:
            return list(self._by_kind.get((account, kind), ()))
        return list(self._by_reference.get((account, kind, *reference), ()))

    def accounts(self) -> list[str]:
        """The accounts that hold anything."""
        return list(dict.fromkeys(account for account, _ in self._by_kind))

    def commit(self, changed: dict[Key, Object | None]) -> None:
        """Take these as they are; None removes."""
        for key, object in changed.items():
            self._remove(key)
            if object is not None:
                self._place(key, object)
        if self._file is None:
            return
        with self._file:
            self._file.executemany(
                "INSERT INTO objects VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET kept = excluded.kept",
                [(*key, json.dumps(object)) for key, object in changed.items() if object is not None],
            )
            self._file.executemany(
                "DELETE FROM objects WHERE account = ? AND kind = ? AND id = ?",
                [key for key, object in changed.items() if object is None],
            )
            self._file.execute("UPDATE counter SET value = ?", (self.counter,))

    def _place(self, key: Key, object: Object) -> None:
        account, kind, id = key
        self.objects[key] = object
        self._by_kind.setdefault((account, kind), {})[id] = None
        for field in INDEXED:
            if isinstance(object.get(field), str):
                self._by_reference.setdefault((account, kind, field, object[field]), {})[id] = None

    def _remove(self, key: Key) -> None:
        account, kind, id = key
        object = self.objects.pop(key, None)
        if object is None:
            return
        self._by_kind[account, kind].pop(id, None)
        for field in INDEXED:
            if isinstance(object.get(field), str):
                self._by_reference[account, kind, field, object[field]].pop(id, None)


class Work:
    """The objects that one request has in hand: copies, until it commits."""

    def __init__(self, state: State) -> None:
        self.state = state
        self._held: dict[Key, Object | None] = {}
        self._first_counter = state.counter

    def get(self, key: Key) -> Object | None:
        """The object as this request left it. The same dictionary each time, free to be changed."""
        if key not in self._held:
            kept = self.state.objects.get(key)
            if kept is None:
                return None
            self._held[key] = copied(kept)
        return self._held[key]

    def peek(self, key: Key) -> Object | None:
        """The same, only to be looked at: no copy is made."""
        return self._held[key] if key in self._held else self.state.objects.get(key)

    def put(self, key: Key, object: Object | None) -> None:
        """Hold a new object, or None in place of one that is gone."""
        self._held[key] = object

    def copied(self) -> "Work":
        """The same objects in hand, to try something on: it is never committed."""
        other = Work(self.state)
        other._held = copied(self._held)
        return other

    def ids(self, account: str, kind: str, reference: tuple[str, str] | None = None) -> Iterator[str]:
        """Ids that are there, those of this request included, oldest first. One whose reference changed in this
        request is offered too: the caller compares."""
        seen = self.state.ids(account, kind, reference)
        held = [id for a, k, id in self._held if (a, k) == (account, kind)]
        for id in dict.fromkeys((*seen, *held)):
            if self.peek((account, kind, id)) is not None:
                yield id

    def commit(self) -> None:
        """All of it counts from now on."""
        self.state.commit({k: o for k, o in self._held.items() if o is None or o != self.state.objects.get(k)})

    def drop(self) -> None:
        """None of it does."""
        self._held.clear()
        self.state.counter = self._first_counter


def _opened(file: Path) -> sqlite3.Connection:
    file.parent.mkdir(parents=True, exist_ok=True)
    conn = sqlite3.connect(file, check_same_thread=False)
    with conn:
        conn.execute("CREATE TABLE IF NOT EXISTS objects (account, kind, id, kept, PRIMARY KEY (account, kind, id))")
        conn.execute("CREATE TABLE IF NOT EXISTS counter (value)")
        if conn.execute("SELECT count(*) FROM counter").fetchone()[0] == 0:
            conn.execute("INSERT INTO counter VALUES (0)")
    return conn
