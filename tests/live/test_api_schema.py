"""The API against its own description: schemathesis asks every operation for what is allowed, and for what is not."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from desk.web.app import make_app
from storage.database import Database
from tests.desk.clients import add_users, as_token
from tests.desk.site import site
from tests.helpers import NOON, Clock, item
from tests.live.desk import served
from tests.world import World

THOROUGH = bool(os.environ.get("THOROUGH"))
# What it thinks up beside the examples takes minutes: THOROUGH=1 asks for that, before a change of the API lands.
ASKED = ["examples,coverage,fuzzing", "--max-examples", "30"] if THOROUGH else ["examples"]
# What a description of types cannot say (is this a query, a time, an address?) is answered with 422, and its reason.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "412", "422", "502"]
"""


@pytest.fixture
def database(request: pytest.FixtureRequest) -> Iterator[Database]:
    """Thoroughly the stricter of the two: it keeps no NUL, and its numbers end."""
    found: Database = request.getfixturevalue("postgresql" if THOROUGH else "one_database")
    yield found
    found.dispose()


def test_every_operation_keeps_to_the_description(
    world: World, database: Database, clock: Clock, tmp_path: Path
) -> None:
    world.rule("Fastiv", name="fastiv")
    world.feed("/a.xml", item(1110448134, "Fastiv"))
    world.run()
    add_users(database, NOON)
    app = make_app(site(database, clock))
    program = as_token(app, database, "operator", NOON)
    (tmp_path / "schemathesis.toml").write_text(CONFIG)
    with served(app) as address:
        asked = [
            sys.executable, "-m", "schemathesis.cli", "--config-file", f"{tmp_path}/schemathesis.toml",
            "run", f"{address}/api/v1/openapi.json",
            "--header", f"Authorization: {program.headers['authorization']}",
            "--exclude-path", "/api/v1/stream",  # it never ends, by its nature; tests/desk/test_stream.py has it
            "--phases", *ASKED, "--seed", "7", "--no-color",
            "--generation-database", "none",
        ]  # fmt: skip
        done = subprocess.run(asked, capture_output=True, text=True, timeout=900, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
