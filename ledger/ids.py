"""Names of subjects and streams, and the two modes that never mix."""

from collections.abc import Iterable, Sequence
from typing import Literal

Mode = Literal["live", "test"]
MODES: tuple[Mode, Mode] = ("live", "test")

#: The Stripe account that is the platform's own; connected accounts carry their `acct_…` id.
PLATFORM = "platform"


def mode_of(livemode: bool) -> Mode:
    """Stripe's `livemode` flag as a mode."""
    return "live" if livemode else "test"


def stripe_stream(mode: Mode, account: str, event_id: str) -> str:
    """The stream of one Stripe event: its renderings are the versions."""
    return f"stripe/{mode}/{account}/{event_id}"


def misrouted_stream(secret_mode: Mode, account: str, event_id: str) -> str:
    """Where an event goes whose mode is not the mode of the secret that signed it."""
    return f"misrouted/{secret_mode}/{account}/{event_id}"


def observed_stream(mode: Mode, account: str, object_id: str) -> str:
    """The stream of what we saw of one Stripe object: each time is a version."""
    return f"observed/{mode}/{account}/{object_id}"


def call_stream(mode: Mode, call_id: str) -> str:
    """The stream of one call of ours to Stripe: requested, begun, answered."""
    return f"stripe_call/{mode}/{call_id}"


def calls_stream(mode: Mode) -> str:
    """The stream of whether Stripe takes our key at all."""
    return f"stripe_calls/{mode}"


def billing_customer_stream(mode: Mode, account: str, org: str) -> str:
    """The stream of an organization's Stripe customer in an account, where we made it."""
    return f"billing_customer/{mode}/{account}/{_joined((org,))}"


def issuance_stream(mode: Mode, issuance: str) -> str:
    """The stream of one issuance: our own lines on their way to one Stripe invoice."""
    return f"issuance/{mode}/{issuance}"


def org_subject(mode: Mode, account: str, org: str) -> str:
    """Whose personal fields are those of a call that is made for an organization."""
    return subject_of(mode, account, f"org:{org}")


def fetch_stream(mode: Mode, account: str, object: str, object_id: str) -> str:
    """The stream of looks at one Stripe object that showed nothing."""
    return f"fetch/{mode}/{_joined((account, object, object_id))}"


def stripe_reconciliation_stream(id: str) -> str:
    """The stream of one comparison with Stripe that a person asked for."""
    return f"stripe_reconciliation/{id}"


def comparison_stream(mode: Mode, account: str) -> str:
    """The stream of comparisons of one Stripe account with what we hold."""
    return f"comparison/{mode}/{account}"


def drift_stream(mode: Mode, account: str, object: str, object_id: str) -> str:
    """The stream of what did not agree about one Stripe object, and agreed again."""
    return f"drift/{mode}/{_joined((account, object, object_id))}"


def link_stream(mode: Mode, account: str, customer: str) -> str:
    """The stream of an operator's links of one Stripe customer to an organization."""
    return f"org_link/{mode}/{account}/{customer}"


def event_item(account: str, event_id: str) -> str:
    """What a Stripe event is called on the list of what is set aside, within its mode."""
    return _joined((account, event_id))


def parked_item(model: str, key: Sequence[str]) -> str:
    """The same for a parked key of a read model; the mode, with which most keys begin, is left out."""
    return _joined((model, *(key[1:] if key[0] in MODES else key)))


def item_parts(item: str) -> tuple[str, ...]:
    """What an item's name was made of."""
    return tuple(p.replace("%3A", ":").replace("%2F", "/").replace("%25", "%") for p in item.split(":"))


def _joined(parts: Iterable[str]) -> str:
    return ":".join(p.replace("%", "%25").replace("/", "%2F").replace(":", "%3A") for p in parts)


def released_stream(mode: Mode, account: str, event_id: str) -> str:
    """The stream of what operators did about one Stripe event that was set aside."""
    return f"quarantine/{mode}/{account}/{event_id}"


