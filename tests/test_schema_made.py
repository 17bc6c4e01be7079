"""One story an object, told in eight API versions by Stripe's own schemas: valid there, translated here, one same row.

The schemas are read in place where they lie beside the project. What a version cannot say is in `schema_silences`,
with the reason; nothing is skipped in silence.
"""

import os
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from histories import KEY, folded, received, remembered
from samples import Delivery, event
from schema_made import Made, Schemas
from schema_silences import DIFFERENT, EMPTY, NO_SCHEMA, NOT_TOLD, SILENT, SINCE, VERSIONS
from schema_stories import story_of

from ledger.facts import ObjectFact
from ledger.sealing import is_sealed
from ledger.translations import FAMILIES, translate
from ledger.translations.base import Family, sealed_fields

CORPUS = os.environ.get("RECOUNT_STRIPE_CORPUS")
pytestmark = [
    pytest.mark.corpus,
    pytest.mark.skipif(not CORPUS, reason="RECOUNT_STRIPE_CORPUS does not say where the Stripe corpus is"),
]
#: The types require it, but the real API does not send it since basil.
_LAX = (("InvoiceLineItem", "subscription"),)
#: Each family with each object that it reads.
READ = [(family, object_type) for family in FAMILIES for object_type in family.object_types]
DESCRIBED = [(f, o) for f, o in READ if o not in NO_SCHEMA and (f.name, o) not in NOT_TOLD]
_NOTHING: tuple[Any, ...] = (None, "", [], {}, ())
each_object = pytest.mark.parametrize(("family", "object_type"), DESCRIBED, ids=lambda it: getattr(it, "name", it))


@cache
def schemas(version: str) -> Schemas:
    assert CORPUS is not None
    lax = _LAX if version >= "2025-03-31" else ()
    return Schemas(Path(CORPUS, "openapi", "derived", f"objects-{version}.json"), lax)


def versions_of(object_type: str) -> list[str]:
    """The API versions that have such an object."""
    return [v for v in VERSIONS if object_type in schemas(v).resources]


class Told(NamedTuple):
    """What became of one story in one API version."""

    made: Made
    delivery: Delivery
    fact: ObjectFact
    spoken: dict[str, Any]
    """Field -> value, for the fields that the payload speaks of; of a sealed one, whether it is sealed."""


@cache
def told(family: Family, object_type: str, version: str) -> Told:
    versions = [schemas(v) for v in versions_of(object_type)]
    made = schemas(version).made(object_type, story_of(family, object_type, versions))
    kind = family.event_types[0].replace("*", "updated")
    delivery = Delivery(event(1, kind, made.payload, version=version))
    fact = translate(received(delivery, KEY).event)
    assert isinstance(fact, ObjectFact), (version, fact)
    values = iter(fact.values)
    fields = family.facts.__struct_fields__
    spoken = {name: next(values) for i, name in enumerate(fields) if fact.mask & (1 << i)}
    for sealed in (fields[i] for i in sealed_fields(family.facts)):
        if spoken.get(sealed):
            spoken[sealed] = is_sealed(spoken[sealed])  # no token is twice the same
    return Told(made, delivery, fact, spoken)


def test_the_schemas_are_those_of_eight_versions() -> None:
    assert [schemas(v).version for v in VERSIONS] == list(VERSIONS)


def test_every_object_that_is_read_is_described_or_in_the_table() -> None:
    described = {object_type for v in VERSIONS for object_type in schemas(v).resources}
    assert {object_type for _, object_type in READ} - described == {o for _, o in READ} & NO_SCHEMA.keys()
    assert {o: versions_of(o)[0] for _, o in DESCRIBED if versions_of(o) != list(VERSIONS)} == {
        o: v for o, v in SINCE.items() if any(o == object_type for _, object_type in READ)
    }


@each_object
def test_what_is_made_is_valid_in_its_version(family: Family, object_type: str) -> None:
    for version in versions_of(object_type):
        made = told(family, object_type, version).made
        assert schemas(version).faults(object_type, made.payload) == [], version


@each_object
def test_every_place_of_a_story_is_known_to_some_version(family: Family, object_type: str) -> None:
    versions = versions_of(object_type)
    everywhere_unsaid = frozenset.intersection(*(told(family, object_type, v).made.unsaid for v in versions))
    assert everywhere_unsaid == frozenset()


@each_object
def test_what_all_versions_say_is_the_same(family: Family, object_type: str) -> None:
    # given
    found = {v: told(family, object_type, v) for v in versions_of(object_type)}
    # then it is the same object
    assert len({(t.fact.model, t.fact.id, t.fact.claim, t.fact.rank) for t in found.values()}) == 1
    # and every field is spoken of with one value, but for what the tables name
    for field in family.facts.__struct_fields__:
        silent = tuple(v for v, t in found.items() if field not in t.spoken)
        named = SILENT.get((family.name, field), ((), ""))[0]
        assert silent == tuple(v for v in named if v in found), (field, silent)
        values: list[Any] = []
        for t in found.values():
            if field in t.spoken and t.spoken[field] not in values:
                values.append(t.spoken[field])
        assert (len(values) > 1) == ((family.name, field) in DIFFERENT), (field, values)
        # and says something, so that a translation that reads nothing is noticed
        says = any(v not in _NOTHING for v in values)
        assert says == (silent != tuple(found) and (family.name, field) not in EMPTY), field


@each_object
def test_all_versions_fold_to_the_same_row(family: Family, object_type: str) -> None:
    # given each version's object alone in a log of its own
    found = {v: told(family, object_type, v) for v in versions_of(object_type)}
    rows = {v: folded(remembered([t.delivery]))[family.model] for v, t in found.items()}
    # when what the tables name is put aside
    aside = {field for o, field in SILENT.keys() | DIFFERENT.keys() if o == family.name}
    alike = [{k: {c: x for c, x in row.items() if c not in aside} for k, row in made.items()} for made in rows.values()]
    # then there is one row, and it is the same
    assert len(alike[0]) == 1
    assert all(made == alike[0] for made in alike)
    # and a column of which a version does not speak is null
    for (o, field), (silent, _) in SILENT.items():
        if o == family.name:
            assert {row[field] for v in silent if v in rows for row in rows[v].values()} <= {None}


def test_the_tables_name_nothing_that_is_not_read() -> None:
    fields = {(family.name, field) for family in FAMILIES for field in family.facts.__struct_fields__}
    assert (SILENT.keys() | DIFFERENT.keys() | EMPTY.keys()) - fields == set()
    assert all(reason for _, reason in SILENT.values()) and all([*DIFFERENT.values(), *EMPTY.values()])
