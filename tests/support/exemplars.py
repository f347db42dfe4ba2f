"""What stands beside the buckets of histograms for those who ask for OpenMetrics."""

from prometheus_client import CollectorRegistry
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.openmetrics.parser import text_string_to_metric_families
from prometheus_client.samples import Exemplar


def exemplars(registry: CollectorRegistry, name: str) -> dict[str, Exemplar]:
    """By the bucket's upper bound."""
    text = generate_latest(registry).decode()  # type: ignore[no-untyped-call] # it has no types
    families = text_string_to_metric_families(text)  # type: ignore[no-untyped-call] # as above
    samples = [sample for family in families if family.name == name for sample in family.samples]
    return {sample.labels["le"]: sample.exemplar for sample in samples if sample.exemplar}
