"""What parameters a request may have, and of what type: read from the types that the SDK publishes.

So none is accepted that Stripe would reject: https://docs.stripe.com/api/errors#errors-parameter_unknown. Those
types are of one API version; `older_parameters` lists what earlier ones accepted beside them.
"""

import sys
import types
import typing
from collections.abc import Callable
from contextvars import ContextVar
from decimal import Decimal, InvalidOperation
from functools import cache
from typing import Any, Literal, get_args, get_origin

from stripe._request_options import RequestOptions

from api.sandbox.errors import StripeError, invalid
from api.sandbox.older_parameters import OLDER

Check = Callable[[Any, str], Any]
"""From what came and its name to the typed value. Raises StripeError."""
_OPTIONS = frozenset(RequestOptions.__annotations__)
_INTEGER_LIMIT = 2**63


def checked(params: type | None, said: dict[str, Any], version: str) -> dict[str, Any]:
    """The parameters of a request, typed; `''` where it unsets something is None.

    Raises StripeError: `parameter_unknown`, `parameter_missing`, `parameter_invalid_…`.
    """
    if params is None:
        said = {name: value for name, value in said.items() if name != "expand"}
        for name in said:
            raise _unknown(name)
        return {}
    asked = _VERSION.set(version[:10])
    try:
        typed: dict[str, Any] = _fields(params)(said, "")
    finally:
        _VERSION.reset(asked)
    return typed


_VERSION: ContextVar[str] = ContextVar("the API version of the request")


def _older(params: type) -> dict[str, Check]:
    """What the version of the request accepts beside, or in place of, what the newest does."""
    version = _VERSION.get()
    return {n: _check_of(o.type, params) for n, o in OLDER.get(params.__name__, {}).items() if version < o.until}


def _not_yet_required(params: type) -> frozenset[str | None]:
    version = _VERSION.get()
    return frozenset(o.instead for o in OLDER.get(params.__name__, {}).values() if version < o.until)


def _unknown(name: str) -> StripeError:
    return invalid(f"Received unknown parameter: {name}", name, "parameter_unknown")


