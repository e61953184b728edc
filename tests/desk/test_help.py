"""Every command's help shows an example, and every example runs."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.core import TyperGroup

from service import main
from storage import sealing
from storage.database import Database
from tests.conftest import ON
from tests.desk.conftest import Run
from tests.helpers import Server, item, rss
from tests.world import World

PAGE = Path(__file__).parents[1] / "pages" / "port.txt"
# These run until they are stopped; tests/live has them.
ENDLESS = {"run", "demo", "scheduler", "worker", "desk", "receiver"}
# What another command needs to be there first, or must be gone before.
LAST = ("remove", "revoke")


def commands(group: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(group, TyperGroup):
        for name, one in group.commands.items():
            yield from commands(one, (*path, name))
    elif not group.hidden:
        yield path, group


ALL = dict(commands(typer.main.get_command(main.app)))


@pytest.mark.parametrize("path", ALL, ids=" ".join)
def test_every_commands_help_shows_an_example_of_itself(path: tuple[str, ...]) -> None:
    example = example_of(path)
    assert example[: len(path)] == list(path) or path[0] in ENDLESS
    for option in ALL[path].params:
        assert getattr(option, "help", "") or not option.opts or option.name == "as_json", option.name


def example_of(path: tuple[str, ...]) -> list[str]:
    found = re.search(r"Example: wirewatch (.+)", ALL[path].help or "")
    assert found, f"{' '.join(path)} shows no example"
    words = shlex.split(found[1])
    return words[: words.index(">")] if ">" in words else words


@pytest.fixture
def database(one_database: Database) -> Database:
    return one_database


@pytest.mark.usefixtures("no_key_afterwards")
def test_every_example_runs(
    world: World, server: Server, cli: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One after the other in one installation, those that take something away at the end."""
    monkeypatch.setenv("WIREWATCH_KEY", sealing.new_key())
    world.rule("Fastiv", name="fastiv")
    world.feed("/menafn_UAE.xml", item(1110448134, "Drones over Fastiv", "The power grid of Ukraine."))
    world.run()
    (tmp_path / "story.html").write_text(PAGE.read_text())
    (tmp_path / "subscriptions.opml").write_text('<opml><body><outline xmlUrl="https://x.example/f"/></body></opml>')
    (tmp_path / "wirewatch.toml").write_text("")
    server.pages["/rss/menafn_UAE.xml"] = rss(item(1110448135, "More"))
    cli("users", "add", "ada", typed="correct horse\n")
    cli("channels", "add", "desk", "log")
    cli("channels", "add", "log", "log")
    cli("rules", "change", "fastiv", "--to", "desk")
    cli("lists", "set", "zelensky", "Zelensky")
    order = sorted(ALL, key=lambda path: (path[-1] in LAST, path[-1] == "remove"))
    for path in order:
        if path[-1] in ENDLESS or path == ("doctor",) or (path == ("backup",) and ON == "postgresql"):
            continue
        words = [word.replace("https://menafn.com", server.base) for word in example_of(path)]
        words = ["sqlite:///other.db" if word.startswith("postgresql://") else word for word in words]
        if path[-1] == "add":
            words = made_new(words)
        elif path == ("tail",):
            words += ["--rounds", "1"]
        cli(*words, typed="correct horse\ncorrect horse\n")


def made_new(words: list[str]) -> list[str]:
    """The same example for a thing of another name: its own is there already."""
    return [{"fastiv": "another", "desk": "another", "ada": "another"}.get(word, word) for word in words]


def test_completion_is_offered(cli: Run) -> None:
    assert "--install-completion" in cli("--help").output
