"""Who wants to hear that an intent has come to an end, or to a stand: a literal registry.

An intent that was made for something carries a key that says for what (`_invoice`, `_session`). Whoever made it is
told when it succeeds, fails, wants an action or is canceled in any other request than the one in which it was made:
by a confirmation, an action of the customer, or days later by a job. Refuses to know what they do then.
"""

from importlib import import_module

from api.sandbox.desk import Desk
from api.sandbox.state import Object

#: Key of the intent -> module and function `(desk, intent)`. Named, not imported: they import the payments.
LISTENERS: dict[str, tuple[str, str]] = {
    "_invoice": ("invoice_collection", "settled"),
    "_subscription": ("subscription_standing", "set_up"),
    "_session": ("checkout_completion", "intent_stands"),
}


def tell(desk: Desk, intent: Object) -> None:
    """Tell whoever an intent (of payment or setup) was made for how it stands."""
    for key, (module, function) in LISTENERS.items():
        if intent.get(key) is not None:
            getattr(import_module(f"api.sandbox.resources.{module}"), function)(desk, intent)