def parked_stream(mode: Mode, item: str) -> str:
    """The stream of what operators did about one parked key, by its item."""
    return f"parked/{mode}/{item}"


def receipt_stream(person: str, idempotency_key: str) -> str:
    """The stream of a person's act: one event, so that its key counts once."""
    return f"receipt/{_joined((person, idempotency_key))}"


def attempt_stream(id: str) -> str:
    """The stream of an act that was denied."""
    return f"attempt/{id}"


def approval_stream(id: str) -> str:
    """The stream of an act that waits for a second person."""
    return f"approval/{id}"


def override_stream(mode: Mode, org: str, feature: str) -> str:
    """The stream of what operators said about one feature of an organization."""
    return f"override/{mode}/{_joined((org, feature))}"


def feature_subject(org: str, feature: str) -> str:
    """What the audit calls a feature of an organization."""
    return f"entitlement/{_joined((org, feature))}"


def rebuild_stream(id: str) -> str:
    """The stream of one rebuild that somebody asked for."""
    return f"rebuild/{id}"


def key_stream(key_id: str) -> str:
    """The stream of one API key and those that took its place: `key_1`, `key_1.2`, `key_1.3`."""
    return f"api_key/{key_id.partition('.')[0]}"


def plans_stream(mode: Mode) -> str:
    """The stream of all plans of a mode: a catalogue is applied as a whole."""
    return f"plans/{mode}"


def placement_stream(mode: Mode, account: str, subscription: str) -> str:
    """The stream of an operator's moves of one subscription (or purchase, or agreement) between plans."""
    return f"subscription_plan/{mode}/{account}/{subscription}"


def agreement_stream(mode: Mode, id: str) -> str:
    """The stream of an agreement without Stripe: made, then perhaps ended."""
    return f"agreement/{mode}/{id}"


def endpoint_stream(endpoint_id: str) -> str:
    """The stream of an endpoint that is told of what happens: added, then perhaps removed."""
    return f"endpoint/{endpoint_id}"


def endpoint_subject(endpoint_id: str) -> str:
    """What the key store calls an endpoint: its key there is the secret that signs what it is sent."""
    return f"endpoint/{endpoint_id}"


def notice_stream(notice_id: str) -> str:
    """The stream of a notice: one event."""
    return f"notice/{notice_id}"


def delivery_stream(endpoint_id: str, notice_id: str) -> str:
    """The stream of what became of one notice at one endpoint: its attempts are the versions."""
    return f"delivery/{endpoint_id}/{notice_id}"


def reaction_stream(reaction: str, cause_stream: str, cause_version: int) -> str:
    """The stream of a reaction's receipt for one event: one event, so that it is taken once."""
    return f"reaction/{reaction}/{cause_version}/{cause_stream}"


def difference_stream(reaction: str, mode: Mode, key: Iterable[str]) -> str:
    """The stream of what a reaction has done about one key of the derivation that it watches."""
    return f"difference/{reaction}/{mode}/{_joined(key)}"


def held_stream(reaction: str, mode: Mode) -> str:
    """The stream of releases of a reaction's differences that were held."""
    return f"held/{reaction}/{mode}"


def deadline_stream(kind: str, mode: Mode, key: str, at_s: int) -> str:
    """The stream of a deadline's receipt: one event, so that it is met once."""
    return f"deadline/{kind}/{mode}/{at_s}/{key}"


def service_policies_stream(mode: Mode) -> str:
    """The stream of all service policies of a mode: a file of them is applied as a whole."""
    return f"service_policies/{mode}"


def service_stream(mode: Mode, org: str, service: str) -> str:
    """The stream of an organization's service: its steps, and what operators said of it."""
    return f"service/{mode}/{_joined((org, service))}"


def service_subject(org: str, service: str) -> str:
    """What the audit calls a service of an organization."""
    return f"service/{_joined((org, service))}"


def debt_stream(mode: Mode, account: str, invoice: str) -> str:
    """The stream of what operators said of an unpaid invoice."""
    return f"debt/{mode}/{account}/{invoice}"


