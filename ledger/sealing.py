"""Personal fields to ciphertext and back. Pure: keys come in as arguments, and so does randomness.

A sealed value is a string token that says by itself how to open it:
`sealed:1:<subject>:<stream>:<path>:<base64url(nonce + ciphertext)>[~hint]`. AES-256-GCM (NIST SP 800-38D) under the
subject's key; the associated data is everything else in the token, so one that was moved to another event or path, or
altered anywhere, does not open. The plaintext is the JSON of the value. A hint is the part that stays plain: a postal
prefix. What came looking like a token already is sealed wherever it stands, so that a stored token is always ours.
"""

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NoReturn

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from ledger.errors import Invalid
from ledger.personal import ADDRESS_MARKS, ADDRESS_SUFFIX, PLAIN_PARENTS, personal_keys, with_address

PREFIX = "sealed:1:"
NONCE_BYTES = 12
POSTAL_HINT_CHARS = 3
#: Deeper than this a payload is refused: nothing of Stripe's comes near.
MAX_DEPTH = 64

# Numbers keep their digits, inside and out.
_dumps = msgspec.json.Encoder(decimal_format="number").encode
_loads = msgspec.json.Decoder(float_hook=Decimal).decode
_canonical = msgspec.json.Encoder(order="sorted", decimal_format="number").encode
#: What may differ between two deliveries of one event.
_DELIVERY_KEYS = ("pending_webhooks", "request")
_NOTHING: frozenset[str] = frozenset()


#: Where a value stands: the path of what holds it, and its key or number there. Spelled out only for what is sealed.
_Path = tuple[Any, str | int]
#: Nonces drawn at once: asking the system costs more than the bytes.
_NONCES = 8


class Sealer:
    """Seals the personal fields of one event for one subject.

    With `distrust`, values are looked at as well: what came looking like a token is sealed wherever it stands.
    """

    __slots__ = ("_aad", "_distrust", "_encrypt", "_nonces", "_random")

    def __init__(
        self, key: bytes, subject: str, stream: str, random: Callable[[int], bytes], *, distrust: bool = True
    ) -> None:
        self._encrypt = AESGCM(key).encrypt
        self._aad = f"{PREFIX}{_escaped(subject)}:{stream}:"
        self._random = random
        self._nonces = b""
        self._distrust = distrust

    def token(self, path: str, value: object, hint: str = "") -> str:
        """`value` (anything JSON) sealed as the field at `path`."""
        bound = f"{self._aad}{path}:"
        if not self._nonces:
            self._nonces = self._random(NONCE_BYTES * _NONCES)
        nonce, self._nonces = self._nonces[:NONCE_BYTES], self._nonces[NONCE_BYTES:]
        sealed = nonce + self._encrypt(nonce, _dumps(value), f"{bound}{hint}".encode())
        return f"{bound}{urlsafe_b64encode(sealed).decode()}{'~' + hint if hint else ''}"

    def seal_object(self, node: dict[str, Any], path: str, object_type: str | None, depth: int = 1) -> None:
        """Replace every personal field of `node`, in place. `object_type` as Stripe names it, None if unknown.

        `depth` is the level that `node` stands at in the whole. Raises Invalid("too_deep") beyond `MAX_DEPTH` levels.
        """
        self._walk(node, (None, path), personal_keys(object_type), depth)

    # One visit of a dictionary is a set operation for its own fields and one pass for those that hold others: every
    # webhook goes through here, and most of its 250 fields are neither personal nor containers.
    def _walk(self, node: dict[str, Any], path: _Path, personal: frozenset[str], depth: int) -> None:
        if depth > MAX_DEPTH:
            _too_deep()
        kind = node.get("object")
        if kind.__class__ is str and kind != "list":
            personal = personal_keys(kind)
        if personal:
            sealed_here = personal if ADDRESS_MARKS.isdisjoint(node) else with_address(personal)
            if not sealed_here.isdisjoint(node):
                self._seal_fields(node, path, sealed_here, depth)
        for key, value in node.items():
            held = value.__class__
            if held is dict:
                below = _NOTHING if key in PLAIN_PARENTS else personal
                if below and key.endswith(ADDRESS_SUFFIX):  # in part, without a mark, as previous attributes
                    below = with_address(below)
                self._walk(value, (path, key), below, depth + 1)
            elif held is list:
                self._walk_list(value, (path, key), personal, depth + 1)
            elif held is str and self._distrust and value.startswith(PREFIX) and not value.startswith(self._aad):
                node[key] = self.token(_spell((path, key)), value)

    def _seal_fields(self, node: dict[str, Any], path: _Path, sealed_here: frozenset[str], depth: int) -> None:
        here = _spell(path)
        for key in sealed_here.intersection(node):
            value = node[key]
            if value is None or value == "":
                continue
            if value.__class__ is dict or value.__class__ is list:
                if _holds_objects(value):
                    continue
                _check_depth(value, depth + 1)
            hint = _postal_hint(value) if key == "postal_code" and isinstance(value, str) else ""
            node[key] = self.token(f"{here}.{key}", value, hint)

    def _walk_list(self, nodes: list[Any], path: _Path, personal: frozenset[str], depth: int) -> None:
        if depth > MAX_DEPTH:
            _too_deep()
        for i, node in enumerate(nodes):
            if node.__class__ is dict:
                self._walk(node, (path, i), personal, depth + 1)
            elif node.__class__ is list:
                self._walk_list(node, (path, i), personal, depth + 1)
            elif self._distrust and is_sealed(node):
                nodes[i] = self.token(_spell((path, i)), node)


