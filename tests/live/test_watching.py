"""What is said for watching, as watchers read it: Prometheus itself, promtool, and a reader of log lines."""

import json
import random
import shutil
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from desk import access
from service.samplewire import SampleWire, make_app
from storage import users
from tests.conftest import missing
from tests.helpers import free_port, free_ports, serving, wait_until
from tests.live.service import Service

pytestmark = pytest.mark.live

DEPLOY = Path(__file__).parents[2] / "deploy"
PROMETHEUS = DEPLOY / "prometheus"
DASHBOARD = DEPLOY / "grafana" / "dashboards" / "wirewatch.json"


def tool(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        missing(name)
    return str(found)


def queries() -> list[tuple[str, str]]:
    """What the dashboard asks, by the panels' titles."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel["targets"]]


class Prometheus:
    """The real one, on the installation's own configuration with this machine's addresses in it."""

    def __init__(self, folder: Path, targets: dict[str, list[str]], token: str) -> None:
        self._port = free_port()
        told = yaml.safe_load((PROMETHEUS / "prometheus.yml").read_text())
        told["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        told["rule_files"] = [str(PROMETHEUS / name) for name in told["rule_files"]]
        for job in told["scrape_configs"]:
            job.pop("dns_sd_configs", None)
            job["static_configs"] = [{"targets": targets[job["job_name"]]}]
            if "authorization" in job:
                job["authorization"]["credentials_file"] = str(folder / "token")
        (folder / "token").write_text(token)
        (folder / "prometheus.yml").write_text(yaml.safe_dump(told))
        with (folder / "prometheus.log").open("wb") as log:
            self.process = subprocess.Popen(
                [
                    tool("prometheus"),
                    f"--config.file={folder}/prometheus.yml",
                    f"--storage.tsdb.path={folder}/tsdb",
                    f"--web.listen-address=127.0.0.1:{self._port}",
                ],
                stdout=log,
                stderr=log,
            )

    def ask(self, what: str, **how: str) -> Any:
        try:
            with urllib.request.urlopen(
                f"http://127.0.0.1:{self._port}/api/v1/{what}?{urllib.parse.urlencode(how)}", timeout=10
            ) as answer:
                return json.load(answer)["data"]
        except OSError:
            return {}

    def has(self, query: str) -> bool:
        return bool(self.ask("query", query=query).get("result"))

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(20)


@pytest.fixture
def service(tmp_path: Path, named_database: str) -> Iterator[Service]:
    wire = SampleWire(random.Random(3))
    with serving(make_app(wire)) as port:
        found = Service(tmp_path, wire, port, desk=f"127.0.0.1:{free_port()}", canary="6s", database_url=named_database)
        yield found
        found.stop()
        print(found.log.read_text() if found.log.exists() else "")


def test_prometheus_finds_all_that_the_dashboard_asks_for(service: Service, tmp_path: Path) -> None:
    tool("prometheus")
    first = free_ports(3)
    service.told_more = {"WIREWATCH_METRICS": f"127.0.0.1:{first}", "WIREWATCH_LOG_FORMAT": "json"}
    service.set_up()
    with service.database.writing() as session:
        now, token = datetime.now(UTC), access.new_token()
        watcher = users.add(session, "prometheus", access.hashed("what nobody types"), "reader", now=now)
        users.add_token(session, watcher, "scrape", access.token_digest(token), now=now)
    service.publish(8)
    service.start()
    wait_until(lambda: service.told() == service.truth(), 60, "all is told")
    at = [f"127.0.0.1:{first + place}" for place in range(3)]
    prometheus = Prometheus(tmp_path, {"desk": [service.desk], "scheduler": at[:1], "worker": at[1:]}, token)
    try:
        wait_until(lambda: prometheus.has("sum(up) == 4"), 60, "all four processes answer")
        service.publish(3)
        asked = queries()
        assert len(asked) > 20
        for title, query in asked:
            wait_until(lambda query=query: prometheus.has(query), 60, f"{title}: {query}")  # type: ignore[misc]
        assert not prometheus.has('wirewatch_told_stories_total{outcome="new"} > 11'), "the canary is nobody's news"
        rules = [rule for group in prometheus.ask("rules")["groups"] for rule in group["rules"]]
        assert {rule["health"] for rule in rules} == {"ok"}
    finally:
        prometheus.stop()

    lines = [json.loads(line) for line in service.log.read_text().splitlines() if line.startswith("{")]
    story = service.wire.inbox[0]["story"]["identity"]
    trail = [line["said"] for line in lines if line.get("story") == story]
    assert " met rule " in trail[0]
    assert any("was told to inbox" in said for said in trail[1:])


def test_every_alert_fires_when_it_should_and_not_before() -> None:
    told = subprocess.run(
        [tool("promtool"), "test", "rules", "alerts.test.yml"],
        cwd=PROMETHEUS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    groups = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    named = {rule["alert"] for group in groups for rule in group["rules"]}
    cases = yaml.safe_load((PROMETHEUS / "alerts.test.yml").read_text())["tests"]
    fired = {one["alertname"] for case in cases for one in case["alert_rule_test"] if one["exp_alerts"]}
    silent = {one["alertname"] for case in cases for one in case["alert_rule_test"] if not one["exp_alerts"]}
    assert fired == silent == named


def test_the_configuration_is_what_prometheus_reads() -> None:
    told = subprocess.run(
        [tool("promtool"), "check", "config", "--syntax-only", "prometheus.yml"],
        cwd=PROMETHEUS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
