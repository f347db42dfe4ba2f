"""The demo: broker, registry, CRM and CDC traffic embedded in one process, around the real pipeline.

The story: the traffic is written, the service works it off, in the middle the CRM answers 503 for a while;
then the CRM is compared with the source, and all topics are read once more by another group with the same
ledger, which must send nothing. A tour of a few orders more shows what the traffic has not.
"""

import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Protocol, Self, cast

from connector.demo import tour
from connector.demo.metrica import compare
from connector.demo.settings import DESTINATION, LETTERS, TOPICS, Topics, settings
from connector.demo.summary import Summary
from connector.demo.tour import Tour
from connector.demo.verdict import judge, sent_twice
from connector.demo.work import Snapshot, Work, working
from connector.errors import Fatal
from connector.sandbox import traffic_tour
from connector.sandbox.broker import EmbeddedBroker
from connector.sandbox.registry import RegistryServer
from connector.sandbox.server import SandboxServer
from connector.sandbox.traffic import Entry, Traffic
from connector.sandbox.traffic_schemas import CONTACTS, ORDERS
from connector.settings import Settings
from connector.wiring import demo

LIMIT: Final = 200
"""Requests a second that the CRM takes, as documented …"""
RATE: Final = 170
"""… and what is sent to it: with the limiter's bursts, below the limit in any second."""
LIMITED_TO: Final = 600
"""With more orders nobody wants to wait for the limit: it is lifted on both sides, and the output says so."""
BURST_SECONDS: Final = 1.5
STALLED_SECONDS: Final = 60.0
UNAVAILABLE: Final = 503
TICK: Final = 0.1
SHOWN: Final = 20


class Show(Protocol):
    """Whoever looks on."""

    def phase(self, text: str) -> None:
        """Something else begins."""

    def update(self, now: Snapshot) -> None:
        """Called many times a second."""


