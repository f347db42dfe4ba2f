"""CSV uploads: the file in a multipart body, its header, separators, mapping and lists, over HTTP."""

import tracemalloc
from collections.abc import Iterator

import pytest

from tests.sandbox.metrica.site import Site, flaw, running, verdict

CONTACTS = """uniq_id,name,emails,phones,client_ids,birth_date,create_date_time
c1,"Ann, P.","a@b.example,c@d.example",79995551111,"1,2",28.02.1990,2020-04-21 11:59:21
c2,Bob,,"79995551111,79995551112",,,21.04.20 11:59
"""
ORDERS = """id,client_uniq_id,client_type,order_status,create_date_time,revenue,goals,products
1,J3QQ4,CONTACT,new,2022-09-21 09:48:23,5000.10,"paid:200,visited","pear:10,apple:30"
"""
BORDER = b"border"


def body(*parts: tuple[str, bytes], end: bytes = b"\r\n--border--\r\n") -> bytes:
    """A multipart body by hand."""
    head = b'--border\r\nContent-Disposition: form-data; name="%s"; filename="x.csv"\r\n\r\n%s'
    return b"\r\n".join(head % (name.encode(), content) for name, content in parts) + end


def post(site: Site, content: bytes, kind: str = "multipart/form-data; boundary=border") -> object:
    answer = site.http.post(
        "/cdp/api/v1/counter/1/data/contacts/csv?merge_mode=SAVE",
        content=content,
        headers={"Content-Type": kind},
    )
    return verdict(answer) if answer.status_code == 200 else flaw(answer)


def test_the_header_comes_first_and_a_list_in_a_cell_is_quoted(site: Site) -> None:
    answer = site.file("contacts/csv", CONTACTS)
    assert verdict(answer) == ("PASSED", 2)
    assert answer.json()["uploading"]["uploading_format"] == "CSV"
    assert site.counter.contacts["c1"].values == {
        "uniq_id": "c1",
        "name": "Ann, P.",
        "emails": ("a@b.example", "c@d.example"),
        "phones": ("79995551111",),
        "client_ids": ("1", "2"),
        "birth_date": "1990-02-28",
        "create_date_time": "2020-04-21 11:59:21",
    }
    assert site.counter.contacts["c2"].values["create_date_time"] == "2020-04-21 11:59:00"


def test_orders_have_goals_and_products_in_a_cell(site: Site) -> None:
    assert verdict(site.file("orders/csv", ORDERS)) == ("PASSED", 1)
    values = site.counter.orders["1"].values
    assert str(values["revenue"]) == "5000.10"
    assert values["goals"] == {"paid": 200, "visited": None}
    assert values["products"] == {"pear": 10, "apple": 30}


def test_a_semicolon_separates_cells_where_it_is_asked_for(site: Site) -> None:
    text = "uniq_id;emails;name\nc1;a@b.example,c@d.example;Ann, P.\n"
    assert verdict(site.file("contacts/csv", text, delimiter_type="SEMICOLON")) == ("PASSED", 1)
    assert site.counter.contacts["c1"].values["emails"] == ("a@b.example", "c@d.example")
    assert flaw(site.file("contacts/csv", text))[:2] == (400, "invalid_uploading")
    assert flaw(site.file("contacts/csv", text, delimiter_type="TAB")) == (
        400,
        "invalid_parameter",
        "delimiter_type",
    )


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("21.04.2020", "2020-04-21 00:00:00"),
        ("21.04.20", "2020-04-21 00:00:00"),
        ("2020-04-21", "2020-04-21 00:00:00"),
        ("21.04.2020 11:59:21", "2020-04-21 11:59:21"),
        ("21.04.20 11:59", "2020-04-21 11:59:00"),
        ("21.04.2020 11:59", "2020-04-21 11:59:00"),
        ("21.04.20 11:59:21", "2020-04-21 11:59:21"),
        ("2020-04-21 11:59:21", "2020-04-21 11:59:21"),
        ("2020-04-21 11:59", "2020-04-21 11:59:00"),
    ],
)
def test_every_documented_form_of_a_date_is_read(site: Site, written: str, read: str) -> None:
    site.file("contacts/csv", f"uniq_id,phones,create_date_time\nc1,79995551111,{written}\n")
    assert site.counter.contacts["c1"].values["create_date_time"] == read


def test_columns_mapping_names_the_header_of_each_field(site: Site) -> None:
    text = "ИД,Почта,name\nc1,a@b.example,Ann\n"
    columns = '"uniq_id":"ИД","emails":"Почта"'
    assert verdict(site.file("contacts/csv", text, columns_mapping=columns)) == ("PASSED", 1)
    assert site.counter.contacts["c1"].values["name"] == "Ann"


