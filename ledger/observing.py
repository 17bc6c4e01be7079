"""An object that Stripe answered with, to the event that the log keeps. Pure, as `ledger.inbox` is for events.

Nothing is translated here. What only its receiver may hold (a client secret, the address of a checkout page) is cut out
before anything is kept: it is worth nothing to a ledger, and fetched anew when it is asked for again.
"""

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Any, Literal, NamedTuple

import msgspec

from ledger.errors import Invalid
from ledger.events import Cause, Metadata, NewEvent, Recorded
from ledger.ids import Mode, mode_of, observed_stream, subject_of
from ledger.inbox import decode_exactly, encode_exactly, is_name, owner_of
from ledger.sealing import MAX_DEPTH, Sealer, content_digest
from ledger.stripe_call_events import StripeObjectObserved

Why = Literal["call", "fetch", "reconcile"]

#: The table: object type -> its own fields that are never stored.
SECRETS: dict[str, frozenset[str]] = {
    "account": frozenset({"keys"}),  # API keys of a new seller, up to 2017
    "account_link": frozenset({"url"}),
    "account_session": frozenset({"client_secret"}),
    "apps.secret": frozenset({"payload"}),
    "billing_portal.session": frozenset({"url"}),
    "checkout.session": frozenset({"url"}),
    "ephemeral_key": frozenset({"secret"}),
    "file_link": frozenset({"url"}),
    "identity.verification_session": frozenset({"url"}),
    "invoice": frozenset({"confirmation_secret"}),
    "issuing.card": frozenset({"number", "cvc"}),
    "login_link": frozenset({"url"}),
    "terminal.connection_token": frozenset({"secret"}),
    "webhook_endpoint": frozenset({"secret"}),
}
#: The same wherever it stands: with a client secret anybody goes on with a payment, and Stripe's own script keeps keys
#: for one authentication under `use_stripe_sdk`.
SECRET_EVERYWHERE = frozenset({"client_secret", "use_stripe_sdk"})
_NO_SECRETS: frozenset[str] = frozenset()


class Look(NamedTuple):
    """One look at Stripe: whom we asked, when it answered by its own clock, and on whose behalf."""

    mode: Mode
    account: str
    at_s: int
    api_version: str | None
    why: Why
    actor: str = "stripe"
    """The person who repairs, where one does."""
    reason: str | None = None
    cause: Cause | None = None


class Sighting(NamedTuple):
    """An object that was seen, opened as far as storing it needs."""

    look: Look
    object_type: str
    object_id: str
    subject: str
    """Whose personal fields it carries."""
    email: str | None
    """A customer's e-mail address, for the blind index."""
    content: dict[str, Any]

    @property
    def stream(self) -> str:
        """Where it is kept."""
        return observed_stream(self.look.mode, self.look.account, self.object_id)


def answered_at(headers: Mapping[str, str]) -> int | None:
    """The second in which Stripe answered, from the answer's headers; None where that tells nothing of the content.

    An answer that Stripe replays for its idempotency key (`Idempotent-Replayed`) shows the object as it was when the
    key was first used, under today's date: taken for new, it would undo what happened since.
    https://docs.stripe.com/api/idempotent_requests. Raises Invalid("no_date").
    """
    said = {name.lower(): value for name, value in headers.items()}
    if said.get("idempotent-replayed", "").lower() == "true":
        return None
    try:
        at = parsedate_to_datetime(said["date"])
    except (KeyError, ValueError) as error:
        raise Invalid("the answer does not say when it was given", code="no_date") from error
    return int((at if at.tzinfo is not None else at.replace(tzinfo=UTC)).timestamp())


def read_object(body: bytes | str) -> dict[str, Any]:
    """An answer's JSON, its numbers exact. Raises Invalid("not_an_object")."""
    try:
        content = decode_exactly(body)
    except (msgspec.DecodeError, ValueError, ArithmeticError, RecursionError) as error:
        raise Invalid("the answer is not JSON", code="not_an_object") from error
    if not isinstance(content, dict):
        raise Invalid("the answer is JSON and no object of Stripe's", code="not_an_object")
    return content


def open_sighting(content: dict[str, Any], look: Look) -> Sighting:
    """An object as Stripe answered with it. Consumes `content`: its secrets are cut out of it.

    Raises Invalid: `not_an_object`, `too_deep`, `other_mode` (it is of the mode that we did not ask in).
    """
    kind, livemode = content.get("object"), content.get("livemode")
    if not is_name(kind) or kind in ("list", "search_result"):
        raise Invalid("the answer is JSON and no object of Stripe's", code="not_an_object")
    if isinstance(livemode, bool) and mode_of(livemode) != look.mode:
        raise Invalid(f"the object is not of {look.mode} mode", code="other_mode")
    owner, email = owner_of(content)
    own = content.get("id")
    customer = content.get("customer")
    # A balance is its account's, a cash balance its customer's: these have no id of their own.
    object_id = next(name for name in (own, customer, look.account) if is_name(name))
    _cut(content, 1)
    return Sighting(look, kind, object_id, subject_of(look.mode, look.account, owner or object_id), email, content)


def _cut(node: dict[str, Any], depth: int) -> None:
    if depth > MAX_DEPTH:
        raise Invalid("the JSON is nested too deeply", code="too_deep")
    kind = node.get("object")
    secret = SECRET_EVERYWHERE | (SECRETS.get(kind, _NO_SECRETS) if isinstance(kind, str) else _NO_SECRETS)
    for key in secret.intersection(node):
        del node[key]
    for value in node.values():
        _cut_below(value, depth + 1)


def _cut_below(value: object, depth: int) -> None:
    if isinstance(value, dict):
        _cut(value, depth)
    elif isinstance(value, list):
        if depth > MAX_DEPTH:
            raise Invalid("the JSON is nested too deeply", code="too_deep")
        for each in value:
            _cut_below(each, depth + 1)


def observed(
    sighting: Sighting, key: bytes, known: Sequence[Recorded], random: Callable[[int], bytes]
) -> NewEvent | None:
    """The event to append after the `known` ones of its stream, personal fields sealed under `key`; None: nothing new.

    Nothing is new where the same content is known of the same second. Of another second it is kept: an event between
    the two may have said otherwise, of which this stream knows nothing; and read models tell since when something was
    seen. So which of two looks is kept first makes no difference to any row.
    """
    look = sighting.look
    digest = content_digest(sighting.content, key)
    for recorded in known:
        before = recorded.event
        if (before.digest, before.api_version, before.observed_at_s) == (digest, look.api_version, look.at_s):
            return None
    stream = sighting.stream
    content = deepcopy(sighting.content)  # whoever loses a race seals it once more
    Sealer(key, sighting.subject, stream, random).seal_object(content, "", sighting.object_type)
    event = StripeObjectObserved(
        mode=look.mode,
        account=look.account,
        object_type=sighting.object_type,
        object_id=sighting.object_id,
        observed_at_s=look.at_s,
        api_version=look.api_version,
        why=look.why,
        digest=digest,
        payload=msgspec.Raw(encode_exactly(content)),
    )
    metadata = Metadata(
        occurred_at_s=look.at_s,
        actor=look.actor,
        reason=look.reason,
        cause=look.cause,
        mode=look.mode,
        account=look.account,
        subjects=(sighting.subject,),
        digest=digest,
    )
    return NewEvent(stream, (known[-1].version if known else 0) + 1, event, metadata)
