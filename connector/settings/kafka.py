"""Which librdkafka properties pass: every one that exists and breaks no promise."""

from pathlib import Path
from typing import Any, Final

from connector.errors import ConfigError
from connector.settings.model import KafkaSettings
from connector.settings.types import read_secret

_FILE: Final = "_file"
_OWN: Final = {
    "bootstrap.servers": "set kafka.bootstrap_servers instead",
    "metadata.broker.list": "set kafka.bootstrap_servers instead",
    "group.id": "a destination's group is <group_id>.<destination>; set kafka.group_id instead",
    "auto.offset.reset": "an offset out of range must pause and ask, not jump; set kafka.start instead",
    "enable.partition.eof": "the connector sets it for itself; remove it",
    "transactional.id": "dead letters are not written in transactions; remove it",
    "plugin.library.paths": "foreign code in the client is not supported; remove it",
}
"""Properties that are not the configuration's to set, whatever the value."""
_NO: Final = frozenset({"false", "f", "0"})
_ALL: Final = frozenset({"all", "-1"})
_COMMIT: Final = "offsets are committed only when their records are settled"
_ACKS: Final = "a dead letter must be on every in-sync replica before its offset is committed"
_UNLESS: Final = {
    "enable.auto.commit": (_NO, _COMMIT),
    "auto.commit.enable": (_NO, _COMMIT),
    "enable.auto.offset.store": (_NO, _COMMIT),
    "isolation.level": ({"read_committed"}, "records of aborted transactions never happened"),
    "acks": (_ALL, _ACKS),
    "request.required.acks": (_ALL, _ACKS),
    "delivery.report.only.error": (_NO, "a dead letter counts as written only with its delivery report"),
}
"""Properties that keep the promises with these values only, and why."""
_NEVER: Final = {
    "message.timeout.ms": ({"0"}, "every wait has a limit; set a number of ms"),
    "delivery.timeout.ms": ({"0"}, "every wait has a limit; set a number of ms"),
}
_DEFAULT_MAX_POLL_MS: Final = 300_000
_DEFAULT_SOCKET_MS: Final = 10_000
"""As the connector has it (kafka_properties.DEFAULTS)."""
_POLL_SLACK_MS: Final = 2_000
"""What a lane does between two polls, besides waiting for Kafka."""
_GRACE: Final = 25.0
"""Seconds: orchestrators kill 30 s after SIGTERM, and the commit and the closing take their part."""
_METHOD: Final = "sasl.oauthbearer.method"
_CHECK: Final = {"group.id": "configuration-check", "log_level": 0, "message.max.bytes": 1000}


def problems(tree: object, *, secrets: bool = True) -> list[str]:
    """What is wrong with `kafka.properties` of a configuration that may be wrong elsewhere too.

    secrets=False: files that are not here are not asked for.
    """
    given = _mapping(_mapping(_mapping(tree).get("kafka")).get("properties"))
    scalars = {name: _text(value) for name, value in given.items() if isinstance(value, str | int | float)}
    refused = {name: line for name, value in scalars.items() if (line := _refusal(name, value))}
    rest = {name: value for name, value in scalars.items() if name not in refused}
    return [*refused.values(), *_unknown(_filled(rest, secrets=secrets))]


def client_properties(kafka: KafkaSettings) -> dict[str, str]:
    """The configured properties, servers, and what is in `…_file`. Raises ConfigError: unreadable file."""
    given = {"bootstrap.servers": kafka.bootstrap_servers}
    for name, value in kafka.properties.items():
        if name.endswith(_FILE):
            given[name.removesuffix(_FILE)] = read_secret(_place(name), Path(str(value)))
        else:
            given[name] = _text(value)
    return given


def is_secret(name: str) -> bool:
    """Whether a librdkafka property holds a secret."""
    return any(
        word in name for word in ("password", "passphrase", "secret", ".pem", "oauthbearer.config", "token")
    )


def impatience(kafka: KafkaSettings) -> list[str]:
    """A group that would expel its member while a commit hangs: the lane does not poll meanwhile.

    The broker answers a commit behind a JoinGroup that it holds back too late, so it is given up.
    """
    limit = _ms(kafka, "max.poll.interval.ms", _DEFAULT_MAX_POLL_MS)
    hang = _ms(kafka, "socket.timeout.ms", _DEFAULT_SOCKET_MS)
    if limit >= hang + _POLL_SLACK_MS:
        return []
    why = f"a commit may hang for socket.timeout.ms ({hang}), and the group would expel its member"
    place = _place("max.poll.interval.ms")
    return [f"{place}: is {limit}, but {why}; set at least {hang + _POLL_SLACK_MS}"]


