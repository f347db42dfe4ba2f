"""A Kafka with a listener for each way in: TLS, mutual TLS, and SASL by PLAIN, SCRAM or OAUTHBEARER."""

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._scram import ScramCredentialInfo, ScramMechanism, UserScramCredentialUpsertion

from tests.support.kafka_node import free_ports
from tests.support.local_kafka import LocalKafka
from tests.support.tls import Certificates, make_certificates
from tests.support.tokens import AUDIENCE, CLIENT, CLIENT_SECRET, Tokens

Way = Literal["tls", "mtls", "plain", "scram", "oauth"]
USER, PASSWORD = "connector", "planted-kafka-password"
_MODULE: Final = "org.apache.kafka.common.security"
_VALIDATOR: Final = "OAuthBearerValidatorCallbackHandler"
_PROTOCOLS: Final = {"TLS": "SSL", "MTLS": "SSL", "SASL": "SASL_SSL"}
_SASL: Final = "listener.name.sasl."
_OAUTH: Final = f"{_SASL}oauthbearer.sasl."


@dataclass(frozen=True)
class SecureKafka:
    """Addresses by listener (OPEN needs nothing), the certificates of its authority, who gives out tokens."""

    addresses: dict[str, str]
    certificates: Certificates
    token_url: str

    def properties(self, way: Way) -> dict[str, str]:
        """What a client needs that comes in by this way."""
        listener = {"tls": "TLS", "mtls": "MTLS"}.get(way, "SASL")
        common = {
            "bootstrap.servers": self.addresses[listener],
            "security.protocol": _PROTOCOLS[listener],
            "ssl.ca.location": str(self.certificates.authority),
        }
        return common | self._own(way)

    def _own(self, way: Way) -> dict[str, str]:
        client = str(self.certificates.client)
        login = {"sasl.username": USER, "sasl.password": PASSWORD}
        token = {
            "sasl.oauthbearer.method": "oidc",
            "sasl.oauthbearer.client.id": CLIENT,
            "sasl.oauthbearer.client.secret": CLIENT_SECRET,
            "sasl.oauthbearer.token.endpoint.url": self.token_url,
        }
        return {
            "tls": {},
            "mtls": {"ssl.certificate.location": client, "ssl.key.location": client},
            "plain": {"sasl.mechanism": "PLAIN", **login},
            "scram": {"sasl.mechanism": "SCRAM-SHA-512", **login},
            "oauth": {"sasl.mechanism": "OAUTHBEARER", **token},
        }[way]

    def let_in(self, user: str, password: str) -> None:
        """By SCRAM."""
        info = ScramCredentialInfo(ScramMechanism.SCRAM_SHA_512, 4096)
        admin = AdminClient({"bootstrap.servers": self.addresses["OPEN"]})
        new = UserScramCredentialUpsertion(user, info, password.encode())
        for done in admin.alter_user_scram_credentials([new]).values():
            done.result(30)


def start_secure_kafka(cleanup: ExitStack) -> SecureKafka:
    """Started; `cleanup` ends it. Raises KafkaUnavailableError."""
    folder = Path(cleanup.enter_context(tempfile.TemporaryDirectory(prefix="crm-connector-secure-")))
    certificates, tokens = make_certificates(folder), cleanup.enter_context(Tokens(folder))
    ports = dict(zip(_PROTOCOLS, free_ports(len(_PROTOCOLS)), strict=True))
    allowed = f"-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={tokens.keys.as_uri()}"
    kafka = LocalKafka(more=_settings(ports, certificates, tokens), jvm=[allowed])
    cleanup.callback(kafka.close)
    kafka.start()
    addresses = {"OPEN": kafka.bootstrap} | {name: f"127.0.0.1:{port}" for name, port in ports.items()}
    made = SecureKafka(addresses, certificates, tokens.url)
    made.let_in(USER, PASSWORD)
    return made


def _settings(ports: dict[str, int], certificates: Certificates, tokens: Tokens) -> dict[str, str]:
    listeners = ",".join(f"{name}://127.0.0.1:{port}" for name, port in ports.items())
    plain = f'required user_{USER}="{PASSWORD}";'
    return {
        "listeners": listeners,
        "advertised.listeners": listeners,
        "listener.security.protocol.map": ",".join(f"{name}:{one}" for name, one in _PROTOCOLS.items()),
        "ssl.keystore.type": "PEM",
        "ssl.keystore.location": str(certificates.server),
        "ssl.truststore.type": "PEM",
        "ssl.truststore.location": str(certificates.authority),
        "listener.name.mtls.ssl.client.auth": "required",
        f"{_SASL}sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512,OAUTHBEARER",
        f"{_SASL}plain.sasl.jaas.config": f"{_MODULE}.plain.PlainLoginModule {plain}",
        f"{_SASL}scram-sha-512.sasl.jaas.config": f"{_MODULE}.scram.ScramLoginModule required;",
        f"{_OAUTH}jaas.config": f"{_MODULE}.oauthbearer.OAuthBearerLoginModule required;",
        f"{_OAUTH}server.callback.handler.class": f"{_MODULE}.oauthbearer.{_VALIDATOR}",
        f"{_OAUTH}oauthbearer.jwks.endpoint.url": tokens.keys.as_uri(),
        f"{_OAUTH}oauthbearer.expected.audience": AUDIENCE,
    }
