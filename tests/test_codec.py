"""The codec: what was stored once is read for ever, and every event survives the way there and back."""

import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import msgspec
import pytest
from field_values import values_of
from hypothesis import given
from hypothesis import strategies as st
from laws import examples

from ledger import codec
from ledger.events import EVENTS, Cause, Event, Metadata, StripeEventReceived

GOLDEN = Path(__file__).parent / "golden"
FILES = sorted(GOLDEN.glob("*.json"))


def file_of(topic: str) -> Path:
    """The golden file of a stored name and version. Made by the release that stored it first, never edited."""
    return GOLDEN / f"{topic.replace('/', '-')}.json"


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.stem)
def test_stored_bytes_decode_to_the_same_event_for_ever(file: Path):
    golden = json.loads(file.read_text())
    assert file == file_of(golden["topic"])
    for case in golden["stored"]:
        event = codec.decode(golden["topic"], b64decode(case["state"]))
        assert golden["topic"].rpartition("/")[0] == event.NAME
        told = json.loads(msgspec.json.encode(event))
        current = golden["topic"] == f"{event.NAME}/{event.VERSION}"
        assert (told if current else {k: told[k] for k in case["event"]}) == case["event"]
        metadata = codec.decode_metadata(b64decode(case["metadata"]))
        assert json.loads(msgspec.json.encode(metadata)) == case["decoded_metadata"]


@pytest.mark.parametrize("event", EVENTS, ids=lambda e: e.NAME)
def test_every_version_of_every_event_has_a_golden_file(event: type[Event]):
    for version in range(1, event.VERSION + 1):
        golden = json.loads(file_of(f"{event.NAME}/{version}").read_text())
        assert golden["stored"]
        covered = {name for case in golden["stored"] for name in case["event"]}
        if version == event.VERSION:  # what an older one lacks, its upcast adds
            assert covered >= {f.encode_name for f in msgspec.structs.fields(event)}


def test_no_golden_file_is_of_an_event_that_is_gone():
    known = {file_of(f"{e.NAME}/{v}") for e in EVENTS for v in range(1, e.VERSION + 1)}
    assert set(FILES) == known


def test_golden_files_cover_compressed_and_plain_state():
    cases = json.loads(file_of("stripe.event_received/1").read_text())["stored"]
    assert {b64decode(c["state"])[:1] for c in cases} == {b"{", b"\x01"}


TEXT = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
VALUES: dict[Any, st.SearchStrategy[Any]] = {
    msgspec.Raw: st.recursive(
        st.none() | st.integers() | TEXT, lambda b: st.lists(b, max_size=3) | st.dictionaries(TEXT, b, max_size=3)
    ).flatmap(
        lambda v: st.sampled_from([1, 400]).map(
            lambda n: msgspec.Raw(json.dumps([v] * n, separators=(",", ":")).encode())
        )
    ),
    str: TEXT,
    int: st.integers(-(2**63), 2**63),
}


def plain_values(kind: Any) -> st.SearchStrategy[Any]:
    if kind in VALUES:
        return VALUES[kind]
    if str(getattr(kind, "__origin__", "")) == "typing.Literal":
        return st.sampled_from(kind.__args__)
    if kind is bool:
        return st.booleans()
    assert type(None) in kind.__args__, kind
    return st.none() | values_of(next(a for a in kind.__args__ if a is not type(None)), plain_values)


def events(kind: type[Event]) -> st.SearchStrategy[Event]:
    return st.builds(kind, **{f.name: values_of(f.type, plain_values) for f in msgspec.structs.fields(kind)})


@examples(200)
@given(st.one_of([events(e) for e in EVENTS]))
def test_every_event_survives_the_way_there_and_back(event: Event):
    topic, state = codec.encode(event)
    again = codec.decode(topic, state)
    assert type(again) is type(event)
    assert msgspec.structs.asdict(again) == msgspec.structs.asdict(event)
    assert (len(state) < codec.COMPRESS_FROM) or state[:1] == b"\x01"


@given(
    st.builds(
        Metadata,
        occurred_at_s=st.integers(0, 2**40),
        actor=TEXT,
        reason=st.none() | TEXT,
        cause=st.none() | st.builds(Cause, stream=TEXT, version=st.integers(1, 2**40)),
        correlation=st.none() | TEXT,
        mode=st.sampled_from([None, "live", "test"]),
        account=st.none() | TEXT,
        subjects=st.lists(TEXT, max_size=3).map(tuple),
        digest=st.none() | TEXT,
    )
)
def test_metadata_survives_the_way_there_and_back(metadata: Metadata):
    assert codec.decode_metadata(codec.encode_metadata(metadata)) == metadata


@pytest.mark.parametrize(
    "topic", ["environment.suspended/1", "organization.linked/99", "organization.linked/x", "", "x"]
)
def test_an_event_of_a_newer_release_is_named_and_not_guessed(topic: str):
    with pytest.raises(codec.UnknownEvent, match=topic or "^$"):
        codec.decode(topic, b'{"mode":"test","account":"a","customer":"c","org":"o"}')


def test_an_old_shape_is_brought_to_the_current_one_step_by_step(monkeypatch: pytest.MonkeyPatch):
    class Renamed(Event, frozen=True, kw_only=True, gc=False):
        NAME = "org.renamed"
        VERSION = 3
        organization: str
        seats: int

    monkeypatch.setitem(codec._BY_NAME, Renamed.NAME, Renamed)
    monkeypatch.setitem(codec.UPCASTS, (Renamed.NAME, 1), lambda f: {"organization": f["org"]})
    monkeypatch.setitem(codec.UPCASTS, (Renamed.NAME, 2), lambda f: {**f, "seats": 1})
    assert codec.decode("org.renamed/1", b'{"org":"a"}') == Renamed(organization="a", seats=1)
    assert codec.decode("org.renamed/2", b'{"organization":"a"}') == Renamed(organization="a", seats=1)
    with pytest.raises(codec.UnknownEvent):
        codec.decode("org.renamed/4", b"{}")


def test_names_are_stable_and_unique():
    assert len({e.NAME for e in EVENTS}) == len(EVENTS)
    assert all(codec.topic_of(e) == f"{e.NAME}/{e.VERSION}" and codec.version_of(e.NAME) == e.VERSION for e in EVENTS)


def test_the_payload_comes_back_byte_for_byte():
    payload = msgspec.Raw(b'{"amount":1.10,"text":"line\\nbreak","u":"\\u0000"}')
    event = StripeEventReceived(
        event_id="evt_1", type="x", created_s=1, mode="test", account="platform", api_version=None, endpoint="platform",
        payload=payload,
    )  # fmt: skip
    assert bytes(codec.decode(*codec.encode(event)).payload) == bytes(payload)  # type: ignore[attr-defined]