@pytest.mark.parametrize("columns", ["{}", '"uniq_id"', '"uniq_id":5', '"uniq_id":"ID"'])
def test_a_columns_mapping_is_fields_and_headers_of_the_file(site: Site, columns: str) -> None:
    answer = site.file("contacts/csv", CONTACTS, columns_mapping=columns)
    assert flaw(answer) == (400, "invalid_parameter", "columns_mapping")


@pytest.mark.parametrize(
    ("header", "location"),
    [("name,emails", "uniq_id"), ("uniq_id,age", "age"), ("uniq_id,uniq_id", None), ("", "uniq_id")],
)
def test_a_header_without_what_is_required_or_with_what_is_unknown_is_incorrect(
    site: Site, header: str, location: str | None
) -> None:
    assert flaw(site.file("contacts/csv", f"{header}\nx,y\n")) == (400, "invalid_uploading", location)


def test_an_undeclared_column_may_be_read_as_passed_over() -> None:
    with running(undeclared="ignored") as site:
        assert verdict(site.file("contacts/csv", "uniq_id,age,phones\nc1,5,79995551111\n")) == ("PASSED", 1)


@pytest.mark.parametrize(
    "row",
    [
        "c9,A@b.example,",
        "c9,,",
        "c9,a@b.example,31.02.1990",
        "c9,a@b.example,1969-12-31",
        "c9,a@b.example,21.04.2020 11:59",
        "c9,a@b.example",
        "c9,a@b.example,,",
        ",a@b.example,",
        'c9,"a@b.example,',
        'c9,"a"b@c.example,',
    ],
)
def test_one_row_with_a_flaw_fails_the_whole_upload(site: Site, row: str) -> None:
    text = f"uniq_id,emails,birth_date\nc1,a@b.example,\n{row}\n"
    assert verdict(site.file("contacts/csv", text)) == ("FAILED", 2)
    assert list(site.counter.contacts) == ["J3QQ4"]
    (failed,) = (each for each in site.counter.uploads if each.flaw)
    assert str(failed.flaw).startswith("contacts[1]")


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        ("5000.10", "1_000"),
        ("5000.10", "5,000"),
        ("5000.10", "NaN"),
        ("paid:200", "paid:dear"),
        ("pear:10", "pear"),
        ("pear:10", ":10"),
        ("pear:10", "pear:-1"),
        ("2022-09-21 09:48:23", "2022-09-21T09:48:23"),
        ("2022-09-21 09:48:23", "2022-09-31 09:48:23"),
        ("CONTACT", "contact"),
    ],
)
def test_a_cell_of_an_order_with_a_flaw_fails_the_upload(site: Site, written: str, instead: str) -> None:
    assert verdict(site.file("orders/csv", ORDERS.replace(written, instead))) == ("FAILED", 1)


def test_a_flaw_of_csv_may_be_read_as_a_400() -> None:
    with running(invalid_row="400") as site:
        answer = site.file("contacts/csv", "uniq_id,emails\nc1,A@b.example\n")
        assert flaw(answer) == (400, "invalid_parameter", "contacts[0].emails")


def test_an_empty_cell_was_not_sent_or_may_be_read_as_null(site: Site) -> None:
    text = "uniq_id,name,phones\nJ3QQ4,,79995551111\n"
    site.file("contacts/csv", text)
    assert site.contact()["name"] == "Ann P."
    with running(empty_cell="null") as other:
        other.prepare()
        other.file("contacts/csv", text)
        assert "name" not in other.contact()


def test_lines_may_end_in_either_way_and_the_last_one_in_none(site: Site) -> None:
    for content in (b"uniq_id,phones\r\nc1,79995551111\r\n", b"\xef\xbb\xbfuniq_id,phones\nc1,79995551111"):
        assert verdict(site.file("contacts/csv", content)) == ("PASSED", 1)


def test_a_line_break_in_quotes_belongs_to_the_cell(site: Site) -> None:
    site.file("contacts/csv", 'uniq_id,phones,name\nc1,79995551111,"Ann\nP."\n')
    assert site.counter.contacts["c1"].values["name"] == "Ann\nP."


def test_the_file_is_the_part_of_that_name(site: Site) -> None:
    table = b"uniq_id,phones\nc1,79995551111"
    assert post(site, body(("other", b"x"), ("file", table))) == ("PASSED", 1)
    assert post(site, body(("data", table))) == (400, "missing_parameter", "file")
    assert post(site, body(("file", table)), "text/csv") == (406, "not_acceptable", None)
    assert post(site, body(("file", table)), "multipart/form-data") == (406, "not_acceptable", None)


