"""Kafka's TLS and SASL in the configuration: files of secrets, what is not here, and who is not asked."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from connector.errors import ConfigError
from connector.settings import Settings, load
from tests.cli.configs import config
from tests.support.tls import Certificates, make_certificates
from tests.support.tokens import Tokens


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


def read(folder: Path, properties: dict[str, Any], *, secrets: bool = True) -> Settings:
    file = config(folder)
    tree = yaml.safe_load(file.read_text())
    tree["kafka"]["properties"] = {"security.protocol": "SSL", **properties}
    file.write_text(yaml.safe_dump(tree))
    return load(file, {}, secrets=secrets)


def problems(folder: Path, properties: dict[str, Any]) -> list[str]:
    with pytest.raises(ConfigError) as refused:
        read(folder, properties)
    return list(refused.value.problems)


def test_keys_and_certificates_come_from_files_as_pem(certificates: Certificates, tmp_path: Path) -> None:
    names = ("ssl.key.pem", "ssl.certificate.pem")
    found = read(tmp_path, {f"{name}_file": str(certificates.client) for name in names})

    assert "BEGIN PRIVATE KEY" in found.kafka_client()["ssl.key.pem"]


def test_a_certificate_that_cannot_be_used_is_named(certificates: Certificates, tmp_path: Path) -> None:
    own, other = str(certificates.client), str(certificates.server)
    what = "cannot be read, or is not what is needed; mount the right file or correct it"

    assert problems(tmp_path, {"ssl.ca.location": "/nowhere/ca.pem"}) == [
        f"kafka.properties.ssl.ca.location: {what}"
    ]
    assert problems(tmp_path, {"ssl.certificate.location": own, "ssl.key.location": other}) == [
        f"kafka.properties.ssl.key.location: {what}"
    ]


def test_files_that_are_elsewhere_are_no_mistake_where_secrets_are_not_asked_for(tmp_path: Path) -> None:
    given = {"ssl.ca.location": "/nowhere/ca.pem", "ssl.key.pem_file": "/nowhere/key"}

    assert read(tmp_path, given, secrets=False).kafka.properties["ssl.ca.location"] == "/nowhere/ca.pem"


def test_reading_a_configuration_asks_no_identity_provider_for_a_token(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("planted-client-secret")
    with Tokens(tmp_path) as provider:
        sasl = {
            "security.protocol": "SASL_SSL",
            "sasl.mechanism": "OAUTHBEARER",
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": "crm-connector",
            "sasl.oauthbearer.client.secret_file": str(secret),
            "sasl.oauthbearer.token.endpoint.url": provider.url,
        }
        assert read(tmp_path, sasl).kafka_client()["sasl.oauthbearer.method"] == "oidc"
        assert provider.asked == 0
