"""What the network does to events on their way: other order, again, never. Changes no event's content."""

from collections.abc import Iterable, Iterator
from heapq import heappop, heappush
from random import Random

from ledger.errors import Invalid
from replay.simulator.timeline import Event

_LATEST_AGAIN = 500


def disturb(
    events: Iterable[Event], *, seed: int, shuffle: bool | int = False, duplicate: float = 0.0, drop: float = 0.0
) -> Iterator[Event]:
    """The events as a bad day delivers them; the same for equal arguments.

    drop: the chance that an event never arrives. duplicate: the chance that one arrives twice; the second copy comes up
    to 500 deliveries later, and like Stripe's retries may say another number of pending webhooks.
    shuffle: False keeps the order. True shuffles all, and so holds all in memory: for histories that fit. A number n
    reorders as a stream in the memory of n events: none arrives more than n places early, and how late it arrives has
    no bound but chance (half of them less than n places).

    Raises Invalid when a chance is not between 0 and 1, or the number is below 1.
    """
    if not (0 <= duplicate <= 1 and 0 <= drop <= 1):
        raise Invalid("a chance lies between 0 and 1")
    if shuffle is not True and shuffle is not False and shuffle < 1:
        raise Invalid("a window of reordering holds at least one event")
    random = Random(f"{seed}/deliveries")
    delivered: Iterator[Event] = iter(events)
    if drop:
        delivered = (event for event in delivered if random.random() >= drop)
    if duplicate:
        delivered = _duplicated(delivered, random, duplicate)
    if shuffle is True:
        return _shuffled(delivered, random)
    return _reordered(delivered, random, shuffle) if shuffle else delivered


def _duplicated(events: Iterator[Event], random: Random, duplicate: float) -> Iterator[Event]:
    again: list[tuple[int, int, Event]] = []
    for place, event in enumerate(events):
        yield event
        if random.random() < duplicate:
            copy = {**event, "pending_webhooks": random.randint(0, 3)} if random.random() < 0.3 else event
            heappush(again, (place + random.randrange(_LATEST_AGAIN), place, copy))
        while again and again[0][0] <= place:
            yield heappop(again)[2]
    while again:
        yield heappop(again)[2]


def _shuffled(events: Iterator[Event], random: Random) -> Iterator[Event]:
    everything = list(events)
    random.shuffle(everything)
    yield from everything


def _reordered(events: Iterator[Event], random: Random, window: int) -> Iterator[Event]:
    held: list[Event] = []
    for event in events:
        held.append(event)
        if len(held) > window:
            i = random.randrange(len(held))
            held[i], held[-1] = held[-1], held[i]
            yield held.pop()
    random.shuffle(held)
    yield from held