def test_a_body_that_ends_within_the_file_is_incorrect_and_changes_nothing(site: Site) -> None:
    cut = body(("file", b"uniq_id,phones\nc1,79995551111\nc2,7999"), end=b"")
    assert post(site, cut) == (400, "invalid_uploading", None)
    assert list(site.counter.contacts) == ["J3QQ4"]


def test_what_is_no_utf_8_fails(site: Site) -> None:
    text = "uniq_id,phones,name\nc1,79995551111,Анна\n"
    assert verdict(site.file("contacts/csv", text.encode("cp1251"))) == ("FAILED", 1)


def test_rows_with_one_id_are_applied_in_random_order(site: Site) -> None:
    text = "uniq_id,phones,name\n" + "".join(
        f"c1,79995551111,{name}\nx{name},79995551111,\n" for name in "abc"
    )
    won = set()
    for _ in range(30):
        assert verdict(site.file("contacts/csv", text)) == ("PASSED", 6)
        won.add(site.counter.contacts["c1"].values["name"])
    assert won == {"a", "b", "c"}


def test_a_file_of_more_than_the_limit_is_too_large() -> None:
    with running(body_bytes=500) as site:
        small = "uniq_id,phones\nc1,79995551111\n"
        assert verdict(site.file("contacts/csv", small)) == ("PASSED", 1)
        large = small + "c1,79995551111\n" * 100
        assert flaw(site.file("contacts/csv", large)) == (400, "invalid_uploading", "file")


def test_a_large_file_is_never_in_memory_whole(site: Site) -> None:
    rows = "".join(f"c{number},79995551111,{'x' * 1000}\n" for number in range(1000)).encode()

    def stream() -> Iterator[bytes]:
        yield body(("file", b"uniq_id,phones,name\n"), end=b"")
        yield from [rows] * 30
        yield b"last,A,\n\r\n--border--\r\n"

    tracemalloc.start()
    try:
        answer = site.http.post(
            "/cdp/api/v1/counter/1/data/contacts/csv?merge_mode=SAVE",
            content=stream(),
            headers={"Content-Type": "multipart/form-data; boundary=border"},
        )
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert verdict(answer) == ("FAILED", 30_001)
    assert peak < 10_000_000 < 30 * len(rows)


def test_a_large_file_is_read_from_a_stream(site: Site) -> None:
    def stream() -> Iterator[bytes]:
        yield body(("file", b"uniq_id,phones\n"), end=b"")
        for number in range(0, 100_000, 1000):
            yield "".join(f"c{number + n},79995551111\n" for n in range(1000)).encode()
        yield b"\r\n--border--\r\n"

    answer = site.http.post(
        "/cdp/api/v1/counter/1/data/contacts/csv?merge_mode=SAVE",
        content=stream(),
        headers={"Content-Type": "multipart/form-data; boundary=border"},
    )
    assert verdict(answer) == ("PASSED", 100_000)
    assert len(site.counter.contacts) == 100_001


# --- Attributes -----------------------------------------------------------------------------------


def test_declared_attributes_travel_in_columns(site: Site) -> None:
    attributes = [
        {"name": "age", "type_name": "numeric", "multivalued": False, "humanized": "Age"},
        {"name": "visits", "type_name": "date", "multivalued": True, "humanized": "Visits"},
    ]
    site.post("schema/attributes", {"attributes": attributes}, entity_type="contact")
    text = 'uniq_id,phones,age,visits\nc1,79995551111,5.5,"2020-04-21,22.04.2020"\n'
    assert verdict(site.file("contacts/csv", text)) == ("PASSED", 1)
    values = site.counter.contacts["c1"].values
    assert (str(values["age"]), values["visits"]) == ("5.5", ("2020-04-21", "2020-04-22"))
    assert verdict(site.file("contacts/csv", text.replace("5.5", "old"))) == ("FAILED", 1)


def test_an_attribute_of_contacts_is_none_of_orders(site: Site) -> None:
    attribute = {"name": "channel", "type_name": "text", "multivalued": False, "humanized": "Channel"}
    text = ORDERS.replace("revenue", "channel")
    site.post("schema/attributes", {"attributes": [attribute]}, entity_type="CONTACT")
    assert flaw(site.file("orders/csv", text))[2] == "channel"
    site.post("schema/attributes", {"attributes": [attribute]}, entity_type="ORDER")
    assert verdict(site.file("orders/csv", text)) == ("PASSED", 1)
