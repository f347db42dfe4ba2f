"""Captured table records decode to the rows that PostgreSQL held, less what the records cannot tell."""

import pytest

from connector.core.change import Change
from connector.core.model import UNAVAILABLE, Op, Skip
from tests.support import cdc, truth
from tests.support.decoding import changes, decoded

VARIANTS: tuple[cdc.DecodedVariant, ...] = ("env_pa", "flat_pa", "flat_min")


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_row_is_the_true_one_less_what_its_record_cannot_tell(variant: cdc.DecodedVariant) -> None:
    """Each column of each r, c and u equals PostgreSQL's own, or is marked unavailable or defaulted."""
    wrong, compared = [], 0
    for captured, change in changes(variant):
        true = cdc.expected(variant)[captured.position]
        if change.op is Op.DELETE or true.row is None:
            continue
        values = change.values()
        late = values.keys() - {truth.avro_name(column) for column in true.row}
        # A row from before ADD COLUMN, described by the table of later (cdc 30): null or the default.
        assert all(values[name] in (None, change.shape.columns[name].default) for name in late)
        for column, expected in true.row.items():
            value = values[truth.avro_name(column)]
            if column in true.unavailable_columns:
                assert value is UNAVAILABLE
            elif column not in true.null_became_default:
                compared += 1
                pg_type = truth.types(true.table).get(column, "text")
                if truth.comparable(value, pg_type) != truth.value(variant, pg_type, expected):
                    wrong.append((captured.position, column, pg_type, value, expected))
    assert not wrong
    assert compared > 3000


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_null_that_became_its_default_is_the_columns_declared_default(variant: cdc.DecodedVariant) -> None:
    """So `null_defaults` can turn it back: value and Column.default are equal, the column nullable."""
    seen = 0
    for captured, change in changes(variant):
        true = cdc.expected(variant)[captured.position]
        for column in true.null_became_default if change.op is not Op.DELETE else ():
            shape = change.shape.columns[truth.avro_name(column)]
            assert (change.values()[column], shape.nullable) == (shape.default, True)
            seen += 1
    assert seen > 40


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_delete_gives_its_key_and_no_other_column(variant: cdc.DecodedVariant) -> None:
    """Under either replica identity: no phantom value can be mapped."""
    seen = 0
    for captured, change in changes(variant):
        true = cdc.expected(variant)[captured.position]
        if change.op is Op.DELETE and change.key is not None:
            assert change.values() == dict(change.key)
            assert change.key.keys() == {c for c in change.key if c not in true.phantom_columns}
            if true.row is not None:
                assert {name: true.row[name] for name in change.key} == dict(change.key)
            seen += 1
    assert seen == 21


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_record_is_the_change_that_happened(variant: cdc.DecodedVariant) -> None:
    """Op by op: what is no change of a row is skipped by a rule of its own name."""
    for captured, outcome in decoded(variant):
        true = cdc.expected(variant).get(captured.position)
        if isinstance(outcome, Change):
            assert true is not None
            assert outcome.op == ("d" if true.op == "tombstone" else true.op)
        else:
            assert isinstance(outcome, Skip)
            rules = {"t": {"truncate"}, "tombstone": {"tombstone", "keyless_tombstone"}}
            assert outcome.rule in (rules[true.op] if true else {"logical_message"})
