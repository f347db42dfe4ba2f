"""The ledger over TLS, on a real PostgreSQL that asks for a client's certificate beside the password."""

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from connector.adapters.ledger_postgres_link import Link
from connector.errors import LedgerDown
from tests.support.postgres import LocalPostgres, NoPostgresError
from tests.support.required import POSTGRES
from tests.support.tls import Certificates, make_certificates

pytestmark = pytest.mark.postgres


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    made = make_certificates(tmp_path_factory.mktemp("tls"))
    made.client.chmod(0o600)
    return made


@pytest.fixture(scope="module")
def server(certificates: Certificates) -> Iterator[str]:
    """The address of one that knows these certificates."""
    try:
        local = LocalPostgres()
        try:
            local.demand_tls(certificates)
            local.start()
            yield f"{local.url}?sslmode=verify-full"
        finally:
            local.close()
    except NoPostgresError as error:
        POSTGRES.without(str(error))


def told(url: str) -> list[tuple[bool, str]]:
    """Whether the connection is encrypted, and whose certificate was shown."""
    with closing(Link(lambda: url, 4.0)) as link, link.connection() as connection:
        found = connection.execute(
            "SELECT ssl, client_dn FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
        ).fetchall()
        return [(bool(ssl), str(name)) for ssl, name in found]


def own(certificates: Certificates) -> str:
    return f"&sslcert={certificates.client}&sslkey={certificates.client}"


def test_both_sides_show_their_certificates(server: str, certificates: Certificates) -> None:
    url = f"{server}&sslrootcert={certificates.authority}{own(certificates)}"

    assert told(url) == [(True, "/CN=client")]


@pytest.mark.parametrize(
    ("authority", "client", "password", "line"),
    [
        ("strange", True, "kept%20secret", "SSL error: .*; see sslmode, sslrootcert"),
        ("right", False, "kept%20secret", "requires a valid client certificate; see sslmode, sslroot"),
        ("right", True, "planted-wrong", "password authentication failed .*; put user and password"),
        ("none", True, "kept%20secret", "root certificate file"),
    ],
)
def test_what_is_wrong_is_one_line_without_a_secret(
    server: str, certificates: Certificates, tmp_path: Path, authority: str, client: bool, password: str,
    line: str,
) -> None:  # fmt: skip
    roots = {"right": certificates.authority, "strange": make_certificates(tmp_path).authority}
    url = server.replace("kept%20secret", password) + (own(certificates) if client else "&sslcert=/none")
    url += f"&sslrootcert={roots.get(authority, tmp_path / 'none')}"
    with pytest.raises(LedgerDown, match=rf"^ledger 127\.0\.0\.1:\d+/postgres: .*{line}") as caught:
        told(url)

    assert "\n" not in str(caught.value)
    assert "kept" not in str(caught.value)
    assert "planted" not in str(caught.value)
