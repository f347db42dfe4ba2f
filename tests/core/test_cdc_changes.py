"""What captured messages do, observations 21 to 33: deletes, order, snapshots. A test names its number.

33 (replication slots) is the source's business: nothing of it reaches a consumer.
"""

import json
from collections import Counter, defaultdict

import pytest

from connector.core.change import Change
from connector.core.model import Op, Skip
from tests.support import cdc
from tests.support.decoding import changes, decoded, decoder, record

VARIANTS: tuple[cdc.DecodedVariant, ...] = ("env_pa", "flat_pa", "flat_min")
WITH_LSN: tuple[cdc.DecodedVariant, ...] = ("env_pa", "flat_pa")


def skips(variant: cdc.Variant, table: str = "", *, meta: bool = False) -> Counter[str]:
    """How often each rule skipped a record."""
    outcomes = (outcome for _, outcome in decoded(variant, table, meta=meta))
    return Counter(outcome.rule for outcome in outcomes if isinstance(outcome, Skip))


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_21_a_delete_has_no_phantom_value_and_no_business_key_of_its_own(variant: cdc.Variant) -> None:
    deletes = [change for _, change in changes(variant, ".contacts") if change.op is Op.DELETE]
    assert deletes
    assert {tuple(change.row) for change in deletes} == {("id",)}


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_22_one_delete_is_read_from_row_and_tombstone_or_from_the_tombstone_alone(
    variant: cdc.Variant,
) -> None:
    """`__deleted` is a string; with the SMT's defaults there is a tombstone and nothing else."""
    deletes = sum(change.op is Op.DELETE and change.key is not None for _, change in changes(variant))
    assert deletes == 21
    assert skips(variant)["tombstone"] == (0 if variant == "flat_min" else 21)


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_23_tables_without_key_truncates_and_messages_are_told_apart(variant: cdc.Variant) -> None:
    """A null with a null key; op=t, which the SMT drops; op=m, which it does not flatten."""
    found = skips(variant)
    assert (found["keyless_tombstone"], found["logical_message"]) == (1, 2)
    assert found["truncate"] == (3 if variant == "env_pa" else 0)
    keyless = [change for _, change in changes(variant, "delivery_events")]
    assert {change.key for change in keyless} == {None}


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_24_a_key_change_is_a_delete_that_moved_to_and_a_create_that_moved_from(
    variant: cdc.Variant,
) -> None:
    """On other partitions, and the children's too."""
    moved: dict[str, list[Change]] = defaultdict(list)
    for captured, change in changes(variant):
        if change.origin.moved:
            moved[change.origin.moved].append(change)
            headers = {
                name: json.loads(value) for name, value in captured.headers if name.startswith("__debezium.n")
            }
            assert headers.get("__debezium.newkey") != change.key
    assert (len(moved["to"]), len(moved["from"])) == (5, 5)
    assert {change.op for change in moved["to"]} == {Op.DELETE}
    assert {change.op for change in moved["from"]} == {Op.CREATE}


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_25_a_row_keeps_its_key_when_the_keys_schema_changes(variant: cdc.Variant) -> None:
    """Other bytes, another partition, the same decoded key."""
    places: dict[str, set[tuple[int | None, int]]] = defaultdict(set)
    for captured, change in changes(variant, "order_items"):
        places[str(change.key)].add((captured.key_schema_id, captured.partition))
    assert any(len({schema_id for schema_id, _ in found}) == 2 for found in places.values())


@pytest.mark.parametrize("variant", WITH_LSN)
def test_cdc_26_updates_of_one_transaction_have_growing_lsns(variant: cdc.Variant) -> None:
    """The same ts_ms does not order them."""
    times: dict[tuple[str, int | None], list[int | None]] = defaultdict(list)
    for _, change in changes(variant, ".contacts"):
        if change.op is Op.UPDATE:
            times[str(change.key), change.origin.ts_ms].append(change.origin.lsn)
    several = [lsns for lsns in times.values() if len(set(lsns)) > 1]
    assert several
    assert all(lsns == sorted(lsns, key=lambda lsn: lsn or 0) for lsns in several)


@pytest.mark.parametrize("variant", WITH_LSN)
def test_cdc_27_what_a_crash_repeats_has_the_lsn_that_it_had(variant: cdc.Variant) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for captured, change in changes(variant):
        version = (captured.topic, change.op, str(change.key), change.origin.lsn)
        if cdc.expected(variant)[captured.position].duplicate:
            assert version in seen
        seen[version] = 1
    assert sum(row.duplicate for row in cdc.expected(variant).values()) == 7


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_28_snapshots_are_marked_and_an_incremental_one_has_no_lsn(variant: cdc.Variant) -> None:
    incremental = 0
    for captured, change in changes(variant):
        assert change.origin.snapshot == (change.op is Op.READ)
        if cdc.expected(variant)[captured.position].incremental:
            incremental += 1
            assert (change.op, change.origin.lsn) == (Op.READ, None)
        elif variant != "flat_min" and change.op is Op.READ:
            assert change.origin.lsn is not None
    assert incremental > 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_29_context_headers_are_no_data_and_no_clock_of_flattened_rows(variant: cdc.Variant) -> None:
    """Kafka's timestamp is not the change's time either: ts_ms is the source's."""
    for captured, change in changes(variant):
        assert not any(name.startswith("__") and name != "____" for name in change.shape.columns)
        assert change.origin.clock == ("cdc.env_pa" if variant == "env_pa" else None)
        assert change.origin.ts_ms is not None
        assert change.origin.ts_ms <= captured.timestamp_ms


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_30_ddl_shows_as_another_shape_with_the_next_changed_row(variant: cdc.Variant) -> None:
    shapes: dict[int, set[int | None]] = defaultdict(set)
    for captured, change in changes(variant, ".contacts"):
        if change.op is not Op.DELETE:
            shapes[id(change.shape)].add(captured.value_schema_id)
    assert len(shapes) == 3
    assert all(len(ids) == 1 for ids in shapes.values())


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_31_an_update_that_changes_nothing_is_an_update(variant: cdc.Variant) -> None:
    last: dict[str, object] = {}
    touches = 0
    for _, change in changes(variant, ".contacts"):
        touches += change.op is Op.UPDATE and last.get(str(change.key)) == change.row
        last[str(change.key)] = change.row
    assert touches > 0


@pytest.mark.parametrize("variant", VARIANTS)
def test_cdc_32_side_topics_are_skipped_whole(variant: cdc.Variant) -> None:
    """A topic regex gets them all: transactions, heartbeats, the signal table."""
    found = skips(variant, meta=True)
    assert found.total() == len(cdc.meta_records(variant))
    if variant == "env_pa":
        assert found == {"transaction_metadata": 386, "signal": 101, "heartbeat": 8}


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_replay_from_the_beginning_says_the_same_again(variant: cdc.Variant) -> None:
    """What the decoder remembers of the first time changes nothing."""
    topic = f"cdc.{variant}.shop.contacts"
    captured = [record(c) for c in cdc.records(variant) if c.topic == topic]
    kept = decoder(topic)
    first, again = ([_said(kept.decode(r)) for r in captured] for _ in range(2))
    assert list(first) == list(again)


def _said(outcome: object) -> object:
    if isinstance(outcome, Change):
        return outcome.op, outcome.values(), outcome.key, outcome.origin
    return outcome
