"""A Stripe event as it arrives, to the event that the log keeps. Pure: keys and randomness come in as arguments.

Every type is kept, known or not; nothing is translated here. What is no Stripe event at all is refused with a code.
"""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal, NamedTuple, TypeGuard

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
from ledger.personal import PUBLIC
from ledger.sealing import PREFIX, Sealer, content_digest

Endpoint = Literal["platform", "connect"]
#: Where an event came from: one of our endpoints, or Stripe's own list of events.
Source = Literal["platform", "connect", "list"]

#: Ids and types become stream names and columns: longer or stranger ones are no Stripe event.
MAX_NAME = 255
_THIN = "v2.core.event"
_TOKEN = PREFIX.encode()
_ESCAPE = b"\\u"  # what is written so could spell anything
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = timedelta(seconds=1)

# Numbers keep their digits: a float would turn 1.10 into 1.1 and 8.875 into something near it.
decode_exactly = msgspec.json.Decoder(float_hook=Decimal).decode
encode_exactly = msgspec.json.Encoder(decimal_format="number").encode


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
    distrust: bool
    """Whether some value might look like a sealed token."""


def open_envelope(body: bytes) -> Envelope:
    """Read a webhook's body. Raises Invalid: `malformed_json`, `too_deep`, `not_an_event`."""
    try:
        content = decode_exactly(body)
    except RecursionError as error:
        raise Invalid("the JSON is nested too deeply", code="too_deep") from error
    except (msgspec.DecodeError, ValueError, ArithmeticError) as error:  # an exponent can be more than Decimal holds
        raise Invalid("the body is not JSON", code="malformed_json") from error
    if not isinstance(content, dict) or content.get("object") not in ("event", _THIN):
        raise Invalid("the body is JSON and no Stripe event", code="not_an_event")
    thin = content["object"] == _THIN
    event_id, kind = _name(content, "id"), _name(content, "type")
    livemode, version = content.get("livemode"), content.get("api_version")
    account = content.get("context" if thin else "account") or PLATFORM
    if not isinstance(livemode, bool) or not is_name(account) or not (version is None or is_name(version)):
        raise Invalid("the body is JSON and no Stripe event", code="not_an_event")
    mode = mode_of(livemode)
    data = content.get("data")
    obj = data.get("object") if isinstance(data, dict) else None
    owner, email = owner_of(obj) if isinstance(obj, dict) else (None, None)
    return Envelope(
        event_id,
        kind,
        _seconds(content.get("created")),
        version,
        mode,
        account,
        subject_of(mode, account, owner or event_id),
        email,
        content,
        _TOKEN in body or _ESCAPE in body,
    )


def _name(content: dict[str, Any], key: str) -> str:
    value = content.get(key)
    if not is_name(value) or "/" in value:  # a slash would make two streams one
        raise Invalid(f"the event's {key} is not one", code="not_an_event")
    return value


def is_name(value: object) -> TypeGuard[str]:
    """Whether it can name a stream, a column or a subject: PostgreSQL's text holds no NUL, an index no long value."""
    return isinstance(value, str) and 0 < len(value) <= MAX_NAME and value.isprintable()


def _seconds(created: object) -> int:
    """Snapshot events carry whole seconds, thin ones an ISO 8601 time with its offset."""
    seconds = created
    if isinstance(created, str):
        try:
            at = datetime.fromisoformat(created)
        except ValueError:
            at = None
        seconds = (at - _EPOCH) // _SECOND if at is not None and at.tzinfo is not None else None
    if isinstance(seconds, int) and not isinstance(seconds, bool) and 0 <= seconds < 2**40:
        return seconds
    raise Invalid("the event's created is no time", code="not_an_event")


def owner_of(obj: dict[str, Any]) -> tuple[str | None, str | None]:
    """The customer behind an object, else the object itself; and a customer's e-mail address.

    Objects that hold no person and name no customer share a subject, or each would cost a key.
    """
    own, customer = obj.get("id"), obj.get("customer")
    if obj.get("object") == "customer" and is_name(own):
        email = obj.get("email")
        return own, email if isinstance(email, str) and email else None
    if isinstance(customer, dict):
        customer = customer.get("id")
    if is_name(customer):
        return customer, None
    kind = obj.get("object")
    if isinstance(kind, str) and kind in PUBLIC:
        return "public", None
    return own if is_name(own) else None, None


def receive(
    envelope: Envelope,
    key: bytes,
    endpoint: Source,
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
    sealer = Sealer(key, envelope.subject, stream, random, distrust=envelope.distrust)
    data = content.get("data")
    obj = data.get("object") if isinstance(data, dict) else None
    named = obj.get("object") if isinstance(obj, dict) else None
    kind = named if isinstance(named, str) else None
    # `previous_attributes` does not name its type: it is sealed by the object's rule, apart from the rest.
    previous = data.get("previous_attributes") if isinstance(data, dict) else None
    if isinstance(data, dict) and isinstance(previous, dict):
        sealer.seal_object(previous, "data.previous_attributes", kind, depth=3)
        data["previous_attributes"] = None
        sealer.seal_object(content, "", "event")
        data["previous_attributes"] = previous
    else:
        sealer.seal_object(content, "", "event")
    event = (StripeEventMisrouted if misrouted else StripeEventReceived)(
        event_id=envelope.event_id,
        type=envelope.type,
        created_s=envelope.created_s,
        mode=envelope.mode,
        account=envelope.account,
        api_version=envelope.api_version,
        endpoint=endpoint,
        payload=msgspec.Raw(encode_exactly(content)),
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
