"""A whole history: the accounts, their shops, and the organizations that arrive one by one."""

from collections.abc import Iterator
from random import Random

from replay.simulator.customers import Customer
from replay.simulator.meters import Meter
from replay.simulator.organizations import live
from replay.simulator.payouts import pay_out
from replay.simulator.people import COUNTRIES
from replay.simulator.scenario import Scenario
from replay.simulator.sellers import Seller
from replay.simulator.shop import Shop
from replay.simulator.storefront import keep
from replay.simulator.timeline import Account, Event, Process, Subject, Timeline
from replay.simulator.topups import top_up
from replay.simulator.transfers import hand_on
from replay.simulator.versions import connected_schedule, platform_schedule

_SHOPS_ARE_SHOWN_AFTER_S = 300
_SHOPS_ARE_OPEN_AFTER_S = 600
_SELLERS = ("Agentworks", "Hostery", "Botlane", "Cloudpier", "Modelyard", "Taskforge", "Stackharbor", "Runloop")


def simulate(scenario: Scenario) -> Iterator[Event]:
    """The events of a history, in order of time (`created` never decreases), in the order in which they happened.

    Events are made as they are asked for; memory grows with the organizations, not with the months. Events share
    parts with each other: change nothing in them, copy first.
    """
    timeline = Timeline(scenario)
    accounts = _accounts(timeline)
    platform = Shop(timeline, next(accounts))
    shops = [platform, *(Shop(timeline, account, platform) for account in accounts)]
    for shop in shops:
        timeline.start(shop.life(), shop, scenario.start_s)
        timeline.start(keep(shop), Subject(), scenario.start_s + _SHOPS_ARE_SHOWN_AFTER_S)
        timeline.start(pay_out(shop), shop.till, scenario.start_s)
    for shop in shops[1:]:
        seller = Seller(shop)
        timeline.start(seller.life(), seller, scenario.start_s + _SHOPS_ARE_SHOWN_AFTER_S)
        timeline.start(hand_on(shop), Subject(), scenario.start_s)
    timeline.start(top_up(platform), platform.till, scenario.start_s)
    meter = Meter(platform)
    timeline.start(meter.life(), meter, scenario.start_s + _SHOPS_ARE_SHOWN_AFTER_S)
    arrivals_s = scenario.start_s + _SHOPS_ARE_OPEN_AFTER_S
    timeline.start(_arrivals(timeline, shops), Subject(), arrivals_s)
    return timeline.events()


def _accounts(timeline: Timeline) -> Iterator[Account]:
    scenario, random = timeline.scenario, Random(f"{timeline.scenario.seed}/accounts")
    versions, start_s, end_s = scenario.api_versions, scenario.start_s, scenario.end_s
    yield Account(
        id=None,
        token=timeline.ids.token(),
        name="Recount Example",
        country="US",
        schedule=platform_schedule(versions, start_s, end_s),
        pending_webhooks=random.randint(1, 3),
    )
    for number in range(scenario.sellers):
        token = timeline.ids.token()
        yield Account(
            id=f"acct_1{timeline.ids.token(5)}{token}",
            token=token,
            name=f"{random.choice(_SELLERS)} {number + 1}",
            country=random.choice(COUNTRIES).code,
            schedule=connected_schedule(versions, number, start_s, end_s),
            pending_webhooks=random.randint(0, 3),
            fee_percent=random.choice((None, 5, 10)),
        )


def _arrivals(timeline: Timeline, shops: list[Shop]) -> Process:
    """Many come early, fewer later, the last when two thirds of the history are over."""
    scenario, random = timeline.scenario, timeline.random
    first_s = timeline.now_s
    span_s = (scenario.end_s - first_s) * 2 // 3
    platforms: list[str] = []
    for number in range(1, scenario.orgs + 1):
        yield first_s + span_s * number * number // ((scenario.orgs + 1) ** 2)
        connected = len(shops) > 1 and random.random() >= scenario.platform_share
        shop = random.choice(shops[1:]) if connected else shops[0]
        id = timeline.ids.short("cus")
        if connected and platforms and random.random() < 0.05:
            id = platforms.pop()
        elif not connected and len(platforms) < 20:
            platforms.append(id)
        customer = Customer(shop, number, id)
        timeline.start(live(customer), customer, timeline.now_s)
