"""Imports go one way. This is the house of ARCHITECTURE.md as a test."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

HOUSE = Path(__file__).parents[1]
ROOMS = ("wire", "storage", "worker", "scheduler", "desk", "service", "settings")
MAY_IMPORT = {
    "wire": {"wire"},
    "storage": {"storage", "wire"},
    "worker": {"worker", "storage", "wire"},
    "scheduler": {"scheduler", "worker", "storage", "wire"},
    "desk": {"desk", "storage", "wire"},
    "service": set(ROOMS),
    "settings": {"wire"},
}
# The libraries that only one room knows.
ONLY_IN = {
    "feedparser": {"wire/entries.py"},
    "sqlalchemy": {"storage", "desk/context.py", "desk/commands/alerts.py", "desk/answers/alerts.py", "desk/web/door.py", "desk/web/problems.py", "worker/polling.py", "worker/process.py",
                   "scheduler/loop.py", "service/supervisor.py"},
    "alembic": {"storage"},
    "celery": {"worker/app.py", "worker/tasks.py", "service/processes/worker.py"},
    "aiohttp": {"worker", "service/samplewire.py", "service/processes/receiver.py"},
    "apprise": {"worker/apprised.py"},
    "aiosmtplib": {"worker/mail.py"},
    "fastapi": {"desk/web"},
    "starlette": {"desk/web"},
    "argon2": {"desk/access.py"},
    "itsdangerous": {"desk/web/visitor.py"},
    "prometheus_client": {"desk/metrics.py", "worker/figures.py", "scheduler/telemetry.py", "service/exposition.py"},
    "cryptography": {"storage/sealing.py"},
    "opentelemetry": {"worker/tracing.py"},
    "tomli_w": {"desk/portable.py"},
    "uvicorn": {"service/processes/desk.py"},
    "jinja2": {"wire/render.py"},
}  # fmt: skip


def imports(source: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield node.module or ""


def backward(room: str, source: str) -> list[str]:
    return [
        name for name in imports(source) if name.split(".")[0] in ROOMS and name.split(".")[0] not in MAY_IMPORT[room]
    ]


def files() -> list[Path]:
    return [path for room in ROOMS for path in (HOUSE / room).rglob("*.py")] + [HOUSE / "settings.py"]


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_room_imports_only_what_it_may(path: Path) -> None:
    room = path.relative_to(HOUSE).parts[0].removesuffix(".py")
    assert backward(room, path.read_text()) == []


@pytest.mark.parametrize("path", files(), ids=lambda path: str(path.relative_to(HOUSE)))
def test_a_library_is_known_where_it_belongs(path: Path) -> None:
    name = str(path.relative_to(HOUSE))
    for library in {one.split(".")[0] for one in imports(path.read_text())} & ONLY_IN.keys():
        assert any(name == place or name.startswith(f"{place}/") for place in ONLY_IN[library]), f"{name}: {library}"


@pytest.mark.parametrize(
    ("room", "source"),
    [
        ("wire", "from storage import items"),
        ("storage", "import worker.app"),
        ("worker", "from settings import read"),
        ("desk", "from worker import app"),
        ("scheduler", "import desk.show"),
    ],
)
def test_a_planted_backward_import_is_caught(room: str, source: str) -> None:
    assert backward(room, source)


def test_wire_touches_nothing() -> None:
    """No I/O, no clock, no dice of its own in the room of decisions."""
    forbidden = {"os", "pathlib", "socket", "subprocess", "random", "time", "logging", "requests", "sqlite3", "asyncio"}
    for path in (HOUSE / "wire").rglob("*.py"):
        tree = ast.parse(path.read_text())
        modules = {
            alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
        }
        assert not modules & forbidden, path
        assert "now()" not in path.read_text(), path
