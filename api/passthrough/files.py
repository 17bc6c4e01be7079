"""Files of provider charges: CSV, JSON, or JSON lines, read by a mapping from a provider's columns to ours.

Refuses to know what becomes of a charge. What cannot be read is told with its row, and keeps no other from being read.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import IO, Any, Literal, NamedTuple

import msgspec
import yaml

from commands.provider_charges import GivenCharge
from ledger.errors import Invalid
from ledger.money import exponent
from ledger.passthrough import MAX_TIME_S, exact

#: What a charge is made of, each a column of its own name unless the mapping says otherwise.
FIELDS = ("reference", "org", "category", "occurred_at", "amount", "currency", "reservation")
#: The library has no types of its own.
_YAML: Any = yaml
_REQUIRED = frozenset(FIELDS) - {"reservation"}
Format = Literal["csv", "json", "jsonl"]


class Mapped(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a provider's file is read."""

    columns: dict[str, str] = {}
    """Our field -> the file's column; in JSON a dotted path."""
    constants: dict[str, str] = {}
    """Our field -> what it is in every row."""
    values: dict[str, dict[str, str]] = {}
    """Our field -> what the file's values mean; `*` is any other."""
    amounts: Literal["minor", "major"] = "minor"
    """Whether an amount counts cents or dollars."""


class Unread(NamedTuple):
    """A row that is no charge."""

    row: int
    code: str
    message: str


class Read(NamedTuple):
    """A row that is one."""

    row: int
    charge: GivenCharge


def mapping_of(text: str | None) -> Mapped:
    """A mapping file, which is YAML or JSON; without one, columns are named as we name them.

    Raises Invalid("bad_mapping").
    """
    if text is None:
        return Mapped()
    try:
        made = msgspec.convert(_YAML.safe_load(text) or {}, Mapped)
    except (yaml.YAMLError, msgspec.ValidationError, ValueError) as error:
        raise Invalid(f"the mapping cannot be read: {error}", code="bad_mapping") from error
    strange = sorted({*made.columns, *made.constants, *made.values} - set(FIELDS))
    if strange:
        raise Invalid(
            f"a charge has no {', '.join(strange)}; it has {', '.join(FIELDS)}",
            code="bad_mapping",
        )
    return made


def format_of(name: str) -> Format:
    """What a file is, by its name. Raises Invalid("unknown_format")."""
    for ending in ("csv", "json", "jsonl"):
        if name.lower().endswith(f".{ending}"):
            return ending
    raise Invalid(f"{name} is no .csv, .json or .jsonl; say which with --format", code="unknown_format")


def read_charges(file: IO[str], kind: Format, mapped: Mapped) -> Iterator[Read | Unread]:
    """Every row of a file, a charge or not. Raises Invalid("unreadable_file") for what is no such file."""
    take = _taker(mapped)
    for row, given in enumerate(_rows(file, kind), 1):
        try:
            if not isinstance(given, Mapping):
                raise Invalid("a charge is an object", code="unreadable_row")
            yield Read(row, take(given))
        except Invalid as error:
            yield Unread(row, error.code, str(error))


def _rows(file: IO[str], kind: Format) -> Iterator[Any]:
    try:
        if kind == "csv":
            reader = csv.DictReader(file, strict=True)
            yield from reader
        elif kind == "jsonl":
            yield from (_json(line) for line in file if line.strip())
        else:
            whole = _json(file.read())
            listed = whole.get("charges", whole.get("data")) if isinstance(whole, dict) else whole
            if not isinstance(listed, list):
                raise Invalid("the file is no list of charges", code="unreadable_file")
            yield from listed
    except (csv.Error, UnicodeDecodeError, json.JSONDecodeError, RecursionError) as error:
        raise Invalid(f"the file cannot be read: {error}", code="unreadable_file") from error


def _json(text: str) -> Any:
    return json.loads(text, parse_float=Decimal)  # an amount must not pass through a float


def _taker(mapped: Mapped) -> Callable[[Mapping[str, Any]], GivenCharge]:
    """What makes a charge of a row."""
    columns = {field: mapped.columns.get(field, field) for field in FIELDS}

    def field_of(row: Mapping[str, Any], field: str) -> Any:
        value = mapped.constants[field] if field in mapped.constants else _at(row, columns[field])
        if field in mapped.values and value is not None:
            meant = mapped.values[field]
            value = meant.get(str(value), meant.get("*", value))
        if value in (None, "") and field in _REQUIRED:
            raise Invalid(f"{columns[field]} is missing", code="missing_field")
        return value if value != "" else None

    def take(row: Mapping[str, Any]) -> GivenCharge:
        currency = str(field_of(row, "currency")).lower()
        reservation = field_of(row, "reservation")
        return GivenCharge(
            reference=str(field_of(row, "reference")),
            org=str(field_of(row, "org")),
            category=str(field_of(row, "category")),
            occurred_s=_second(field_of(row, "occurred_at")),
            currency=currency,
            cost_minor=_amount(field_of(row, "amount"), currency, mapped.amounts),
            reservation=str(reservation) if reservation is not None else None,
        )

    return take


def _at(row: Mapping[str, Any], path: str) -> Any:
    if path in row:
        return row[path]
    node: Any = row
    for part in path.split("."):
        if not isinstance(node, Mapping):
            return None
        node = node.get(part)
    return node


def _second(given: Any) -> int:
    """Unix seconds, or ISO 8601 with its offset; without one it is UTC."""
    text = str(given).strip()
    try:
        if text.isdigit():
            second = int(text)
        else:
            when = datetime.fromisoformat(text.replace(" UTC", "+00:00"))
            second = int((when if when.tzinfo is not None else when.replace(tzinfo=UTC)).timestamp())
        if not 0 <= second <= MAX_TIME_S:
            raise OverflowError
        return second
    except (ValueError, OverflowError) as error:
        raise Invalid(f"{text!r} is no time; write unix seconds or ISO 8601", code="bad_time") from error


def _amount(given: Any, currency: str, amounts: str) -> Decimal:
    try:
        amount = Decimal(str(given).strip())
    except InvalidOperation as error:
        raise Invalid(f"{given!r} is no amount", code="bad_amount") from error
    if not amount.is_finite():
        raise Invalid(f"{given!r} is no amount", code="bad_amount")
    return exact(amount.scaleb(exponent(currency)) if amounts == "major" else amount)
