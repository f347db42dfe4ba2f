"""Whatever the texts: a file is read back as it was written, and the modes keep their laws."""

import csv
import io
from collections.abc import Iterator
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from connector.sandbox.metrica.csvfile import CsvFile
from connector.sandbox.metrica.merge import MODES, merge
from connector.sandbox.metrica.multipart import boundary_of, part
from connector.sandbox.metrica.rows import CONTACT, Row
from connector.sandbox.metrica.spool import Spool

SIGNS = st.sampled_from('a,;"\r\n -é€\U0001f600') | st.characters(exclude_categories=["Cs"])
NASTY = st.text(SIGNS, max_size=20)
IDS = NASTY.filter(bool)
TABLE = st.lists(st.tuples(IDS, NASTY, st.lists(st.from_regex(r"\A[0-9]{7,15}\Z"), min_size=1)), max_size=6)
HEAD = b'Content-Disposition: form-data; name="file"; filename="x"\r\nContent-Type: text/csv'


def spooled(content: bytes, boundary: bytes, cut: int) -> Spool:
    """A body that arrived in pieces of that size."""
    whole = b"--%s\r\n%s\r\n\r\n%s\r\n--%s--\r\n" % (boundary, HEAD, content, boundary)
    spool = Spool()
    for begin in range(0, len(whole), cut):
        spool.write(whole[begin : begin + cut])
    return spool


@given(
    table=TABLE,
    delimiter=st.sampled_from(",;"),
    # Python's writer leaves a bare \r unquoted where a line ends in \n alone.
    form=st.sampled_from([("\r\n", csv.QUOTE_MINIMAL), ("\n", csv.QUOTE_ALL), ("\r\n", csv.QUOTE_ALL)]),
    cut=st.integers(1, 100),
)
def test_a_file_is_read_back_as_it_was_written(
    table: list[tuple[str, str, list[str]]], delimiter: str, form: tuple[str, Any], cut: int
) -> None:
    out = io.StringIO()
    writer = csv.writer(out, delimiter=delimiter, lineterminator=form[0], quoting=form[1])
    writer.writerows([("ID", "name", "phones"), *((id_, name, ",".join(many)) for id_, name, many in table)])
    boundary = boundary_of(b'multipart/form-data; boundary="-frontier-"')
    with spooled(out.getvalue().encode(), boundary, cut) as body:
        file = CsvFile(
            entity=CONTACT,
            fields=CONTACT.fields,
            lines=lambda: part(body, boundary, "file"),
            delimiter=delimiter,
            mapping={"uniq_id": "ID"},
            strict=True,
            nulls=False,
        )
        for _ in range(2):  # it is read once to examine it, and once to apply it
            found = [(row.id, row.values.get("name", ""), row.values["phones"]) for row in rows_of(file)]
            assert found == [(id_, name, tuple(many)) for id_, name, many in table]


def rows_of(file: CsvFile) -> Iterator[Row]:
    for row in file.rows():
        assert isinstance(row, Row), str(row)
        yield row


@given(st.binary(max_size=60), st.binary(min_size=1, max_size=4), st.integers(1, 60))
def test_a_spool_is_searched_as_bytes_are(content: bytes, part_: bytes, cut: int) -> None:
    with spooled(content, b"b", cut) as body:
        assert (part_ in body) == (part_ in body.whole())


VALUES = st.dictionaries(
    st.sampled_from(["name", "emails", "products", "create_date_time"]),
    st.none() | st.text(max_size=2) | st.lists(st.integers(0, 3), unique=True).map(tuple),
)


@given(VALUES, VALUES, st.sampled_from(MODES))
def test_a_replay_changes_nothing_and_a_creation_date_stays(
    before: dict[str, Any], sent: dict[str, Any], mode: Any
) -> None:
    old = merge("SAVE", {}, before)
    once = merge(mode, old, sent)
    assert merge(mode, once, sent) == once
    assert None not in once.values()
    if "create_date_time" in old:
        assert once["create_date_time"] == old["create_date_time"]


@given(VALUES, VALUES)
def test_save_forgets_update_keeps_and_append_adds(before: dict[str, Any], sent: dict[str, Any]) -> None:
    old = merge("SAVE", {}, before)
    rest = set(old) - set(sent) - {"create_date_time"}
    assert not rest & set(merge("SAVE", old, sent))
    for mode in ("UPDATE", "APPEND"):
        merged = merge(mode, old, sent)
        assert {name: merged[name] for name in rest} == {name: old[name] for name in rest}
    appended = merge("APPEND", old, sent)
    for name, value in sent.items():
        if isinstance(value, tuple) and isinstance(old.get(name), tuple) and name != "create_date_time":
            assert set(appended[name]) == {*old[name], *value}
            assert appended[name][: len(old[name])] == old[name]
