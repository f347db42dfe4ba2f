"""The guard over the outputs of all tests (tests/support/private.py) sees what is private, wherever it is."""

import pytest

pytest_plugins = ["pytester"]
pytestmark = pytest.mark.reveals("shows that it is seen")
TESTS = """
import logging, subprocess, sys
import pytest

def test_on_stdout():
    print("sent to ann@example.com")

def test_on_stderr_of_a_process():
    code = "import sys; sys.stderr.write('+380501234567')"
    subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

def test_in_a_log():
    logging.getLogger("x").warning("refused planted-key-1")

def test_taken_from_the_capture(capsys):
    print("Олена")
    assert capsys.readouterr().out == "Олена\\n"

def test_in_what_a_fixture_wrote(speaking):
    pass

@pytest.fixture
def speaking():
    yield
    print("kept secret")

@pytest.mark.reveals("asked to")
def test_marked():
    print("ann@example.com")

def test_clean(capsys):
    print("order 12345 of 2025-01-31 at offset 380501234567890, 0.005380501234567 s, f380501234567a")
    capsys.readouterr()
"""


def test_private_data_in_any_output_fails_the_test_that_wrote_it(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(TESTS)
    done = pytester.runpytest_subprocess("-p", "tests.support.private", "-p", "no:randomly", "-n", "0", "-rA")

    done.assert_outcomes(passed=7, errors=5)
    done.stdout.fnmatch_lines_random(
        [
            "ERROR *::test_on_stdout*",
            "ERROR *::test_on_stderr_of_a_process*",
            "ERROR *::test_in_a_log*",
            "ERROR *::test_taken_from_the_capture*",
            "ERROR *::test_in_what_a_fixture_wrote*",
        ]
    )
    done.stdout.fnmatch_lines(["Captured stdout call: an e-mail, ann@example.com, in *"])
