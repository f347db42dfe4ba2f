"""`order`: where it stands, by the ledger and by the dead letters."""

import re
import shlex
from pathlib import Path

import pytest

from connector.cli import call
from tests.support.broker import Broker
from tests.support.orders import Orders, order
from tests.support.pipeline import pipeline
from tests.support.topics import TopicFactory

Capture = pytest.CaptureFixture[str]
README = Path(__file__).parent.parent.parent / "README.md"
GOLDEN = Path(__file__).parent.parent / "data" / "cli" / "order.txt"


def commands() -> list[list[str]]:
    """Of the how-to, as they stand there."""
    howto = README.read_text(encoding="utf-8").partition("### Where is order 12345?")[2].partition("```sh")[2]
    return [shlex.split(line)[1:] for line in howto.partition("```")[0].splitlines() if line]


def test_the_how_to_of_the_readme_tells_where_order_12345_is(
    broker: Broker, topic: TopicFactory, tmp_path: Path, capsys: Capture
) -> None:
    """Two versions were accepted, a third one is a dead letter; so is another order, of which nothing was."""
    with pipeline(broker, topic, tmp_path) as line:
        shop = Orders(line)
        shop.configure(brake=1)
        shop.orders.write("c", order("12345"))
        shop.orders.write("u", order("12345", total="13.00"))
        shop.orders.write("u", order("12345", status="strange"))
        shop.orders.write("c", order("bad", status="strange"))
        shop.work()
        capsys.readouterr()

        def told(words: list[str]) -> tuple[int, str, str]:
            code = call([str(line.file) if word == "connector.yaml" else word for word in words])
            return code, *capsys.readouterr()

        of_order, of_contact = commands()
        code, out, err = told(of_order)
        assert (code, err) == (0, "")
        assert plain(out, shop) == GOLDEN.read_text(encoding="utf-8")
        assert told(of_contact)[:2] == (1, "[]\n")
        code, out, _ = told(["order", "bad", "-c", "connector.yaml"])
        assert (code, "nothing accepted yet" in out, "check" in out) == (0, True, True)


def plain(text: str, shop: Orders) -> str:
    """Without what differs from run to run."""
    text = text.replace(shop.orders.topic, "orders")
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:.]+Z(?=  )", "TIME", text)
