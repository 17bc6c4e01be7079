"""Settings from the environment, checked once. Each has the name that people know from Stripe and PostgreSQL."""

import base64
import binascii
import os
import re
import secrets
from pathlib import Path
from typing import NamedTuple

import msgspec

from commands.acts import SECOND_PERSON_FROM
from commands.stripe_operations import API_VERSION
from ledger.errors import RecountError
from ledger.ids import MODES, Mode
from ledger.keys import KEY_BYTES, MasterKey

#: How often one key may ask one web process, unless told: far above what a back end does, below what one process can.
RATE_LIMIT = "5000/second"
CHECKOUT_RATE_LIMIT = "10/minute"
RATE_UNITS = ("second", "minute", "hour")
MAX_RATE = 1_000_000
_DAY = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}")


#: Of an account in live mode: https://docs.stripe.com/rate-limits
STRIPE_RATE = 100


class BadSetting(RecountError):
    """A setting is not what it must be."""

    code = "bad_setting"


class WebhookSecret(NamedTuple):
    """A signing secret of Stripe's, perhaps bound to a mode (`live:whsec_…`)."""

    secret: bytes
    mode: Mode | None


class Settings(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the environment decides."""

    database_url: str | None
    """None: an embedded PostgreSQL under `data_dir`."""
    keys_database_url: str | None
    """Where subjects' keys live; None: in a schema beside the log."""
    data_dir: Path
    master_key: bytes | None
    """None: kept in `data_dir/master.key`, made at first use; only with the embedded database."""
    platform_secrets: tuple[WebhookSecret, ...]
    connect_secrets: tuple[WebhookSecret, ...]
    stripe_secret_key: str | None
    stripe_api_base: str
    stripe_publishable_key: str | None = None
    """For a browser; it is shown to whoever asks."""
    stripe_api_version: str = API_VERSION
    """In which version of Stripe's API we ask."""
    checkout_rate_limit: str | None = None
    """How often checkouts may be begun without a key for one organization, in one web process: `10/minute`; None: never
    limited."""
    stripe_rate: int = STRIPE_RATE
    """How many requests a second go to Stripe at most, of all processes together."""
    log_level: str
    second_person_from: int = SECOND_PERSON_FROM
    """Acts that weigh this much or more wait for a second person."""
    rate_limit: str | None = None
    """How often one API key may ask one web process: `5000/second`; None: as often as it likes."""

    trial_notice_days: int = 3
    """How long before a trial ends endpoints are told."""
    override_notice_days: int = 3
    """How long before an operator's override ends endpoints are told."""
    hold_differences_from: int = 100
    """As many differences at once wait for an operator."""
    reconcile_hour: int = 3
    """At this hour, UTC, what we hold is compared with what Stripe holds."""
    reconcile_settle_s: int = 20
    """How long a webhook may be on its way before its absence means something: a comparison waits so long."""
    delivery_attempts: int = 12
    """After as many attempts a delivery is given up."""
    hosting_minimum_minor: int = 50
    """Less than this, in minor units, is carried over to the next month's invoice of hosting."""
    hosting_close_days: int = 2
    """How many days after its end a month of hosting is closed."""
    allow_private_endpoints: bool = False
    """Whether endpoints may be in private networks, and without TLS."""

    @property
    def embedded(self) -> bool:
        """Whether Recount runs its own PostgreSQL."""
        return self.database_url is None

    def master(self) -> MasterKey:
        """The installation's root secret. Raises BadSetting when there is none and none may be made."""
        if self.master_key is not None:
            return MasterKey(self.master_key)
        if not self.embedded:
            raise BadSetting(
                "set RECOUNT_MASTER_KEY to 32 random bytes in base64 (openssl rand -base64 32) and keep it safe:"
                " without it no personal field can be read again"
            )
        return MasterKey(_kept_master_key(self.data_dir / "master.key"))


def load() -> Settings:
    """Read the environment. Raises BadSetting, naming the variable and the mend."""
    env = os.environ
    stripe_key = env.get("STRIPE_SECRET_KEY", None) or None
    settings = Settings(
        database_url=env.get("DATABASE_URL", None) or None,
        keys_database_url=env.get("RECOUNT_KEYS_DATABASE_URL", None) or None,
        data_dir=Path(env.get("RECOUNT_DATA_DIR", "var")).resolve(),
        master_key=_master_key(env.get("RECOUNT_MASTER_KEY", None)),
        platform_secrets=parse_secrets("STRIPE_WEBHOOK_SECRET", env.get("STRIPE_WEBHOOK_SECRET", "")),
        connect_secrets=parse_secrets("STRIPE_CONNECT_WEBHOOK_SECRET", env.get("STRIPE_CONNECT_WEBHOOK_SECRET", "")),
        stripe_secret_key=stripe_key,
        stripe_api_base=env.get("STRIPE_API_BASE", "https://api.stripe.com"),
        stripe_publishable_key=_publishable(env.get("STRIPE_PUBLISHABLE_KEY", None), stripe_key),
        stripe_api_version=_api_version(env.get("RECOUNT_STRIPE_API_VERSION", API_VERSION)),
        checkout_rate_limit=_rate_limit(
            env.get("RECOUNT_CHECKOUT_RATE_LIMIT", CHECKOUT_RATE_LIMIT), "RECOUNT_CHECKOUT_RATE_LIMIT"
        ),
        stripe_rate=_number("RECOUNT_STRIPE_RATE", env.get("RECOUNT_STRIPE_RATE", str(STRIPE_RATE)), 1, 10_000),
        log_level=env.get("RECOUNT_LOG_LEVEL", "info"),
        second_person_from=_weight(env.get("RECOUNT_SECOND_PERSON_FROM", str(SECOND_PERSON_FROM))),
        rate_limit=_rate_limit(env.get("RECOUNT_RATE_LIMIT", RATE_LIMIT)),
        trial_notice_days=_number("RECOUNT_TRIAL_NOTICE_DAYS", env.get("RECOUNT_TRIAL_NOTICE_DAYS", "3"), 0, 365),
        override_notice_days=_number(
            "RECOUNT_OVERRIDE_NOTICE_DAYS", env.get("RECOUNT_OVERRIDE_NOTICE_DAYS", "3"), 0, 365
        ),
        hold_differences_from=_number(
            "RECOUNT_HOLD_DIFFERENCES_FROM", env.get("RECOUNT_HOLD_DIFFERENCES_FROM", "100"), 1, 1_000_000
        ),
        reconcile_hour=_number("RECOUNT_RECONCILE_HOUR", env.get("RECOUNT_RECONCILE_HOUR", "3"), 0, 23),
        reconcile_settle_s=_number("RECOUNT_RECONCILE_SETTLE_S", env.get("RECOUNT_RECONCILE_SETTLE_S", "20"), 0, 600),
        delivery_attempts=_number("RECOUNT_DELIVERY_ATTEMPTS", env.get("RECOUNT_DELIVERY_ATTEMPTS", "12"), 1, 100),
        hosting_minimum_minor=_number(
            "RECOUNT_HOSTING_MINIMUM_MINOR", env.get("RECOUNT_HOSTING_MINIMUM_MINOR", "50"), 0, 1_000_000
        ),
        hosting_close_days=_number("RECOUNT_HOSTING_CLOSE_DAYS", env.get("RECOUNT_HOSTING_CLOSE_DAYS", "2"), 0, 27),
        allow_private_endpoints=_switch(
            "RECOUNT_ALLOW_PRIVATE_ENDPOINTS", env.get("RECOUNT_ALLOW_PRIVATE_ENDPOINTS", "no")
        ),
    )
    if stripe_key and "_live_" in stripe_key:
        for name, bound in (
            ("STRIPE_WEBHOOK_SECRET", settings.platform_secrets),
            ("STRIPE_CONNECT_WEBHOOK_SECRET", settings.connect_secrets),
        ):
            if any(s.mode is None for s in bound):
                raise BadSetting(
                    f"{name} holds a secret bound to no mode while a live key is configured: write live:whsec_… or"
                    " test:whsec_…, so that a test event can never be booked as live"
                )
    return settings


def parse_secrets(name: str, given: str) -> tuple[WebhookSecret, ...]:
    """Comma-separated signing secrets, each perhaps with `live:` or `test:` before it. Raises BadSetting."""
    found = []
    for part in filter(None, (p.strip() for p in given.split(","))):
        mode, colon, secret = part.partition(":")
        if colon and not secret:
            raise BadSetting(f"{name}: there is no secret after {part!r}; anybody could sign with an empty one")
        if not colon:
            found.append(WebhookSecret(part.encode(), None))
        elif mode in MODES:
            found.append(WebhookSecret(secret.encode(), "live" if mode == "live" else "test"))
        else:
            raise BadSetting(f"{name}: {mode!r} is no mode; write live:whsec_… or test:whsec_…")
    return tuple(found)


def _api_version(given: str) -> str:
    day, _, name = given.partition(".")
    if not (_DAY.fullmatch(day) and (not name or (name.isascii() and name.isalpha()))):
        raise BadSetting(
            f"RECOUNT_STRIPE_API_VERSION: {given!r} is no version of Stripe's API; write one such as {API_VERSION}"
        )
    return given


def _publishable(given: str | None, secret: str | None) -> str | None:
    """A secret key in its place would be shown to everybody; one of the other mode makes forms that never work."""
    if not given:
        return None
    if not given.startswith(("pk_live_", "pk_test_")):
        raise BadSetting("STRIPE_PUBLISHABLE_KEY must be a publishable key (pk_…): whoever asks is shown it")
    if secret and ("_live_" in secret) != given.startswith("pk_live_"):
        raise BadSetting("STRIPE_PUBLISHABLE_KEY and STRIPE_SECRET_KEY are of different modes; take both of one")
    return given


def _weight(given: str) -> int:
    if not given.isdecimal():
        raise BadSetting(
            f"RECOUNT_SECOND_PERSON_FROM: {given!r} is no weight; write a whole number, such as {SECOND_PERSON_FROM};"
            " the heaviest act weighs 90, so 100 lets one person do everything"
        )
    return int(given)


def _number(name: str, given: str, least: int, most: int) -> int:
    if not (given.isascii() and given.isdecimal() and least <= int(given) <= most):
        raise BadSetting(f"{name}: {given!r} is not what it must be; write a whole number from {least} to {most}")
    return int(given)


def _switch(name: str, given: str) -> bool:
    if given.lower() not in ("yes", "no", "true", "false", "1", "0", ""):
        raise BadSetting(f"{name}: {given!r} is neither yes nor no; write one of them")
    return given.lower() in ("yes", "true", "1")


def _rate_limit(given: str, name: str = "RECOUNT_RATE_LIMIT") -> str | None:
    if given.strip() == "off":
        return None
    amount, _, unit = (part.strip() for part in given.partition("/"))
    if not (amount.isascii() and amount.isdecimal() and 0 < int(amount) <= MAX_RATE and unit in RATE_UNITS):
        raise BadSetting(
            f"{name}: {given!r} is no limit; write how often may be asked, such as {RATE_LIMIT}, with"
            f" {', '.join(RATE_UNITS)} as the unit, or off"
        )
    return f"{amount}/{unit}"


def _master_key(given: str | None) -> bytes | None:
    if not given:
        return None
    try:
        key = base64.b64decode(given, validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise BadSetting("RECOUNT_MASTER_KEY must be 32 bytes in base64; make one with: openssl rand -base64 32")
    return key


def _kept_master_key(path: Path) -> bytes:
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        made = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return base64.b64decode(path.read_bytes())
    with os.fdopen(made, "wb") as file:
        key = secrets.token_bytes(KEY_BYTES)
        file.write(base64.b64encode(key))
        file.flush()
        os.fsync(file.fileno())
    return key
