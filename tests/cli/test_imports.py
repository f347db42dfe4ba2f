"""What a start loads: nothing that it has no use for. Told by what is loaded, not by the clock."""

import subprocess
import sys

import pytest

LIBRARIES = {
    "asyncio", "authlib", "confluent_kafka", "cryptography", "fastavro", "httpx2", "joserfc", "opentelemetry",
    "prometheus_client", "psycopg", "pydantic", "rich", "starlette", "structlog", "uvicorn", "uvloop", "yaml",
}  # fmt: skip
OTHERS = {
    "authlib", "cryptography", "httpx2", "joserfc", "opentelemetry", "phonenumbers", "psycopg",
    "psycopg_pool", "rich",
}  # fmt: skip
"""A proxy's, a PostgreSQL ledger's, a table's, tracing's, and what only libraries ask for."""


def loaded(program: str) -> set[str]:
    """The modules that a program has loaded at its end."""
    told = f"{program}\nimport sys; print('\\n' + ' '.join(sys.modules))"
    done = subprocess.run([sys.executable, "-c", told], check=True, stdout=subprocess.PIPE, text=True)
    return set(done.stdout.splitlines()[-1].split())


@pytest.mark.parametrize(
    "program", ["import connector.cli", "from connector.cli import call; call(['--help'])"]
)
def test_the_package_and_its_help_load_no_library_but_that_of_the_command_line(program: str) -> None:
    modules = loaded(program)

    assert modules & LIBRARIES == set()
    assert "connector.wiring" not in modules


def test_run_loads_nothing_of_what_only_others_need() -> None:
    modules = loaded("import connector.cli, connector.wiring.run")

    assert "connector.adapters.kafka_source" in modules
    assert modules & OTHERS == set()


def test_rich_is_still_there_for_tables_after_structlog_was_loaded_without_it() -> None:
    assert "rich" in loaded("import connector.adapters.logs, rich")
