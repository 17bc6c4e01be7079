"""Keys to the API made at the edge: the random key itself, which nobody else ever sees, and who may make one for whom.

The CLI reaches these through entry points, as it does `api.operations`.
"""

import secrets
import string
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, NamedTuple

from api.database import Database
from api.operations import carry_out
from api.settings import Settings
from commands.acts import Asked, Done
from commands.api_keys import API_KEYS, ISSUE_KEY, ISSUE_KEY_FOR_ANOTHER, ROTATE_KEY, ROTATE_KEY_OF_ANOTHER
from ledger.ids import Mode, key_stream

_LETTERS = string.digits + string.ascii_letters
_KEY_BYTES = 32


class IssuedKey(NamedTuple):
    """A new key to the API. This is the only moment at which the key itself is known."""

    key: str | None
    """None of a dry run, and when it was issued before, under the same idempotency key: it is known no more."""
    key_id: str | None
    """None while it is not settled: of a rotation that waits for a second person."""
    done: Done

    @property
    def position(self) -> int | None:
        """Where the receipt stands in the log; None of a dry run."""
        return self.done.position


def issue_key(
    database: Database,
    settings: Settings,
    *,
    mode: Mode,
    role: str,
    asked: Asked,
    org: str | None = None,
    account: str | None = None,
    label: str | None = None,
    person: str | None = None,
    lasts_s: int | None = None,
) -> IssuedKey:
    """Issue a key to the API: `rk_<mode>_` and 256 random bits. Only its keyed digest is kept.

    Raises Invalid, BadSetting without a master key, StoreUnavailable.
    """
    # The same act has the same id, so that asking again finds what was done.
    key_id = f"key_{_base62(sha256(f'{asked.person}/{asked.idempotency_key}'.encode()).digest()[:12])}"
    given: dict[str, Any] = {"key_id": key_id, "mode": mode, "role": role, "org": org, "account": account}
    given |= {"label": label, "person": person, "lasts_s": lasts_s}
    act = ISSUE_KEY_FOR_ANOTHER if _for_another(asked, person) else ISSUE_KEY
    key, done = _with_new_key(database, settings, act.name, mode, given, asked)
    return IssuedKey(key, key_id, done)


def rotate_key(
    database: Database,
    settings: Settings,
    *,
    key_id: str,
    overlap_s: int,
    asked: Asked,
    lasts_s: int | None = None,
    mode: Mode | None = None,
) -> IssuedKey:
    """Issue a key of the same scope in the place of another, which expires after `overlap_s` seconds.

    Raises NotFound (also when the key is of another mode than `mode`), Refused (`key_revoked`, `already_rotated`),
    Invalid, BadSetting, StoreUnavailable.
    """
    with database.log() as log:
        old = API_KEYS.fold(r.event for r in log.read_stream(key_stream(key_id))).get(key_id)
    act = ROTATE_KEY_OF_ANOTHER if old is not None and _for_another(asked, old.issued.person) else ROTATE_KEY
    given = {"key_id": key_id, "overlap_s": overlap_s, "lasts_s": lasts_s, "mode": mode}
    key, done = _with_new_key(
        database, settings, act.name, old.issued.mode if old is not None else "test", given, asked
    )
    return IssuedKey(key, next((e["successor"] for e in done.events if "successor" in e), None), done)


def _with_new_key(
    database: Database, settings: Settings, act: str, mode: Mode, given: Mapping[str, Any], asked: Asked
) -> tuple[str | None, Done]:
    key = f"rk_{mode}_{_base62(secrets.token_bytes(_KEY_BYTES))}"
    digest = settings.master().digest_of_api_key(key)
    done = carry_out(database, settings, name=act, given={**given, "digest": digest}, asked=asked)
    return (None if done.repeated or asked.dry_run else key), done


def _for_another(asked: Asked, person: str | None) -> bool:
    """Whether somebody asks over the API for a key that would act as somebody else.

    On the command line a person is whoever is named: who has a shell there has the database too.
    """
    return asked.origin == "api" and person not in (None, asked.person)


def _base62(random: bytes) -> str:
    """Bytes as letters and digits, of one length for one number of bytes: a double click selects it whole."""
    number = int.from_bytes(random, "big")
    width = -(-len(random) * 8 * 1000 // 5954)  # 62 letters hold 5.954 bits each
    letters = []
    for _ in range(width):
        number, rest = divmod(number, 62)
        letters.append(_LETTERS[rest])
    return "".join(reversed(letters))