def _ms(kafka: KafkaSettings, name: str, default: int) -> int:
    given = _text(kafka.properties.get(name, default))
    return int(given) if given.isdecimal() else default


def patience(kafka: KafkaSettings) -> float:
    """Seconds that a group waits for a member to give up what is revoked, before it expels it.

    It is so by every protocol. No session's timeout limits it: librdkafka's heartbeats go on meanwhile.
    """
    return _ms(kafka, "max.poll.interval.ms", _DEFAULT_MAX_POLL_MS) / 1000


def drain_seconds(kafka: KafkaSettings) -> float:
    """Of a drain, if none are given. A longer one would not help: an answer after it settles the ledger too.

    Half of the group's patience is left for noticing the rebalance, the settle, the commit, and joining anew.
    """
    return min(_GRACE, patience(kafka) / 2)


def _refusal(name: str, value: str) -> str | None:
    if name in _OWN:
        return f"{_place(name)}: is not set here: {_OWN[name]}"
    if name in _UNLESS and value.lower() not in _UNLESS[name][0]:
        return f"{_place(name)}: would break a promise: {_UNLESS[name][1]}; remove it"
    if name in _NEVER and value in _NEVER[name][0]:
        return f"{_place(name)}: would break a promise: {_NEVER[name][1]}"
    return None


def _filled(given: dict[str, str], *, secrets: bool) -> dict[str, str]:
    """As a client would have them. That a secret's file cannot be read is told elsewhere."""
    rest = {}
    for name, value in given.items():
        if name.endswith(_FILE):
            try:
                rest[name.removesuffix(_FILE)] = read_secret(name, Path(value))
            except ConfigError:
                if not name.startswith("ssl."):
                    rest[name.removesuffix(_FILE)] = "set"
        elif secrets or not name.startswith("ssl.") or not name.endswith("location") or Path(value).exists():
            rest[name] = value
    # A client of an identity provider asks it for a token as soon as it is made: a check does not.
    return rest | ({_METHOD: "default"} if rest.get(_METHOD, "").lower() == "oidc" else {})


def _unknown(given: dict[str, str]) -> list[str]:
    """Ask librdkafka: it refuses one property at a time, so take it out and ask again."""
    found = []
    rest = dict(given)
    while reason := _librdkafka_refuses(rest):
        longest = sorted(rest, key=len, reverse=True)
        culprit = next((name for name in longest if reason.startswith((f"{name} ", f'"{name}"'))), None)
        culprit = culprit or next((name for name in longest if f'"{name}"' in reason), None)
        found.append(_explain(culprit, reason, rest))
        if culprit is None:
            break
        del rest[culprit]
    return found


def _librdkafka_refuses(given: dict[str, str]) -> str | None:
    # The client that knows all properties is imported only when there are some to check.
    from confluent_kafka import Consumer, KafkaException  # noqa: PLC0415

    try:
        Consumer({**_CHECK, **given}).close()
    except KafkaException as error:
        return str(error.args[0].str()).removeprefix("Failed to create consumer: ")
    except (TypeError, AttributeError, ValueError, KeyError) as error:
        return next(
            (
                f'"{name}" holds code, not text'
                for name in given
                if name in str(error) or name.endswith("_cb")
            ),
            str(error),
        )
    return None


def _explain(culprit: str | None, reason: str, given: dict[str, str]) -> str:
    if culprit is None:
        return f"kafka.properties: are refused by librdkafka ({_masked(reason, given)}); correct them"
    if reason.startswith("No such"):
        return f"{_place(culprit)}: is not a librdkafka property; correct its name or remove it"
    if culprit.startswith("ssl."):
        return (
            f"{_place(culprit)}: cannot be read, or is not what is needed; mount the right file or correct it"
        )
    return f"{_place(culprit)}: has a value that librdkafka refuses; correct it"


def _masked(reason: str, given: dict[str, str]) -> str:
    text = reason.splitlines()[0]
    for value in given.values():
        text = text.replace(value, "…") if len(value) > 3 else text  # noqa: PLR2004 - no secret is shorter
    return text


def _place(name: str) -> str:
    return f"kafka.properties.{name}"


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _mapping(value: object) -> dict[Any, Any]:
    return value if isinstance(value, dict) else {}
