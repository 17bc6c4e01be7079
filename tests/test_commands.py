"""Deciders: given what happened, when somebody wants something, then these events or this refusal."""

from collections.abc import Sequence

import pytest

from commands.api_keys import API_KEYS, ROLES, IssueKey, RevokeKey
from commands.base import Decider
from commands.organizations import LINKS, LinkOrganization, UnlinkOrganization
from commands.subjects import SUBJECTS, EraseSubject, subject_stream
from ledger.errors import Invalid, NotFound, RecountError, Refused
from ledger.events import (
    ApiKeyIssued,
    ApiKeyRevoked,
    Event,
    Metadata,
    OrganizationLinked,
    OrganizationUnlinked,
    SubjectErased,
)
from ledger.ids import link_stream

WHOSE = {"mode": "test", "account": "platform", "customer": "cus_1"}
LINKED = OrganizationLinked(**WHOSE, org="acme")
UNLINKED = OrganizationUnlinked(**WHOSE)
LINK = LinkOrganization(**WHOSE, org="acme")
STREAM = link_stream("test", "platform", "cus_1")
ISSUE = IssueKey(key_id="key_1", digest="d1", mode="test", role="service")
ISSUED = ApiKeyIssued(key_id="key_1", digest="d1", mode="test", role="service", org=None, account=None, label=None)
META = Metadata(occurred_at_s=1_700_000_000, actor="ada")


def decided(decider: Decider, given: Sequence[Event], command: object) -> tuple[Event, ...]:
    return decider.decide(command, decider.fold(given))


def refused(decider: Decider, given: Sequence[Event], command: object) -> RecountError:
    with pytest.raises(RecountError) as caught:
        decided(decider, given, command)
    return caught.value


def test_a_customer_is_linked_to_an_organization():
    assert decided(LINKS, [], LINK) == (LINKED,)


def test_linking_again_to_the_same_organization_is_no_event():
    assert decided(LINKS, [LINKED], LINK) == ()


def test_linking_to_another_organization_replaces_the_link():
    other = LinkOrganization(**WHOSE, org="globex")
    assert decided(LINKS, [LINKED], other) == (OrganizationLinked(**WHOSE, org="globex"),)


def test_a_link_that_was_taken_back_can_be_made_again():
    assert decided(LINKS, [LINKED, UNLINKED], LINK) == (LINKED,)


def test_a_link_is_taken_back():
    assert decided(LINKS, [LINKED], UnlinkOrganization(**WHOSE)) == (UNLINKED,)


@pytest.mark.parametrize("given", [[], [LINKED, UNLINKED]])
def test_taking_back_a_link_that_is_not_there_is_refused(given):
    error = refused(LINKS, given, UnlinkOrganization(**WHOSE))
    assert isinstance(error, Refused)
    assert error.code == "not_linked"


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("mode", "production", "unknown_mode"),
        ("account", "acct_", "not_an_account"),
        ("account", "Platform", "not_an_account"),
        ("customer", "acme", "not_a_customer"),
        ("customer", "cus_1/cus_2", "not_a_customer"),
        ("customer", "cus_" + "x" * 252, "not_a_customer"),
        ("org", "", "not_an_organization"),
        ("org", " acme", "not_an_organization"),
        ("org", "ac\nme", "not_an_organization"),
        ("org", "x" * 256, "not_an_organization"),
    ],
)
def test_an_id_that_is_none_is_invalid(field, value, code):
    error = refused(LINKS, [], LinkOrganization(**{**WHOSE, "org": "acme", field: value}))
    assert isinstance(error, Invalid)
    assert error.code == code


@pytest.mark.parametrize("org", ["a", "x" * 255, "Ärzte & Co", "org/1"])
def test_an_organization_may_be_called_anything_printable(org):
    assert decided(LINKS, [], LinkOrganization(**WHOSE, org=org)) == (OrganizationLinked(**WHOSE, org=org),)


@pytest.mark.parametrize("role", ROLES)
def test_a_key_is_issued_for_each_role(role):
    (issued,) = decided(API_KEYS, [], IssueKey(key_id="key_1", digest="d1", mode="live", role=role, org="acme"))
    assert issued == ApiKeyIssued(
        key_id="key_1", digest="d1", mode="live", role=role, org="acme", account=None, label=None
    )


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"role": "root"}, "unknown_role"),
        ({"mode": "prod"}, "unknown_mode"),
        ({"org": "acme", "account": "acct_1"}, "two_restrictions"),
        ({"org": ""}, "not_an_organization"),
        ({"account": "seller"}, "not_an_account"),
        ({"label": "a\x1b[31m"}, "bad_label"),
    ],
)
def test_a_key_for_what_there_is_not_is_invalid(fields, code):
    given = {"key_id": "key_1", "digest": "d1", "mode": "test", "role": "service", **fields}
    error = refused(API_KEYS, [], IssueKey(**given))
    assert isinstance(error, Invalid)
    assert error.code == code


def test_a_key_id_is_never_issued_twice():
    assert refused(API_KEYS, [ISSUED], ISSUE).code == "key_id_taken"


def test_a_key_is_revoked_once():
    revoked = ApiKeyRevoked(key_id="key_1")
    assert decided(API_KEYS, [ISSUED], RevokeKey(key_id="key_1")) == (revoked,)
    assert decided(API_KEYS, [ISSUED, revoked], RevokeKey(key_id="key_1")) == ()


def test_a_revoked_key_id_cannot_be_issued_again():
    assert refused(API_KEYS, [ISSUED, ApiKeyRevoked(key_id="key_1")], ISSUE).code == "key_id_taken"


def test_a_key_that_was_never_issued_is_not_found():
    assert isinstance(refused(API_KEYS, [], RevokeKey(key_id="key_1")), NotFound)


def test_an_erasure_is_recorded_once():
    erased = SubjectErased(subject="test/platform/cus_1")
    command = EraseSubject(subject="test/platform/cus_1")
    assert subject_stream(command.subject) == "subject/test/platform/cus_1"
    assert decided(SUBJECTS, [], command) == (erased,)
    assert decided(SUBJECTS, [erased], command) == ()
