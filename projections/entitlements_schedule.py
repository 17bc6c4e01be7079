"""Schedules: what several sources say about a feature at each time, weighed into one answer. Knows no source by name.

The states, strongest first: `active`, `trialing`, `grace` (granted), `pending_setup`, `restricted`, `suspended`,
`revoked` (not). An override that holds is the only word on what is granted; a hold takes away what is granted, that of
an override too. Limits of several granted sources add up; an unlimited one wins.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

STATES = ("active", "trialing", "grace", "pending_setup", "restricted", "suspended", "revoked")
GRANTED = frozenset(STATES[:3])
#: What a source is, by its `by`: everything else is sold.
OVERRIDE = "override"
HOLDS = frozenset({"setup", "service"})


class Segment(NamedTuple):
    """A state that holds in [from_s, until_s); None is open."""

    state: str
    from_s: int | None
    until_s: int | None


class Quota(NamedTuple):
    """How a limit is meant."""

    kind: str | None = None
    """`quota`: so much in each period; `gauge`: so much at a time; None: nobody says."""
    period: str | None = None
    reset: str | None = None


class Grant(NamedTuple):
    """One source's word about one feature. One that holds it back (`HOLDS`) is a grant of its state."""

    feature: str
    segments: tuple[Segment, ...]
    limited: bool
    limit: int | None
    """How much, where limited; None means unlimited."""
    source: dict[str, Any]
    quota: Quota = Quota()
    fail_open: bool = False
    """Whether it may be used when nobody can tell whether it may."""
    soft: bool = False
    """Whether it goes on beyond its limit, as overage."""


class Allowed(NamedTuple):
    """How much may be used."""

    limit: int | None
    unlimited: bool
    quota: Quota = Quota()


_NOTHING = Allowed(0, False)
_WITHOUT_LIMIT = Allowed(None, True)
#: A source's state at a time, and what the source is.
Word = tuple[str, str]


def decisive(words: Sequence[Word]) -> tuple[str | None, list[int]]:
    """The state that words spoken at one time come to, and which of them decide it. None: nobody says anything.

    Of what is granted every granted word decides, since limits add up; of what is not, those of the strongest state.
    """
    overriding = [i for i, (_, by) in enumerate(words) if by == OVERRIDE]
    speaking = overriding or [i for i, (_, by) in enumerate(words) if by not in HOLDS]
    if not speaking:
        return None, []
    state = min((words[i][0] for i in speaking), key=STATES.index)
    if state not in GRANTED:
        return state, [i for i in speaking if words[i][0] == state]
    holding = [i for i, (_, by) in enumerate(words) if by in HOLDS]
    if holding:
        state = max((words[i][0] for i in holding), key=STATES.index)
        return state, [i for i in holding if words[i][0] == state]
    return state, [i for i in speaking if words[i][0] in GRANTED]


def combine(grants: Sequence[Grant]) -> list[dict[str, Any]]:
    """The schedule of a feature from all that is said about it: neighboring times that say the same are one segment."""
    cuts = sorted({t for g in grants for s in g.segments for t in (s.from_s, s.until_s) if t is not None})
    combined: list[dict[str, Any]] = []
    for start, end in zip([None, *cuts], [*cuts, None], strict=True):
        spoken = [(s.state, g) for g in grants for s in g.segments if _covers(s, start, end)]
        state, deciding = decisive([(s, g.source["by"]) for s, g in spoken])
        if state is None:
            continue
        segment = _said(state, [spoken[i][1] for i in deciding], [g for _, g in spoken])
        before = combined[-1] if combined else None
        if before and before["until_s"] == start and all(before[k] == v for k, v in segment.items()):
            before["until_s"] = end
        else:
            combined.append({**segment, "from_s": start, "until_s": end})
    return combined


def _said(state: str, deciding: Sequence[Grant], spoken: Sequence[Grant]) -> dict[str, Any]:
    granted = state in GRANTED
    allowed = _allowed(deciding, spoken) if granted else _NOTHING
    return {
        "state": state,
        "granted": granted,
        "limit": allowed.limit,
        "unlimited": allowed.unlimited,
        **allowed.quota._asdict(),
        "soft": granted and any(g.soft for g in spoken),
        "fail_open": granted and any(g.fail_open for g in spoken),
    }


def _allowed(deciding: Sequence[Grant], spoken: Sequence[Grant]) -> Allowed:
    """What granted sources allow together. Limits that are meant differently do not add up: the greatest counts."""
    limited = [g for g in deciding if g.limited]
    if not limited or any(g.limit is None for g in limited):
        return _WITHOUT_LIMIT
    sums: dict[Quota, int] = {}
    for g in limited:
        sums[g.quota] = sums.get(g.quota, 0) + (g.limit or 0)
    limit, quota = _greatest((n, q) for q, n in sums.items())
    if deciding[0].source["by"] == OVERRIDE:
        # An operator says how much; what was sold says of what.
        sold = [(g.limit or 0, g.quota) for g in spoken if g.limited and g.source["by"] != OVERRIDE]
        quota = _greatest(sold)[1] if sold else quota
    return Allowed(limit, False, quota)


def _greatest(limits: Iterable[tuple[int, Quota]]) -> tuple[int, Quota]:
    return max(limits, key=lambda found: (found[0], [part or "" for part in found[1]]))


def _covers(segment: Segment, start: int | None, end: int | None) -> bool:
    after = segment.from_s is None or (start is not None and segment.from_s <= start)
    before = segment.until_s is None or (end is not None and end <= segment.until_s)
    return after and before


class Standing(NamedTuple):
    """What a schedule says for one time."""

    now: Mapping[str, Any]
    """The segment that holds; where none does, one of the state `none`, which is not granted.

    One of an older release, until its read model is built anew, may say nothing of kind, period, reset and policy.
    """
    following: list[Mapping[str, Any]]
    """What follows with time alone."""


_NOBODY: Mapping[str, Any] = {
    "state": "none", "granted": False, "limit": 0, "unlimited": False, "kind": None, "period": None, "reset": None,
    "soft": False, "fail_open": False,
}  # fmt: skip


def standing(segments: Sequence[Mapping[str, Any]], now_s: float) -> Standing:
    """What stored segments say for a time; they are in order, and each is half-open."""
    last: Mapping[str, Any] | None = None
    now: Mapping[str, Any] | None = None
    following: list[Mapping[str, Any]] = []
    for segment in segments:
        if segment["from_s"] is not None and segment["from_s"] > now_s:
            following.append(segment)
        elif segment["until_s"] is None or now_s < segment["until_s"]:
            now = segment
        else:
            last = segment
    if now is None:
        since = last["until_s"] if last is not None else None
        now = {**_NOBODY, "from_s": since, "until_s": following[0]["from_s"] if following else None}
    return Standing(now, following)


def deciding(sources: Sequence[Mapping[str, Any]], now_s: float) -> list[int]:
    """Which of the stored sources decide a feature's answer at a time."""
    states = [standing(s["segments"], now_s).now["state"] for s in sources]
    speaking = [i for i, state in enumerate(states) if state != "none"]
    _, which = decisive([(states[i], sources[i]["by"]) for i in speaking])
    return [speaking[i] for i in which]
