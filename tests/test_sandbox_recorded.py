"""The sandbox answers recorded requests as Stripe did: status, error, shape, amounts. None is skipped."""

from collections import Counter
from typing import Any

import pytest
import recorded
from recorded import Exchange, Replay, compared, differences, places, recordings
from recorded_differences import ASKED_APART, EXCUSED, GONE, MEANWHILE, OTHERWISE, UNKNOWN_ENDPOINTS
from sandboxes import VERSIONS, faults_of

from tests.docs.reference_sandbox import RECORDED

Json = dict[str, Any]
_OF_ERRORS = ("type", "code", "param", "decline_code")
FILES = sorted(recordings())
pytestmark = pytest.mark.corpus


def exchange(body: Json, status: int = 200, version: str = "2025-10-29.clover") -> Exchange:
    return Exchange("made", 0, "GET", "/v1/customers/cus_1", (), version, None, status, body)


def wrong(one: Exchange, status: int, body: Json) -> list[str]:
    """Where an answer differs from the recorded one."""
    if status != one.status:
        return [f"{one.name}: {status} for {one.status}: {body.get('error')}"]
    if status >= 400:
        ours, theirs = ({n: e["error"].get(n) or None for n in _OF_ERRORS} for e in (body, one.body))
        return [] if ours == theirs else [f"{one.name}: {ours} for {theirs}"]
    return [f"{one.name} {fault}" for fault in differences(one, body)]


@pytest.mark.parametrize("file", FILES)
def test_a_recording_is_answered_as_stripe_answered_it(file: str) -> None:
    # given
    replay = Replay()
    faults = []
    for one in recordings()[file]:
        # when
        status, body = replay.answer(one)
        # then
        if one.endpoint in UNKNOWN_ENDPOINTS:
            assert (status, body["error"]["message"][:24]) == (404, "Unrecognized request URL")
            continue
        faults += wrong(one, status, body)
        if status == 200 and one.version in VERSIONS and body["object"] != "list":
            faults += [f"{one.name} {fault}" for fault in faults_of(body, one.version)]
    assert faults == []


@pytest.mark.skipif(not FILES, reason="RECOUNT_STRIPE_CORPUS is not set: the recordings are not at hand")
def test_all_recordings_are_replayed() -> None:
    index = recorded.index()
    assert {f["file"]: f["exchanges"] for f in index["files"]} == {
        f"{name}.json": len(exchanges) for name, exchanges in recordings().items()
    }
    assert index["count"] == len(FILES)


@pytest.mark.skipif(not FILES, reason="RECOUNT_STRIPE_CORPUS is not set: the recordings are not at hand")
def test_no_line_of_what_may_differ_is_stale() -> None:
    # given
    told: set[str] = set()
    old: set[tuple[str, str]] = set()
    dates = {key: date for table in (GONE, OTHERWISE, ASKED_APART) for key, (date, _) in table.items()}
    for exchanges in recordings().values():
        replay = Replay()
        for one in exchanges:
            _, body = replay.answer(one)
            told |= {said for at, _ in compared(one, body) for said in (at, f"{one.name} {at}")}
            old |= {place for place in places(one) if one.version < dates.get(place, "")}
    # then
    assert EXCUSED.keys() <= told
    assert dates.keys() <= old
    assert MEANWHILE.keys() <= {(one.file, one.index) for e in recordings().values() for one in e}
    assert UNKNOWN_ENDPOINTS.keys() <= {one.endpoint for e in recordings().values() for one in e}


@pytest.mark.skipif(not FILES, reason="RECOUNT_STRIPE_CORPUS is not set: the recordings are not at hand")
def test_the_published_counts_are_those_of_the_recordings() -> None:
    counts = Counter((one.endpoint, one.version) for exchanges in recordings().values() for one in exchanges)
    lines = [f"{endpoint}\t{version}\t{count}\n" for (endpoint, version), count in sorted(counts.items())]
    assert RECORDED.read_text() == "".join(lines), f"{RECORDED.name} is stale: it must be\n{''.join(lines)}"


class TestTheComparison:
    """Of two answers."""

    def test_what_is_equal_differs_in_nothing(self) -> None:
        body = {"object": "customer", "id": "cus_1", "metadata": {"a": "b"}, "balance": 0, "tags": ["x"]}
        assert differences(exchange(body), {**body, "id": "cus_2", "more": 1}) == []

    @pytest.mark.parametrize(
        ("ours", "fault"),
        [
            ({"name": "Ann", "status": "open"}, "customer.address: lacks"),
            ({"name": "Ann", "status": "open", "address": {}}, "customer.address.city: lacks"),
            ({"name": "Ann", "status": "open", "address": None}, "customer.address: null for object"),
            ({"name": 1, "status": "open", "address": {"city": "x"}}, "customer.name: number for string"),
            ({"name": "Bob", "status": "paid", "address": {"city": "x"}}, "customer.status: 'paid' for 'open'"),
        ],
    )
    def test_a_key_a_type_and_an_amount_that_differ_are_told(self, ours: Json, fault: str) -> None:
        body = {"object": "customer", "name": "Ann", "status": "open", "address": {"city": "Bern"}}
        assert differences(exchange(body), {"object": "customer", **ours}) == [fault]

    def test_a_list_of_objects_has_as_many(self) -> None:
        body = {"object": "list", "data": [{"object": "charge"}]}
        assert differences(exchange(body), {"object": "list", "data": []}) == ["list.data: 0 for 1 elements"]

    def test_what_went_with_a_version_is_missed_from_that_version_on(self) -> None:
        body = {"object": "customer", "account_balance": 0}
        assert differences(exchange(body, version="2019-08-14"), {"object": "customer"}) == []
        assert differences(exchange(body, version="2019-10-17"), {"object": "customer"}) != []