def _spell(path: _Path) -> str:
    """A path as it stands in a token: `data.object.lines.data[0].description`."""
    parts: list[str] = []
    rest: _Path | None = path
    while rest is not None:
        rest, here = rest
        parts.append(f"[{here}]" if isinstance(here, int) else f".{here}" if rest is not None else here)
    return "".join(reversed(parts))


def _holds_objects(value: dict[str, Any] | list[Any]) -> bool:
    """Whether these are objects of Stripe's, whose own types say what is personal in them."""
    if isinstance(value, dict):
        return isinstance(value.get("object"), str)
    return bool(value) and all(isinstance(v, dict) and isinstance(v.get("object"), str) for v in value)


def _check_depth(value: object, depth: int) -> None:
    if isinstance(value, (dict, list)):
        if depth > MAX_DEPTH:
            _too_deep()
        for below in value.values() if isinstance(value, dict) else value:
            _check_depth(below, depth + 1)


def _too_deep() -> NoReturn:
    raise Invalid("the JSON is nested too deeply", code="too_deep")


def _postal_hint(code: str) -> str:
    """The first characters of a postal code; nothing where they could be taken for a part of the token."""
    hint = code[:POSTAL_HINT_CHARS]
    return hint if hint.replace(" ", "").replace("-", "").isalnum() else ""


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
    return token[len(PREFIX) :].split(":", 1)[0].replace("%3A", ":").replace("%25", "%")


def _escaped(subject: str) -> str:
    """A subject as it stands in a token, where a colon would end it: ids of old plans may hold one."""
    return subject.replace("%", "%25").replace(":", "%3A")


def open_token(token: str, key: bytes | None) -> object:
    """The value that was sealed, its numbers exact, or None when its key was destroyed.

    Raises Invalid("sealed_value_broken") when the token was altered or moved.
    """
    if key is None:
        return None
    bound, _, rest = token.rpartition(":")
    sealed, _, hint = rest.partition("~")
    try:
        raw = urlsafe_b64decode(sealed)
        if urlsafe_b64encode(raw).decode() != sealed:
            raise ValueError("not the one way to write it")
        plain = AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], f"{bound}:{hint}".encode())
    except (InvalidTag, ValueError) as error:
        raise Invalid("a sealed value was altered", code="sealed_value_broken") from error
    return _loads(plain)
