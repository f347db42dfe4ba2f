"""Logs: one JSON object a line, no personal data or secret in any of them, quiet by default."""

import io
import json
import logging
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import pytest
import structlog
from hypothesis import given, strategies

from connector.adapters.logs import configure, logger, mask
from connector.adapters.masking import MASK, Masker
from connector.errors import Outage
from connector.settings import Settings, secret_values
from connector.wiring import edges

pytestmark = pytest.mark.reveals("what is masked has to be logged first")
SECRET = "planted-api-key"
PRIVATE = [
    "ann.smith@example.com",
    "+380501234567",
    "380 50 123-45-67",
    "Олена@пошта.укр",
    "a%40example.com",
    SECRET,
]
Lines = Callable[[], list[dict[str, Any]]]


class Output:
    """Where the logs under test go."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    def configure(
        self, form: Literal["json", "console"] = "json", level: Literal["debug", "info"] = "info"
    ) -> None:
        configure(form, level, [SECRET], self.stream)

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def output() -> Output:
    """Configured logging; conftest.py puts it back afterwards."""
    made = Output()
    made.configure()
    return made


def log() -> Any:
    return structlog.get_logger("connector.lane.lane")


def test_a_line_is_an_object_with_event_level_time_and_fields(output: Output) -> None:
    log().info("started", destination="yespo", partitions=3, ready=True)
    (line,) = output.lines()

    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "started",
        "level": "info",
        "destination": "yespo",
        "partitions": 3,
        "ready": True,
    }


@pytest.mark.parametrize("private", PRIVATE)
@pytest.mark.parametrize("form", ["json", "console"])
def test_private_values_are_masked_wherever_they_stand(
    output: Output, form: Literal["json", "console"], private: str
) -> None:
    output.configure(form)
    log().warning(
        f"refused {private}", field=private, deep={"list": [{"x": (private,)}], private: 1}, of={private}
    )
    log().warning("%s", private)
    try:
        raise ValueError(f"no such contact: {private}") from KeyError(private)  # noqa: TRY301 - the traceback is what is looked at
    except ValueError:
        log().exception("failed", reason=ValueError(private))
        logging.getLogger("library").exception("failed %s", private)
    logging.getLogger("library").warning("sent to %s", private, extra={"recipient": private})
    text = output.stream.getvalue()

    assert private not in text
    assert text.count(MASK) >= 8
    assert "no such contact" in text
    assert "Traceback" in text


def test_a_secret_that_was_read_anew_is_masked_and_so_is_the_one_before(output: Output) -> None:
    mask(["planted-newer-key"])
    log().warning(f"refused {SECRET} and planted-newer-key")

    assert output.lines()[0]["event"] == f"refused {MASK} and {MASK}"


@pytest.mark.parametrize(
    "name", ["password", "api_key", "token", "Authorization", "email", "phone", "first_name"]
)
def test_a_field_with_a_private_name_is_masked_whatever_it_holds(output: Output, name: str) -> None:
    log().warning("x", **{name: "Олена"})

    assert output.lines()[0][name] == MASK


def test_a_phone_as_a_number_is_masked_and_an_offset_is_not(output: Output) -> None:
    log().warning("x", value=380501234567, offset=380501234567, count=12)
    line = output.lines()[0]

    assert (line["value"], line["offset"], line["count"]) == (MASK, 380501234567, 12)


@pytest.mark.parametrize(
    "text",
    [
        "broker 10.100.200.30:9092 does not answer",
        "orders/3@1234567",
        "2025-01-31T10:11:12Z",
        "2025-01-31 10:11:12",
        "550e8400-e29b-41d4-a716-446655440000",
        "crm.public.orders",
        "https://yespo.io/api/v2/event",
    ],
)
def test_what_an_operator_needs_is_left(text: str) -> None:
    assert Masker().text(text) == text


def test_credentials_in_addresses_and_headers_are_masked() -> None:
    masker = Masker()

    assert masker.text("postgresql://me:word@db/ledger") == "postgresql://***@db/ledger"
    assert masker.text("Authorization: Basic OnBsYW50ZWQ=") == "Authorization: Basic ***"


def test_below_the_level_nothing_is_written_and_libraries_speak_from_warning_on(output: Output) -> None:
    log().debug("polled")
    logging.getLogger("uvicorn").info("listening")
    logging.getLogger("uvicorn").warning("slow")

    assert [line["event"] for line in output.lines()] == ["slow"]


def test_the_level_can_be_lowered(output: Output) -> None:
    output.configure(level="debug")
    log().debug("polled")

    assert [line["level"] for line in output.lines()] == ["debug"]


def test_configuring_again_does_not_write_lines_twice(output: Output) -> None:
    output.configure()
    log().info("started")

    assert len(output.lines()) == 1


@given(
    strategies.from_regex(r"[a-z0-9._+]{1,20}@[a-z0-9-]{1,20}\.[a-z]{2,6}", fullmatch=True), strategies.text()
)
def test_an_email_in_any_text_is_masked(email: str, around: str) -> None:
    assert email not in Masker().text(f"{around} {email} {around}")


@given(
    strategies.from_regex(r"\+?[1-9][0-9]{9,13}", fullmatch=True),
    strategies.sampled_from([" ", "'", '"', "(", "=", ":"]),
)
def test_a_phone_between_any_marks_is_masked(phone: str, mark: str) -> None:
    assert phone not in Masker().text(f"contact{mark}{phone}{mark}")


ROTATED: dict[str, Callable[[Settings], object]] = {
    "api_key": lambda settings: edges.http(settings, "yespo"),
    "registry": lambda settings: edges.registry(settings).writer(1, "orders"),  # type: ignore[union-attr]
    "ledger": lambda settings: edges.postgres(settings)(),  # as each connection asks
}


@pytest.mark.parametrize("which", ROTATED)
def test_a_secret_that_was_written_anew_is_masked_from_its_first_use_on(which: str, tmp_path: Path) -> None:
    """By its value: nothing in its form tells it from any other word."""
    nowhere = "127.0.0.1:9"
    texts = {"api_key": "{}", "registry": "{}", "ledger": "postgresql://user:{}@" + nowhere + "/db"}
    for name, text in texts.items():
        (tmp_path / name).write_text(text.format("first"))
    settings = Settings.model_validate(
        {
            "kafka": {"bootstrap_servers": nowhere},
            "schema_registry": {
                "url": f"http://{nowhere}",
                "user": "u",
                "password_file": tmp_path / "registry",
            },
            "topics": [{"name": "orders", "entity": "order"}],
            "destinations": {"yespo": {"type": "yespo", "api_key_file": tmp_path / "api_key"}},
            "ledger": {"url_file": tmp_path / "ledger"},
        }
    )
    output = io.StringIO()
    configure("json", "info", secret_values(settings), output)
    (tmp_path / which).write_text(texts[which].format("rotated"))
    with suppress(Outage):
        ROTATED[which](settings)
    logger().info("refused", detail="it is first and was rotated")

    assert json.loads(output.getvalue())["detail"] == f"it is {MASK} and was {MASK}"
