"""Tax ids of customers: given, checked by the authorities, sometimes taken away. Refuses to know taxes."""

from collections.abc import Generator
from typing import Any, NamedTuple

from replay.simulator.balances import DAY
from replay.simulator.changes import previous_attributes
from replay.simulator.customers import Customer
from replay.simulator.timeline import Object

_KINDS = {"DE": ("eu_vat", "DE{:09d}"), "PT": ("eu_vat", "PT{:09d}"), "GB": ("gb_vat", "GB{:09d}")}


class TaxId(NamedTuple):
    """A tax id of one customer."""

    id: str
    country: str
    type: str
    value: str
    created_s: int
    status: str

    def render(self, customer: Customer) -> Object:
        """The tax id; alike in all versions."""
        verified = self.status == "verified"
        return {
            "id": self.id,
            "object": "tax_id",
            "country": self.country,
            "created": self.created_s,
            "customer": customer.id,
            "customer_account": None,
            "livemode": customer.timeline.livemode,
            "owner": {"customer": customer.id, "customer_account": None, "type": "customer"},
            "type": self.type,
            "value": self.value,
            "verification": {
                "status": self.status,
                "verified_address": None,
                "verified_name": customer.name if verified else None,
            },
        }


def identify(customer: Customer) -> Generator[int, Any, None]:
    """The customer says its tax id, the authorities say whether it is one; invoices carry it from then on."""
    timeline, account = customer.timeline, customer.shop.account
    known = _KINDS.get(customer.country.code)
    if known is None or customer.tax_ids:
        return
    kind, form = known
    value = form.format(timeline.random.randrange(10**9))
    id = timeline.ids.long("txi", timeline.now_s, account.token)
    given = TaxId(id, customer.country.code, kind, value, timeline.now_s, "pending")
    customer.tax_ids = ((kind, value),)
    timeline.emit(account, "customer.tax_id.created", given.render(customer))
    yield timeline.now_s + timeline.random.randint(2, 90)
    if customer.gone:
        return
    before = given.render(customer)
    checked = given._replace(status="verified" if timeline.chance(0.85) else "unverified")
    after = checked.render(customer)
    timeline.emit(account, "customer.tax_id.updated", after, previous_attributes(before, after))
    if checked.status == "unverified" and timeline.chance(0.7):
        yield timeline.now_s + timeline.random.randint(DAY, 9 * DAY)
        if not customer.gone:
            customer.tax_ids = ()
            timeline.emit(account, "customer.tax_id.deleted", checked.render(customer))
