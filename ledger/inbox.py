"""A Stripe event as it arrives, to the event that the log keeps. Pure: keys and randomness come in as arguments.

Every type is kept, known or not; nothing is translated here. What is no Stripe event at all is refused with a code.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal, NamedTuple

import msgspec

from ledger import codec
from ledger.errors import Invalid
from ledger.events import (
    Metadata,
    NewEvent,
    Recorded,
    StripeEventConflicted,
    StripeEventMisrouted,
    StripeEventReceived,
)
from ledger.ids import PLATFORM, Mode, misrouted_stream, mode_of, stripe_stream, subject_of
from ledger.sealing import Sealer, content_digest

Endpoint = Literal["platform", "connect"]

#: Ids and types become stream names and columns: longer or stranger ones are no Stripe event.
MAX_NAME = 255
_THIN = "v2.core.event"

# Numbers keep their digits: a float would turn 1.10 into 1.1 and 8.875 into something near it.
_decode = msgspec.json.Decoder(float_hook=Decimal).decode
_encode = msgspec.json.Encoder(decimal_format="number").encode


class Envelope(NamedTuple):
    """A Stripe event, opened as far as storing it needs."""

    event_id: str
    type: str
    created_s: int
    api_version: str | None
    mode: Mode
    account: str
    subject: str
    """Whose personal fields it carries."""
    email: str | None
    """A customer's e-mail address, for the blind index."""
    content: dict[str, Any]


def open_envelope(body: bytes) -> Envelope:
    """Read a webhook's body. Raises Invalid: `malformed_json`, `too_deep`, `not_an_event`."""
    try:
        content = _decode(body)
    except RecursionError as error:
        raise Invalid("the JSON is nested too deeply", code="too_deep") from error
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
        raise Invalid("the body is not JSON", code="malformed_json") from error
    if not isinstance(content, dict) or content.get("object") not in ("event", _THIN):
        raise Invalid("the body is JSON and no Stripe event", code="not_an_event")
    thin = content["object"] == _THIN
    event_id, kind = _name(content, "id"), _name(content, "type")
    livemode, version = content.get("livemode"), content.get("api_version")
    account = content.get("context" if thin else "account") or PLATFORM
    if not isinstance(livemode, bool) or not isinstance(account, str) or not isinstance(version, (str, type(None))):
        raise Invalid("the body is JSON and no Stripe event", code="not_an_event")
    mode = mode_of(livemode)
    data = content.get("data")
    obj = data.get("object") if isinstance(data, dict) else None
    owner, email = _owner(obj) if isinstance(obj, dict) else (None, None)
    return Envelope(
        event_id,
        kind,
        _seconds(content.get("created")),
        version,
        mode,
        account if len(account) <= MAX_NAME and account.isprintable() else PLATFORM,
        subject_of(mode, account, owner or event_id),
        email,
        content,
    )


def _name(content: dict[str, Any], key: str) -> str:
    value = content.get(key)
    if not isinstance(value, str) or not 0 < len(value) <= MAX_NAME or not value.isprintable():
        raise Invalid(f"the event's {key} is not one", code="not_an_event")
    return value


def _seconds(created: object) -> int:
    """Snapshot events carry whole seconds, thin ones an ISO 8601 time."""
    if isinstance(created, int) and not isinstance(created, bool) and 0 <= created < 2**40:
        return created
    try:
        return int(datetime.fromisoformat(created).timestamp()) if isinstance(created, str) else _never()
    except ValueError:
        return _never()


def _never() -> int:
    raise Invalid("the event's created is no time", code="not_an_event")


def _owner(obj: dict[str, Any]) -> tuple[str | None, str | None]:
    """The customer behind an object, else the object itself; and a customer's e-mail address."""
    own = obj.get("id")
    if obj.get("object") == "customer" and isinstance(own, str):
        email = obj.get("email")
        return own, email if isinstance(email, str) and email else None
    customer = obj.get("customer")
    if isinstance(customer, dict):
        customer = customer.get("id")
    return next((x for x in (customer, own) if isinstance(x, str) and x), None), None


def receive(
    envelope: Envelope,
    key: bytes,
    endpoint: Endpoint,
    random: Callable[[int], bytes],
    secret_mode: Mode | None = None,
) -> NewEvent:
    """The event to append: personal fields sealed under `key`, as version 1 of its stream.

    `secret_mode` is the mode that the verifying secret is bound to; an event of the other mode is misrouted, so that
    it can never block the genuine one. Consumes `envelope.content`. Raises Invalid("too_deep").
    """
    misrouted = secret_mode is not None and secret_mode != envelope.mode
    stream = (
        misrouted_stream(secret_mode, envelope.account, envelope.event_id)
        if misrouted and secret_mode is not None
        else stripe_stream(envelope.mode, envelope.account, envelope.event_id)
    )
    content = envelope.content
    digest = content_digest(content, key)
    sealer = Sealer(key, envelope.subject, stream, random)
    data = content.get("data")
    obj = data.get("object") if isinstance(data, dict) else None
    named = obj.get("object") if isinstance(obj, dict) else None
    kind = named if isinstance(named, str) else None
    # `previous_attributes` does not name its type: it is sealed by the object's rule, before the walk over the rest.
    if isinstance(data, dict) and isinstance(data.get("previous_attributes"), dict):
        sealer.seal_object(data["previous_attributes"], "data.previous_attributes", kind)
    sealer.seal_object(content, "", "event")
    event = (StripeEventMisrouted if misrouted else StripeEventReceived)(
        event_id=envelope.event_id,
        type=envelope.type,
        created_s=envelope.created_s,
        mode=envelope.mode,
        account=envelope.account,
        api_version=envelope.api_version,
        endpoint=endpoint,
        payload=msgspec.Raw(_encode(content)),
    )
    metadata = Metadata(
        occurred_at_s=envelope.created_s,
        actor="stripe",
        mode=envelope.mode,
        account=envelope.account,
        subjects=(envelope.subject,),
        digest=digest,
    )
    return NewEvent(stream, 1, event, metadata)


def after_conflict(new: NewEvent, known: Sequence[Recorded], *, key_is_lost: bool = False) -> NewEvent | None:
    """What to append when the stream already holds `known`: None for a redelivery, else the next version.

    The same content in the same API version is a redelivery; another API version is kept as a further rendering; the
    same version with other content is a conflict. When the subject was erased, contents cannot be compared any more,
    and a repeated id counts as a redelivery.
    """
    event = new.event
    assert isinstance(event, StripeEventReceived)
    for recorded in known:
        digest = codec.decode_metadata(recorded.metadata).digest
        same_version = recorded.event.api_version == event.api_version
        if same_version and (key_is_lost or digest == new.metadata.digest):
            return None
    rendered = any(r.event.api_version == event.api_version for r in known)
    if rendered and not isinstance(event, (StripeEventMisrouted, StripeEventConflicted)):
        fields = {f: getattr(event, f) for f in event.__struct_fields__}
        event = StripeEventConflicted(**fields)
    return new._replace(version=known[-1].version + 1, event=event)