def _fields(params: type) -> Check:
    checks, required = _compiled(params)
    older = _older(params)
    required = tuple(name for name in required if name not in _not_yet_required(params))

    def check(value: Any, name: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise invalid("Invalid object", name)
        typed = {}
        for key, inner in value.items():
            inner_name = f"{name}[{key}]" if name else key
            found = older.get(key) or checks.get(key)
            if found is None:
                raise _unknown(inner_name)
            typed[key] = found(inner, inner_name)
        for key in required:
            if key not in typed:
                inner_name = f"{name}[{key}]" if name else key
                raise invalid(f"Missing required param: {inner_name}.", inner_name, "parameter_missing")
        return typed

    return check


@cache
def _compiled(params: type) -> tuple[dict[str, Check], tuple[str, ...]]:
    checks: dict[str, Check] = {}
    required = []
    for name, annotation in params.__annotations__.items():
        if name in _OPTIONS:
            continue
        meant = _resolved(annotation, params)
        if get_origin(meant) in (typing.NotRequired, _EXTENSIONS_NOT_REQUIRED):
            meant = _resolved(get_args(meant)[0], params)
        else:
            required.append(name)
        checks[name] = _check_of(meant, params)
    return checks, tuple(required)


_EXTENSIONS_NOT_REQUIRED: Any = sys.modules["typing_extensions"].NotRequired


def _resolved(annotation: Any, owner: type) -> Any:
    """The SDK writes types as strings, in the names of the module in which they stand."""
    if isinstance(annotation, typing.ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        return eval(annotation, dict(vars(sys.modules[owner.__module__])))  # noqa: S307 - the SDK's own source
    return annotation


def _check_of(meant: Any, owner: type) -> Check:
    meant = _resolved(meant, owner)
    origin = get_origin(meant)
    if origin in (typing.Union, types.UnionType):
        return _any_of([_resolved(arm, owner) for arm in get_args(meant)], owner)
    if origin is Literal:
        return _one_of(get_args(meant))
    if origin is list:
        return _list_of(_check_of(get_args(meant)[0], owner))
    if origin is dict:
        return _map_of(_check_of(get_args(meant)[1], owner))
    if origin is not None and getattr(origin, "__name__", "") == "UntypedStripeObject":
        return _map_of(_check_of(get_args(meant)[0], owner))
    if typing.is_typeddict(meant) or _is_extension_typed_dict(meant):
        return lambda value, name: _fields(meant)(value, name)
    return _PLAIN[meant]


def _is_extension_typed_dict(meant: Any) -> bool:
    return isinstance(meant, type) and issubclass(meant, dict) and hasattr(meant, "__required_keys__")


def _any_of(arms: list[Any], owner: type) -> Check:
    """A union. `Literal['']` unsets; choices beside `str` are the SDK's way to stay open to new ones: Stripe is not."""
    words = [w for arm in arms if get_origin(arm) is Literal for w in get_args(arm)]
    unsets = "" in words
    words = [w for w in words if w != ""]
    rest = [arm for arm in arms if get_origin(arm) is not Literal and not (arm is str and words)]
    checks = [_check_of(arm, owner) for arm in rest if not _repeats_a_map(arm, rest)]
    choice = _one_of(tuple(words)) if words else None

    def check(value: Any, name: str) -> Any:
        if unsets and value == "":
            return None
        if choice is not None and (value in words or not checks):
            return choice(value, name)
        failed: StripeError | None = None
        for alternative in checks:
            try:
                return alternative(value, name)
            except StripeError as error:
                failed = failed or error
        assert failed is not None
        raise failed

    return check


def _repeats_a_map(arm: Any, arms: list[Any]) -> bool:
    return getattr(get_origin(arm), "__name__", "") == "UntypedStripeObject" and any(
        get_origin(a) is dict for a in arms
    )


def _one_of(words: tuple[Any, ...]) -> Check:
    def check(value: Any, name: str) -> Any:
        if value not in words:
            listed = ", ".join(str(w) for w in words[:-1]) + (f", or {words[-1]}" if len(words) > 1 else str(words[-1]))
            raise invalid(f"Invalid {name}: must be one of {listed}", name)
        return value

    return check


def _list_of(inner: Check) -> Check:
    def check(value: Any, name: str) -> list[Any]:
        if not isinstance(value, list):
            raise invalid("Invalid array", name)
        return [inner(item, f"{name}[{i}]") for i, item in enumerate(value)]

    return check


def _map_of(inner: Check) -> Check:
    def check(value: Any, name: str) -> dict[str, Any]:
        if isinstance(value, list):
            value = {str(i): item for i, item in enumerate(value)}
        if not isinstance(value, dict):
            raise invalid("Invalid object", name)
        return {key: inner(item, f"{name}[{key}]") for key, item in value.items()}

    return check


def _string(value: Any, name: str) -> str | None:
    if not isinstance(value, str):
        raise invalid(f"Invalid string: {value!r}"[:200], name)
    if len(value) > 5000 and "description" not in name:
        raise invalid("Invalid string: too long (5000 characters at most)", name)
    return value or None


def _integer(value: Any, name: str) -> int:
    try:
        number = int(value) if isinstance(value, str) and len(value) < 20 else None
    except ValueError:
        number = None
    if number is None or not -_INTEGER_LIMIT <= number < _INTEGER_LIMIT:
        raise invalid(f"Invalid integer: {value}"[:200], name, "parameter_invalid_integer")
    return number


def _boolean(value: Any, name: str) -> bool:
    said = value.lower() if isinstance(value, str) else ""
    if said not in ("true", "false"):
        raise invalid(f"Invalid boolean: {value}"[:200], name)
    return said == "true"


def _decimal(value: Any, name: str) -> Decimal:
    try:
        number = Decimal(value) if isinstance(value, str) and len(value) < 40 else Decimal("NaN")
    except InvalidOperation:
        number = Decimal("NaN")
    if not number.is_finite():
        raise invalid(f"Invalid decimal: {value}"[:200], name)
    return number


def _nothing(value: Any, name: str) -> None:
    if value != "":
        raise invalid(f"Invalid {name}: only an empty value unsets it", name)


_PLAIN: dict[Any, Check] = {
    str: _string,
    int: _integer,
    bool: _boolean,
    Decimal: _decimal,
    float: _decimal,
    type(None): _nothing,
    Any: lambda value, name: value,
}