def enforcement_stream(mode: Mode, org: str, environment: str) -> str:
    """The stream of what the deployment system was asked about an environment, and acknowledged."""
    return f"enforcement/{mode}/{_joined((org, environment))}"


def key_of(parts: Iterable[str]) -> str:
    """Several ids as one key; `item_parts` takes it apart."""
    return _joined(parts)


def subject_of(mode: Mode, account: str, owner: str) -> str:
    """Whose personal fields these are: a Stripe customer, or the object or event that stands alone."""
    return f"{mode}/{account}/{owner}"


def environment_stream(mode: Mode, environment: str) -> str:
    """The stream of one environment."""
    return f"environment/{mode}/{environment}"


def placing_stream(mode: Mode, kind: str, id: str) -> str:
    """The stream of where a namespace or a project was placed."""
    return f"hosting_place/{mode}/{_joined((kind, id))}"


def rate_card_stream(mode: Mode, card: str) -> str:
    """The stream of one rate card's versions."""
    return f"rate_card/{mode}/{card}"


def costs_stream(mode: Mode, batch: str) -> str:
    """The stream of one batch of cost events: one event."""
    return f"costs/{mode}/{_joined((batch,))}"


def accrual_stream(mode: Mode, org: str, environment: str, day: str) -> str:
    """The stream of an environment's accrual of a day, and of what was mended since: each number once."""
    return f"accrual/{mode}/{_joined((org, environment, day))}"


def accruing_stream(mode: Mode) -> str:
    """The stream that says how far accruals have come."""
    return f"accruing/{mode}"


def hosting_months_stream(mode: Mode) -> str:
    """The stream of closed months, in their order."""
    return f"hosting_months/{mode}"


def hosting_invoice_stream(mode: Mode, org: str, currency: str, month: str) -> str:
    """The stream of a billing account's invoice for a month of hosting."""
    return f"hosting_invoice/{mode}/{_joined((org, currency, month))}"


def spending_stream(mode: Mode, org: str) -> str:
    """The stream of an organization's hosting limit, and of how near it came."""
    return f"spending_limit/{mode}/{_joined((org,))}"


def tax_terms_stream(mode: Mode, org: str | None) -> str:
    """The stream of an organization's own tax terms; None: of those of everybody else."""
    return f"tax_terms/{mode}/everybody" if org is None else f"tax_terms/{mode}/org/{_joined((org,))}"


def cost_policy_stream(mode: Mode, org: str, category: str) -> str:
    """The stream of what may be passed through to an organization of a category of provider costs, in versions."""
    return f"cost_policy/{mode}/{_joined((org, category))}"


def charges_stream(mode: Mode, record: str) -> str:
    """The stream of one record of provider charges: one event."""
    return f"provider_charges/{mode}/{_joined((record,))}"


def reservation_stream(mode: Mode, org: str, id: str) -> str:
    """The stream of one reservation of an organization: made, then settled, released or expired."""
    return f"reservation/{mode}/{_joined((org, id))}"


def budget_stream(mode: Mode, org: str, category: str, period: str, currency: str) -> str:
    """The stream of one budget: each of its events says all of it, so that nobody need read but the last."""
    return f"budget/{mode}/{_joined((org, category, period, currency))}"


def reconciliation_stream(mode: Mode, org: str, period: str) -> str:
    """The stream of all reconciliation batches of an organization and month: no two of them bill one charge."""
    return f"reconciliation/{mode}/{_joined((org, period))}"


def reconciled_usage_stream(mode: Mode, id: str) -> str:
    """The stream of one reconciliation with a provider's usage ledger: one event."""
    return f"usage_reconciled/{mode}/{id}"


def setup_stream(mode: Mode, account: str, placement: str) -> str:
    """The stream of setting up one subscription, purchase or agreement: its approvals."""
    return f"setup/{mode}/{account}/{placement}"


def launch_stream(mode: Mode) -> str:
    """The stream of the launch gate of a mode: evidence, sign-offs, and whether checkout is open."""
    return f"launch/{mode}"
