"""Simulated histories, told once a run, and questions to them that several tests ask."""

from collections.abc import Iterator
from functools import cache

from replay.simulator import DEFAULT_VERSIONS, Event, Object, Scenario, simulate

MIXED = Scenario(orgs=70, months=12, seed=7, toggles=0)
YEAR = Scenario(orgs=250, months=12, seed=7)
ONE_OF_EACH_FAMILY = ("2016-07-06", *DEFAULT_VERSIONS)


@cache
def whole(scenario: Scenario) -> tuple[Event, ...]:
    """All events, thin ones too."""
    return tuple(simulate(scenario))


@cache
def history(scenario: Scenario) -> tuple[Event, ...]:
    """The events that carry an object."""
    return tuple(event for event in whole(scenario) if "data" in event)


def in_version(version: str, orgs: int = 12, months: int = 6) -> tuple[Event, ...]:
    return history(Scenario(orgs=orgs, months=months, seed=3, api_versions=(version,)))


def objects(events: tuple[Event, ...], name: str) -> Iterator[Object]:
    return (event["data"]["object"] for event in events if event["data"]["object"]["object"] == name)


def account_of(event: Event) -> str:
    account: str = event.get("account", "platform")
    return account


def last(events: tuple[Event, ...], name: str) -> dict[tuple[str, str], Object]:
    """How each object of a kind was left, by account and id."""
    return {
        (account_of(event), event["data"]["object"]["id"]): event["data"]["object"]
        for event in events
        if event["data"]["object"]["object"] == name and "id" in event["data"]["object"]
    }
