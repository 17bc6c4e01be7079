"""Reactions over the log: live only, by one leader, each with a checkpoint of its own.

Refuses to know what a reaction does: it is handed in, and called. A reaction to events begins at the head of the log
that it finds; one that watches a derivation begins with what stands there, silently. Many differences at once wait for
an operator. Whatever dies in between, the receipts see to it that each is acted on once; a fault of a reaction stops
that one alone, where it stands.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import psycopg

from ledger import store
from ledger.errors import StoreUnavailable
from ledger.events import DifferencesReleased, Recorded
from ledger.ids import MODES, Mode
from projections import BILLING
from replay.differences import Found, differences, listening, position, settled
from replay.leading import try_to_lead
from replay.lines import Lines
from replay.tables import LIVE

log = Lines("recount.reacting")

BATCH = 200
#: Differences that are closed in one pass at most.
PAGE = 200
#: How far back differences that were closed count as part of one flood.
FLOOD_S = 60
#: What whoever reacts holds (`replay.leading`).
LEADER = "reactions"


class Reaction(Protocol):
    """What reacts to an event, as far as it is run."""

    @property
    def name(self) -> str: ...
    @property
    def reads(self) -> tuple[str, ...]: ...
    @property
    def tells(self) -> bool: ...
    @property
    def whose(self) -> Callable[[Recorded], tuple[str, tuple[str, ...]] | None]: ...


class Watch(Protocol):
    """What reacts to a derivation, as far as it is run."""

    @property
    def name(self) -> str: ...
    @property
    def tells(self) -> bool: ...


class Acting(NamedTuple):
    """What is done: given by who runs this."""

    take: Callable[[Any, Recorded, str | None], bool]
    """(reaction, event, organization): carry out what follows, once."""
    close: Callable[[Any, Found, bool], bool]
    """(watch, difference, silent): close a difference, once."""


class Reactor:
    """Runs reactions. The one that leads is the only one that does."""

    def __init__(
        self,
        conninfo: str,
        reactions: Sequence[Reaction],
        watches: Sequence[Watch],
        acting: Acting,
        *,
        hold_from: int,
    ) -> None:
        self._reactions = reactions
        self._watches = watches
        self._acting = acting
        self._hold_from = hold_from
        self._conn: psycopg.Connection[Any] = psycopg.connect(
            store.as_role(conninfo, "recount_writer", lock_timeout="2000", statement_timeout="20000"),
            autocommit=True,
            connect_timeout=2,
        )
        # what is believed is read with the reader's rights, what has been done is noted with the writer's
        self._read: psycopg.Connection[Any] = psycopg.connect(
            store.as_role(conninfo, "recount_reader"), autocommit=True, connect_timeout=2
        )
        self._leads = False
        self._upto = 0
        self._faults: dict[tuple[str, str], str | None] = {}

    def close(self) -> None:
        """Give up the lead."""
        self._conn.close()
        self._read.close()

    def lead(self) -> bool:
        """Try to become the one that reacts. The lead is lost with the connection."""
        if not self._leads:
            self._leads = try_to_lead(self._conn, LEADER)
        return self._leads

    def step(self) -> bool:
        """React to what is new. Returns whether there was anything. Raises psycopg's errors, StoreUnavailable."""
        self._upto = position(self._read)  # first: what is read afterwards is at least as new
        heard = listening(self._read)
        moved = False
        for reaction in self._reactions:
            moved |= self._guarded(reaction.name, "", lambda r=reaction: self._follow(r, heard))  # type: ignore[misc]
        for watch in self._watches:
            for mode in MODES:
                moved |= self._guarded(watch.name, mode, lambda w=watch, m=mode: self._watch(w, m, heard))  # type: ignore[misc]
        return moved

    def _guarded(self, name: str, mode: str, run: Callable[[], bool]) -> bool:
        """A fault of ours stops this reaction, and no other; it is shown, and tried again at the next step."""
        try:
            moved = run()
        except (psycopg.Error, StoreUnavailable):
            raise
        except Exception as error:
            said = f"{type(error).__name__}: {error}"
            if self._faults.get((name, mode)) != said:
                self._faults[name, mode] = said
                log.error("reaction_fault", reaction=name, mode=mode or None, error=said)
                self._note(name, mode, fault=said)
            return False
        if self._faults.get((name, mode), "unknown") is not None:
            self._faults[name, mode] = None
            self._note(name, mode, fault=None)
        return moved

    # ---- reactions to events ----------------------------------------------------------------

    def _follow(self, reaction: Reaction, heard: Mapping[Mode, int]) -> bool:
        row = self._conn.execute(
            "SELECT position FROM ledger.reactions WHERE (name, mode) = (%s, '')", [reaction.name]
        ).fetchone()
        if row is None:  # a new one starts at the head
            self._conn.execute(
                "INSERT INTO ledger.reactions (name, position) SELECT %s, coalesce(max(notification_id), 0)"
                " FROM ledger.events ON CONFLICT DO NOTHING",
                [reaction.name],
            )
            return True
        events = store.read_own(self._conn, sorted(reaction.reads), after=int(row[0]), limit=BATCH)
        for recorded in events:
            if recorded.position > self._upto:  # who listens, and whose it is, is not known yet
                return recorded is not events[0]
            mode: Mode | None = getattr(recorded.event, "mode", None)
            if not reaction.tells or (mode is not None and heard.get(mode, recorded.position) < recorded.position):
                self._acting.take(reaction, recorded, self._org(reaction, recorded))
            self._note(reaction.name, "", position=recorded.position)
        return bool(events)

    def _org(self, reaction: Reaction, recorded: Recorded) -> str | None:
        """Whose the event is, where a row of a read model knows."""
        place = reaction.whose(recorded)
        if place is None:
            return None
        model, key = place
        table = BILLING.tables[model]
        where = " AND ".join(f't."{k}" = %s' for k in table.key)
        link = f" JOIN {LIVE}.org_links l ON (l.mode, l.account, l.customer) = (t.mode, t.account, t.customer)"
        whose, joined = ("t.org", "") if "org" in table.names else ("l.org", link)
        row = self._read.execute(f'SELECT {whose} FROM {LIVE}."{model}" t{joined} WHERE {where}', list(key)).fetchone()
        return row[0] if row is not None else None

    # ---- reactions to derivations -----------------------------------------------------------

    def _watch(self, watch: Watch, mode: Mode, heard: Mapping[Mode, int]) -> bool:
        if watch.tells and mode not in heard:
            self._conn.execute("DELETE FROM ledger.reactions WHERE (name, mode) = (%s, %s)", [watch.name, mode])
            return False
        if not settled(self._read):
            return False
        row = self._conn.execute(
            "SELECT held, releasing FROM ledger.reactions WHERE (name, mode) = (%s, %s)", [watch.name, mode]
        ).fetchone()
        if row is None:
            return self._begin(watch, mode)
        held, releasing = row
        if held is not None:
            releasing = self._released(watch, mode, int(held))
            if releasing is None:
                return False
        found = list(differences(self._read, watch.name, mode, limit=PAGE))
        if not found and releasing is not None:
            self._note(watch.name, mode, releasing=None, position=self._upto)
        if not found or (releasing is None and self._flood(watch, mode)):
            return False
        closed = [self._acting.close(watch, each, releasing == "silent") for each in found]
        return any(closed)  # none: they are closed in the log already, and are folded in a moment

    def _begin(self, watch: Watch, mode: Mode) -> bool:
        """What stands already is nothing new: closed, and nothing follows."""
        after: tuple[str, ...] | None = None
        while page := list(differences(self._read, watch.name, mode, limit=PAGE, after=after)):
            for each in page:
                self._acting.close(watch, each, True)
            after = page[-1].key
        self._conn.execute(
            "INSERT INTO ledger.reactions (name, mode, position) SELECT %s, %s, coalesce(max(notification_id), 0)"
            " FROM ledger.events ON CONFLICT DO NOTHING",
            [watch.name, mode],
        )
        return True

    def _flood(self, watch: Watch, mode: Mode) -> bool:
        """Whether there are too many differences to act on unasked; then they are held."""
        many = self._hold_from
        row = self._read.execute(
            f'SELECT (SELECT count(*) FROM (SELECT FROM {LIVE}."{watch.name}" WHERE mode = %s LIMIT %s) AS waiting)'
            f" + (SELECT count(*) FROM {LIVE}.closed_differences c JOIN ledger.reactions r"
            "      ON (c.reaction, c.mode) = (r.name, r.mode) WHERE (r.name, r.mode) = (%s, %s) AND NOT c.silent"
            "      AND c.position > r.position"
            "      AND c.closed_us > extract(epoch FROM now() - make_interval(secs => %s)) * 1000000)",
            [mode, many + 1, watch.name, mode, FLOOD_S],
        ).fetchone()
        assert row is not None
        if row[0] <= many:
            return False
        log.warning("differences_held", reaction=watch.name, mode=mode, at_least=row[0])
        self._conn.execute(
            "UPDATE ledger.reactions SET held = (SELECT max(notification_id) FROM ledger.events)"
            " WHERE (name, mode) = (%s, %s)",
            [watch.name, mode],
        )
        return True

    def _released(self, watch: Watch, mode: Mode, held: int) -> str | None:
        """How an operator released what was held since this position; None: nobody has."""
        said = [
            e.event
            for e in store.read_own(self._conn, [DifferencesReleased.NAME], after=held)
            if (e.event.reaction, e.event.mode) == (watch.name, mode)
        ]
        if not said:
            return None
        how = "silent" if said[-1].silent else "tell"
        self._note(watch.name, mode, held=None, releasing=how)
        return how

    def _note(self, name: str, mode: str, **columns: Any) -> None:
        names = ", ".join(f"{c} = %s" for c in columns)
        self._conn.execute(
            f"UPDATE ledger.reactions SET {names}, moved_at = now() WHERE (name, mode) = (%s, %s)",
            [*columns.values(), name, mode],
        )
