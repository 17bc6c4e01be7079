"""The personal fields of a call's parameters: sealed before they are kept, opened when they are sent.

They are sealed under the organization's subject, or the call's own where it is made for none.
"""

import copy
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec

from commands.stripe_calls import RequestCall
from commands.stripe_operations import operation
from ledger.ids import call_stream, org_subject, subject_of
from ledger.sealing import Sealer, is_sealed, open_token, subject_of_token


class Keys(Protocol):
    """As much of the key store as calls need."""

    def ensure(self, subjects: Iterable[str]) -> Mapping[str, bytes]:
        """Keys to seal with, made where there are none."""

    def open(self, subjects: Iterable[str]) -> Mapping[str, bytes | None]:
        """Keys to read with; None: destroyed or unknown."""


class SubjectErased(Exception):
    """What was sealed cannot be opened: its subject was erased."""


def sealed(keys: Keys, request: RequestCall) -> RequestCall:
    """The request with its personal fields sealed. Raises Invalid (`unknown_operation`, `too_deep`), StoreUnavailable.

    A key is made only where something is sealed.
    """
    object_type = operation(request.operation).object
    params = copy.deepcopy(request.params)
    subject = (
        org_subject(request.mode, request.account, request.org)
        if request.org is not None
        else subject_of(request.mode, request.account, request.call_id)
    )
    stream = call_stream(request.mode, request.call_id)
    trial = copy.deepcopy(params)
    Sealer(bytes(32), subject, stream, secrets.token_bytes).seal_object(trial, "params", object_type)
    if trial == params:  # nothing of it is personal
        return request
    Sealer(keys.ensure([subject])[subject], subject, stream, secrets.token_bytes).seal_object(
        params, "params", object_type
    )
    return msgspec.structs.replace(request, params=params)


def opened(keys: Keys, params: dict[str, Any]) -> dict[str, Any]:
    """The parameters with their sealed values open. Raises SubjectErased, StoreUnavailable."""
    subjects = sorted({subject_of_token(t) for t in _tokens(params)})
    if not subjects:
        return params
    found = keys.open(subjects)
    if any(found.get(s) is None for s in subjects):
        raise SubjectErased
    return {k: _open_all(v, found) for k, v in params.items()}


def _tokens(node: Any) -> list[str]:
    if isinstance(node, dict):
        return [t for v in node.values() for t in _tokens(v)]
    if isinstance(node, list):
        return [t for v in node for t in _tokens(v)]
    return [node] if is_sealed(node) else []


def _open_all(node: Any, keys: Mapping[str, bytes | None]) -> Any:
    if isinstance(node, dict):
        return {k: _open_all(v, keys) for k, v in node.items()}
    if isinstance(node, list):
        return [_open_all(v, keys) for v in node]
    return open_token(node, keys[subject_of_token(node)]) if is_sealed(node) else node