class Demo:
    """One demo. A context manager: everything embedded lives for its time."""

    def __init__(self, orders: int, show: Show, seed: int = 1) -> None:
        """orders: new orders of the shop, 1 at least."""
        self._orders, self._show, self._seed = orders, show, seed
        self._stack = ExitStack()
        self._began = time.monotonic()
        self.rate = RATE if orders <= LIMITED_TO else 0

    def __enter__(self) -> Self:
        enter = self._stack.enter_context
        try:
            self._directory = Path(enter(TemporaryDirectory(prefix="crm-connector-demo-")))
            self.broker = enter(EmbeddedBroker())
            self._registry = enter(RegistryServer())
            rate = LIMIT if self.rate else 0
            self.sandbox = enter(SandboxServer(rate_per_second=rate, delete_range_enabled=True))
            self.traffic = Traffic(self._registry, self._seed)
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    # --- The story --------------------------------------------------------------------------------

    def deliver(self) -> None:
        """Write the traffic and work it off. Raises Fatal where the pipeline fails or stands still."""
        self._show.phase(f"joining the group, writing the CDC traffic of {self._orders:,} orders")
        self.broker.touch((ORDERS, CONTACTS))
        demo.prepare(self._settings("demo"))
        with working(demo.service(self._settings("demo"))[0]) as work:
            self._count = self._write(self.traffic.batch(self._orders))
            self._show.phase(f"delivering {self._count:,} records")
            self._outcomes = self._settle(work, self._count, burst=True)

    def replay(self) -> int:
        """Read everything once more, as another group with the same ledger; how many requests were sent."""
        self._show.phase(f"replaying {self._count:,} records with the same ledger")
        before = self._requests()
        with working(demo.service(self._settings("demo-replay"))[0]) as work:
            self._settle(work, self._count)
        return self._requests() - before

    def _requests(self) -> int:
        return self.sandbox.crm.counts()["requests"] + self.sandbox.counter.counts()["requests"]

    def tour(self) -> Tour:
        """On a few more orders, what else there is to see. Raises Fatal as `deliver` does."""
        crm, seen = self.sandbox.crm, [tour.before(self.sandbox.crm)]
        self._show.phase("a few orders more: a discount, a cancellation, history, a range of it deleted")
        self.broker.touch((traffic_tour.ORDERS, traffic_tour.REVIEWS))
        count = self.broker.write(traffic_tour.records(self._registry))
        for group in ("demo-tour", "demo-tour-again"):
            chosen = self._settings(group, tour.TOPICS)
            with working(demo.service(chosen)[0]) as work:
                self._settle(work, count)
            if len(seen) == 1:
                seen.append(tour.before(crm))
                tour.delete_year(chosen)
                seen.append(tour.before(crm))
        return tour.tell(crm, *seen)

    @contextmanager
    def serve(self) -> Iterator[tuple[str, str]]:
        """Go on for the time of a with block, with a trickle of traffic; the URLs of status and CRM."""
        ended = threading.Event()
        trickle = threading.Thread(target=self._trickle, args=(ended,), name="trickle")
        chosen = self._settings("demo")
        service, meter = demo.service(chosen)
        with working(service), demo.served(chosen, service, meter) as url:
            trickle.start()
            try:
                yield url, self.sandbox.url
            finally:
                ended.set()
                trickle.join()

    def _trickle(self, ended: threading.Event) -> None:
        while not ended.wait(1.0):
            self._write(self.traffic.batch(2, timedelta(seconds=1), faults=False))

    def _write(self, entries: list[Entry]) -> int:
        return self.broker.write(entry.record for entry in entries)

    def _settle(self, work: Work, count: int, *, burst: bool = False) -> Mapping[str, int]:
        """Wait until so many records have their outcome; in the middle, if so, let the CRM answer 503."""
        moved, last = time.monotonic(), -1
        while True:
            now = work.look(count, self.sandbox)
            self._show.update(now)
            if now.settled >= count and now.lag == 0 and now.uploaded >= count:
                return now.outcomes
            if burst and now.orders > self._orders // 2:
                burst = False
                self.sandbox.faults.add({"do": "status", "status": UNAVAILABLE, "seconds": BURST_SECONDS})
            if now.settled + now.uploaded != last:
                moved, last = time.monotonic(), now.settled + now.uploaded
            if work.ended or time.monotonic() > moved + STALLED_SECONDS:
                raise Fatal(f"demo: the pipeline does not go on: {work.trouble()}")
            time.sleep(TICK)

    def _settings(self, group: str, topics: Topics = TOPICS) -> Settings:
        return settings(
            broker=self.broker.bootstrap,
            registry=self._registry.url,
            crm=self.sandbox.url,
            directory=self._directory,
            rate=self.rate,
            group=group,
            topics=topics,
        )

    # --- What came of it --------------------------------------------------------------------------

    def summary(self, replay_sent: int) -> Summary:
        """Compare the CRM with the source as they are now."""
        crm, outcomes, shop = self.sandbox.crm, Counter(self._outcomes), self.traffic.shop
        causes, lettered = self._letters()
        verdict, counts, answers = judge(shop.orders, shop.contacts, crm, lettered), crm.counts(), crm.answers
        uploaded = compare(shop.orders, shop.contacts, self.sandbox.counter)
        mismatched = [*verdict.mismatched, *uploaded.mismatched]
        return Summary(
            records=self._count,
            delivered=outcomes["delivered"],
            duplicates=outcomes["duplicate"],
            superseded=outcomes["superseded"],
            unchanged=outcomes["unchanged"],
            dead_lettered=outcomes["dead_lettered"],
            in_doubt=outcomes["in_doubt"],
            causes=causes,
            crm_contacts=counts["contacts"],
            crm_orders=counts["orders"],
            source_contacts=len(shop.contacts),
            source_orders=len(shop.orders),
            equal_orders=verdict.equal_orders,
            equal_contacts=verdict.equal_contacts,
            in_dead_letters=len(verdict.explained),
            mismatched=len(mismatched),
            differences=mismatched[:SHOWN],
            ignored=counts["ignored"] + uploaded.ignored,
            sent_twice=sent_twice(crm),
            requests=counts["requests"],
            answered_503=sum(count for (_, status), count in answers.items() if status == UNAVAILABLE),
            replayed=self._count,
            replay_sent=replay_sent,
            rate_per_second=self.rate,
            seconds=self.seconds,
            metrica_contacts=uploaded.contacts,
            metrica_orders=uploaded.orders,
            metrica_equal_contacts=uploaded.equal_contacts,
            metrica_equal_orders=uploaded.equal_orders,
            metrica_uploads=uploaded.uploads,
        )

    @property
    def seconds(self) -> float:
        """Since it was made."""
        return round(time.monotonic() - self._began, 1)

    def _letters(self) -> tuple[dict[str, int], set[str]]:
        """Causes of Yespo's dead letters, and the keys that they name; written again, one counts once."""
        letters = {message.key(): _texts(message.headers()) for message in self.broker.read(LETTERS)}
        letters = {
            key: told for key, told in letters.items() if told["crm-connector.destination"] == DESTINATION
        }
        causes = Counter(headers["crm-connector.cause"] for headers in letters.values())
        keys = {key for headers in letters.values() if (key := headers.get("crm-connector.key"))}
        return dict(sorted(causes.items(), key=lambda cause: (-cause[1], cause[0]))), keys


_TOLD: Final = ("crm-connector.cause", "crm-connector.key", "crm-connector.destination")


def _texts(headers: object) -> dict[str, str]:
    """The connector's own headers, which are text."""
    return {
        name: value.decode()
        for name, value in cast("list[tuple[str, bytes | None]]", headers or [])
        if value is not None and name in _TOLD
    }
