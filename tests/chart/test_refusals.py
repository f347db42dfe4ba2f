"""Values that make no sense are refused, with a sentence that names place and remedy."""

from typing import Any

import pytest

from tests.chart.render import CI, helm, merged, values_of

YESPO = {"config": {"destinations": {"yespo": {"type": "yespo"}}}}
MISTAKES: dict[str, tuple[str, dict[str, Any], str]] = {
    "SQLite with replicas": ("minimal", {"replicas": 2}, "replicas: yespo has more than 1, but an SQLite"),
    "SQLite with replicas of a destination": (
        "minimal",
        {"destinations": {"yespo": {"replicas": 2}}},
        "replicas: yespo has more than 1, but an SQLite",
    ),
    "no secret": (
        "minimal",
        {"secret": {"existingSecret": ""}},
        "config.destinations.yespo: has no secret; name",
    ),
    "two secrets": (
        "minimal",
        {"secret": {"tokens": {"yespo": "x"}}},
        "secret: has both existingSecret and tokens; keep one of them",
    ),
    "a key in a ConfigMap": (
        "minimal",
        {"config": {"destinations": {"yespo": {"api_key": "planted"}}}},
        "config.destinations.yespo.api_key: would be readable in a ConfigMap",
    ),
    "a password of Kafka in a ConfigMap": (
        "minimal",
        {"config": {"kafka": {"properties": {"sasl.password": "planted"}}}},
        "config.kafka.properties.sasl.password: would be readable in a ConfigMap",
    ),
    "a password of the registry in a ConfigMap": (
        "minimal",
        {"config": {"schema_registry": {"password": "planted"}}},
        "config.schema_registry.password: would be readable in a ConfigMap",
    ),
    "a password of PostgreSQL in a ConfigMap": (
        "minimal",
        {"config": {"ledger": {"url": "postgresql://u:planted@host/db"}}},
        "config.ledger.url: holds a password",
    ),
    "a ledger that ends with its pod": (
        "minimal",
        {"config": {"ledger": {"url": "sqlite:///tmp/ledger.db"}}},
        "config.ledger.url: is not on the pod's volume",
    ),
    "a misspelt destination": (
        "minimal",
        {"destinations": {"yepso": {"replicas": 1}}},
        "destinations.yepso: is not in config.destinations",
    ),
    "a token of nobody": (
        "trial",
        {"secret": {"tokens": {"yepso": "x"}}},
        "secret.tokens.yepso: is not in config.destinations",
    ),
    "names that become one": (
        "keda",
        {"config": {"destinations": {"Second": {"type": "yespo"}}}},
        "has the same workload name as",
    ),
    "too little time to drain": (
        "minimal",
        {"terminationGracePeriodSeconds": 30},
        "terminationGracePeriodSeconds: is 30, but yespo may drain longer; set at least 40",
    ),
    "KEDA with SQLite": ("minimal", {"keda": {"enabled": True}}, "keda: needs a ledger that pods share"),
    "KEDA with static members": (
        "static",
        {"keda": {"enabled": True}},
        "keda: would leave the partitions of static members without a reader",
    ),
    "KEDA without its Prometheus": (
        "keda",
        {"keda": {"trigger": "prometheus"}},
        "keda.prometheusAddress: is missing",
    ),
    "replay with SQLite": (
        "minimal",
        {"replay": {"r": {"destination": "yespo", "topic": "t", "from": "beginning"}}},
        "replay.r: needs a ledger that pods share",
    ),
    "replay to nowhere": (
        "full",
        {"replay": {"r": {"destination": "yepso", "topic": "t", "from": "beginning"}}},
        "replay.r.destination: yepso is not in config.destinations",
    ),
    "a misspelt alert": (
        "minimal",
        {"alerts": {"rules": {"CrmConnectorLag": {}}}},
        "alerts.rules.CrmConnectorLag: is not an alert; there are CrmConnectorAbsent, ",
    ),
    "a threshold of what is or is not": (
        "minimal",
        {"alerts": {"rules": {"CrmConnectorPausedFlood": {"threshold": 3}}}},
        "alerts.rules.CrmConnectorPausedFlood.threshold: there is none",
    ),
    "a migration of SQLite": (
        "minimal",
        {"ledgerMigration": {"enabled": True}},
        "ledgerMigration: is for a PostgreSQL ledger",
    ),
}
SHAPES: dict[str, tuple[dict[str, Any], str]] = {
    "a misspelt value": ({"replica": 1}, "replica"),
    "text for a number": ({"replicas": "two"}, "replicas"),
    "another type of CRM": ({"config": {"destinations": {"yespo": {"type": "hubspot"}}}}, "type"),
    "the chart's own port": ({"config": {"server": {"port": 1}}}, "server"),
    "no topic": ({"config": {"topics": []}}, "topics"),
    "a duration in words": ({"alerts": {"rules": {"CrmConnectorLagOld": {"for": "5 minutes"}}}}, "for"),
    "a cut digest": ({"image": {"digest": "sha256:12"}}, "digest"),
}


@pytest.mark.parametrize("binary", ["helm3", "helm4"])
@pytest.mark.parametrize("mistake", MISTAKES)
def test_values_that_do_not_fit_together_are_refused_with_a_sentence(mistake: str, binary: str) -> None:
    base, over, sentence = MISTAKES[mistake]
    out, complaint = helm(merged(values_of(base), over), binary=binary)

    assert out == ""
    assert sentence in complaint
    assert "planted" not in complaint


@pytest.mark.parametrize("binary", ["helm3", "helm4"])
@pytest.mark.parametrize("mistake", SHAPES)
def test_values_of_a_wrong_shape_are_refused_by_the_schema(mistake: str, binary: str) -> None:
    over, place = SHAPES[mistake]
    out, complaint = helm(merged(values_of("minimal"), over), binary=binary)

    assert out == ""
    assert "schema" in complaint
    assert place in complaint


def test_all_mistakes_are_told_together() -> None:
    over = {"replicas": 2, "keda": {"enabled": True}, "terminationGracePeriodSeconds": 1}
    _, complaint = helm(merged(values_of("minimal"), over))

    assert all(place in complaint for place in ("\nreplicas:", "\nkeda:", "\nterminationGracePeriodSeconds:"))


def test_the_files_of_values_are_of_every_kind() -> None:
    assert len(CI) >= 5
