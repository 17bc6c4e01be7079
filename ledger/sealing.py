"""Personal fields to ciphertext and back. Pure: keys come in as arguments, and so does randomness.

A sealed value is a string token that says by itself how to open it:
`sealed:1:<subject>:<stream>:<path>:<base64url(nonce + ciphertext)>[~hint]`. AES-256-GCM (NIST SP 800-38D) under the
subject's key; the associated data is everything before the ciphertext, so a token moved to another event or path does
not open. The plaintext is the JSON of the value. A hint is the part that stays plain: a postal prefix.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from typing import Any

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import Invalid
from ledger.personal import ADDRESS, ADDRESS_MARKS, PLAIN_PARENTS, personal_keys

PREFIX = "sealed:1:"
NONCE_BYTES = 12
POSTAL_HINT_CHARS = 3
#: Deeper than this a payload is refused: nothing of Stripe's comes near.
MAX_DEPTH = 64

_dumps = msgspec.json.Encoder().encode
_canonical = msgspec.json.Encoder(order="sorted").encode
#: What may differ between two deliveries of one event.
_DELIVERY_KEYS = ("pending_webhooks", "request")


class Sealer:
    """Seals the personal fields of one event for one subject."""

    __slots__ = ("_aad", "_encrypt", "_random")

    def __init__(self, key: bytes, subject: str, stream: str, random: Callable[[int], bytes]) -> None:
        self._encrypt = AESGCM(key).encrypt
        self._aad = f"{PREFIX}{subject}:{stream}:"
        self._random = random

    def token(self, path: str, value: object, hint: str = "") -> str:
        """`value` (anything JSON) sealed as the field at `path`."""
        bound = f"{self._aad}{path}:"
        nonce = self._random(NONCE_BYTES)
        sealed = nonce + self._encrypt(nonce, _dumps(value), bound.encode())
        return f"{bound}{urlsafe_b64encode(sealed).decode()}{'~' + hint if hint else ''}"

    def seal_object(self, node: dict[str, Any], path: str, object_type: str | None) -> None:
        """Replace every personal field of `node`, in place. `object_type` as Stripe names it, None if unknown.

        Raises Invalid("too_deep") beyond `MAX_DEPTH` levels.
        """
        self._walk(node, path, personal_keys(object_type), 3)

    def _walk(self, node: dict[str, Any], path: str, personal: frozenset[str], depth: int) -> None:
        if depth > MAX_DEPTH:
            raise Invalid("the JSON is nested too deeply", code="too_deep")
        kind = node.get("object")
        if isinstance(kind, str) and kind != "list":
            personal = personal_keys(kind)
        sealed_here = personal
        if personal and not ADDRESS_MARKS.isdisjoint(node):
            sealed_here = personal | ADDRESS
        for key, value in node.items():
            if value is None or value == "":
                continue
            if isinstance(value, dict):
                below = frozenset[str]() if key in PLAIN_PARENTS else personal
                if key in sealed_here and "object" not in value and _is_leafy(value):
                    node[key] = self.token(f"{path}.{key}", value)
                else:
                    self._walk(value, f"{path}.{key}", below, depth + 1)
            elif isinstance(value, list):
                if value and isinstance(value[0], (dict, list)):
                    self._walk_list(value, f"{path}.{key}", personal, depth + 1)
                elif value and key in sealed_here:
                    node[key] = self.token(f"{path}.{key}", value)
            elif key in sealed_here and not (isinstance(value, str) and value.startswith(PREFIX)):
                hint = value[:POSTAL_HINT_CHARS] if key == "postal_code" and isinstance(value, str) else ""
                node[key] = self.token(f"{path}.{key}", value, hint)

    def _walk_list(self, nodes: list[Any], path: str, personal: frozenset[str], depth: int) -> None:
        if depth > MAX_DEPTH:
            raise Invalid("the JSON is nested too deeply", code="too_deep")
        for i, node in enumerate(nodes):
            if isinstance(node, dict):
                self._walk(node, f"{path}[{i}]", personal, depth + 1)
            elif isinstance(node, list):
                self._walk_list(node, f"{path}[{i}]", personal, depth + 1)


def _is_leafy(value: dict[str, Any]) -> bool:
    return not any(isinstance(v, (dict, list)) for v in value.values())


def content_digest(event: dict[str, Any], key: bytes) -> str:
    """Keyed digest of a Stripe event's content, the same for every delivery of it.

    Keyed with the subject's key, or a name could be guessed from it after the key was destroyed.
    """
    content = {k: v for k, v in event.items() if k not in _DELIVERY_KEYS}
    return hmac.digest(key, _canonical(content), "sha256").hex()


def is_sealed(value: object) -> bool:
    """Whether a value is a sealed token."""
    return isinstance(value, str) and value.startswith(PREFIX)


def subject_of_token(token: str) -> str:
    """The subject whose key opens `token`."""
    return token[len(PREFIX) :].split(":", 1)[0]


def open_token(token: str, key: bytes | None) -> object:
    """The value that was sealed, or None when its key was destroyed.

    Raises Invalid("sealed_value_broken") when the token was altered or moved.
    """
    if key is None:
        return None
    bound, _, sealed = token.rpartition(":")
    raw = urlsafe_b64decode(sealed.partition("~")[0])
    try:
        plain = AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], f"{bound}:".encode())
    except (InvalidTag, ValueError) as error:
        raise Invalid("a sealed value was altered", code="sealed_value_broken") from error
    return msgspec.json.decode(plain)
