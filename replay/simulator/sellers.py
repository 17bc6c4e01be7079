"""Connected accounts: what Stripe wants to know of a seller, what it may do meanwhile, and that one leaves.

Knows requirements and capabilities; refuses to know what a seller sells.
"""

from replay.simulator.account_shapes import application, rendered_account, rendered_capability
from replay.simulator.balances import DAY
from replay.simulator.changes import previous_attributes
from replay.simulator.fees import application_of
from replay.simulator.shop import Shop
from replay.simulator.timeline import Object, Process, Subject

_WANTED = ("company.verification.document", "representative.verification.document", "tos_acceptance.date",
           "business_profile.url", "external_account", "company.tax_id")  # fmt: skip
_CAPABILITIES = ("card_payments", "transfers")


class Seller(Subject):
    """A connected account as Stripe sees it now."""

    __slots__ = ("active", "created_s", "due", "due_by_s", "past_due", "shop", "submitted")

    def __init__(self, shop: Shop) -> None:
        super().__init__()
        self.shop = shop
        self.created_s = shop.timeline.now_s - 90 * DAY
        self.submitted = False
        self.active = dict.fromkeys(_CAPABILITIES, False)
        self.due: tuple[str, ...] = ()
        """What Stripe wants to know by `due_by_s`."""
        self.due_by_s: int | None = None
        self.past_due = False

    def update(self, *, capable: dict[str, bool] | None = None) -> "_Change":
        """What is changed inside is told at the end: the capabilities, then the account."""
        return _Change(self, capable or {})

    def life(self) -> Process:
        """On board at once; then asked for something every few months; a few leave for good."""
        timeline, account = self.shop.timeline, self.shop.account
        end_s, span_s = timeline.scenario.end_s, timeline.scenario.end_s - timeline.now_s
        leaves_s = end_s - timeline.random.randrange(span_s // 5) if timeline.chance(0.12) else end_s
        with self.update(capable=dict.fromkeys(_CAPABILITIES, True)):
            self.submitted = True
        while True:
            wait_s = timeline.random.randint(30 * DAY, 120 * DAY)
            if timeline.now_s + wait_s >= leaves_s:
                break
            yield timeline.now_s + wait_s
            yield from self._asked()
        yield max(leaves_s, timeline.now_s + 1)
        platform = self.shop.platform
        assert platform is not None
        timeline.requested()
        timeline.emit(account, "account.application.deauthorized", application(application_of(platform)))
        account.gone = True

    def _asked(self) -> Process:
        """Stripe wants to know something; most answer in time."""
        timeline, account = self.shop.timeline, self.shop.account
        with self.update():
            self.due = tuple(sorted(timeline.random.sample(_WANTED, timeline.random.randint(1, 3))))
            self.due_by_s = timeline.now_s + 14 * DAY
        if timeline.chance(0.6):
            yield timeline.now_s + timeline.random.randint(DAY, 12 * DAY)
        else:
            assert self.due_by_s is not None
            yield self.due_by_s
            with self.update(capable={"transfers": False}):
                self.past_due = True
                account.payouts_enabled = False
            yield timeline.now_s + timeline.random.randint(2 * DAY, 6 * DAY)
            if timeline.chance(0.5):
                with self.update(capable={"card_payments": False}):
                    account.charges_enabled = False
                yield timeline.now_s + timeline.random.randint(DAY, 3 * DAY)
        timeline.requested()
        with self.update(capable=dict.fromkeys(_CAPABILITIES, True)):
            self.due, self.due_by_s, self.past_due = (), None, False
            account.charges_enabled = account.payouts_enabled = True

    def capability(self, name: str) -> Object:
        """One capability, as it is now."""
        return rendered_capability(self.shop.account, name, self.created_s, self.requirements(), self.active[name])

    def requirements(self) -> Object:
        """What is wanted of the seller."""
        due = list(self.due)
        return {
            "alternatives": [],
            "current_deadline": self.due_by_s,
            "currently_due": due,
            "disabled_reason": "requirements.past_due" if self.past_due else None,
            "errors": [],
            "eventually_due": due,
            "past_due": due if self.past_due else [],
            "pending_verification": [],
        }

    def render(self) -> Object:
        """The account in the shape of its version now."""
        shop = self.shop
        return rendered_account(
            shop.account,
            shop.timeline.shape(shop.account),
            requirements=self.requirements(),
            capabilities=self.active,
            created_s=self.created_s,
            submitted=self.submitted,
        )


class _Change:
    """A seller while it changes."""

    def __init__(self, seller: Seller, capable: dict[str, bool]) -> None:
        self.seller, self.capable = seller, capable

    def __enter__(self) -> None:
        self.account = self.seller.render()
        self.before = {name: self.seller.capability(name) for name in _CAPABILITIES}

    def __exit__(self, *fault: object) -> None:
        seller = self.seller
        timeline, account = seller.shop.timeline, seller.shop.account
        changed = [name for name, active in self.capable.items() if seller.active[name] != active]
        seller.active = {**seller.active, **self.capable}
        for name in changed:
            after = seller.capability(name)
            timeline.emit(account, "capability.updated", after, previous_attributes(self.before[name], after))
        after = seller.render()
        timeline.emit(account, "account.updated", after, previous_attributes(self.account, after))
