"""The `wirewatch` command, put together: the desk's commands look and set, the service's do work."""

import io
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from types import ModuleType

import typer

from desk import show
from desk.commands import alerts, channels, configuration, deliveries, feeds, items, lists, rules, users, watch
from desk.context import JSON, Desk, desk, sit_down
from service import opening
from settings import Settings, read
from storage import sealing
from storage.backup import back_up
from storage.database import Database
from wire.errors import BadInput, QueryError, WirewatchError
from wire.garbage import nothing_is_garbage
from wire.markup import harmless

app = typer.Typer(
    help="Watches news wires and tells you, within seconds and with the reason, when a story matters to you.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.add_typer(feeds.app, name="feeds")
app.add_typer(rules.app, name="rules")
app.add_typer(lists.app, name="lists")
app.add_typer(channels.app, name="channels")
app.add_typer(items.app, name="items")
app.add_typer(alerts.app, name="alerts")
app.add_typer(deliveries.app, name="deliveries")
app.add_typer(users.app, name="users")
app.command()(watch.status)
app.command()(watch.tail)
app.command("notices")(channels.list_notices)
app.command("audit")(users.list_changes)
app.command()(configuration.export)
app.command()(configuration.apply)
database_app = typer.Typer(help="The database itself.", no_args_is_help=True)
app.add_typer(database_app, name="db")


def _settings() -> Settings:
    return read(data=_given_data)


def _late(name: str) -> ModuleType:
    """What does more than look is loaded when it is asked for: a command that only looks is then there in a second."""
    with nothing_is_garbage():
        return import_module(f"service.{name}")


_given_data: Path | None = None


@app.callback()
def _root(
    context: typer.Context,
    data: Path = typer.Option(
        None, help="The folder of the database and the lock; else WIREWATCH_DATA, else your own."
    ),
) -> None:
    global _given_data  # noqa: PLW0603 -- what was typed before the command's name
    _given_data = data
    settings = _settings()
    desk_of_this = Desk(
        _open,
        settings.bounds,
        lambda url, headers: _late("commands").look_at(settings, url, headers),
        settings.pages,
    )
    sit_down(desk_of_this)
    context.call_on_close(desk_of_this.close)


def _open() -> Database:
    return opening.open_database(_settings())


@app.command("run")
def run_() -> None:
    """Run the whole service on this machine until Ctrl-C.

    Example: wirewatch --data ./data run
    """
    _late("run").run_service(_settings())


@app.command("demo")
def demo_(
    seconds: float = typer.Option(0, help="Stop by itself after so many seconds; 0 goes on until Ctrl-C."),
) -> None:
    """Run the whole service against a sample wire on this machine, with feeds, rules and alerts to look at.

    Example: wirewatch demo
    """
    _late("demo").run_demo(_given_data, seconds)


@app.command()
def scheduler() -> None:
    """Only the scheduler, for an installation of several machines.

    Example: wirewatch scheduler
    """
    _late("processes.scheduler").run(_settings())


@app.command()
def worker(
    queues: str = typer.Option("poll,read,deliver", help="Which queues it eats, with commas."),
    concurrency: int = typer.Option(2, "--concurrency", "-c", min=1, max=64, help="How many processes."),
) -> None:
    """Only a worker, for an installation of several machines.

    Example: wirewatch worker --queues deliver -c 1
    """
    settings = _settings()
    _late("exposition").share_with_children(settings)
    raise typer.Exit(_late("processes.worker").run(settings, queues.split(","), concurrency))


@app.command("desk")
def desk_() -> None:
    """Only the desk's web server, at WIREWATCH_DESK: the pages, the API, feeds of alerts, the health check.

    Example: wirewatch desk
    """
    _late("processes.desk").run(_settings())


@app.command()
def receiver() -> None:
    """Only the server that feeds' hubs call (WebSub), at WIREWATCH_RECEIVER.

    Example: wirewatch receiver
    """
    _late("processes.receiver").run(_settings())


@app.command(hidden=True)
def samplewire(port: int, every: float = typer.Option(4.0)) -> None:
    """The demo's wire, by itself."""
    _late("demo").serve_wire(port, every)


@app.command()
def doctor(as_json: bool = JSON) -> None:
    """Check settings, database, Redis, clock, disk, processes, feeds and channels, and say what to do.

    Example: wirewatch doctor
    """
    _late("doctor").examine(_settings(), as_json=as_json)


@database_app.command()
def upgrade() -> None:
    """Bring the database to this version. Every start does it too.

    Example: wirewatch db upgrade
    """
    show.say(f"{desk().database.safe_url} is up to date.")


@database_app.command("copy")
def copy_database(to: str = typer.Option(help="The other database, empty: postgresql://… or sqlite:///…")) -> None:
    """Copy all rows into another database, and count them there. Stop Wirewatch before.

    Example: wirewatch db copy --to postgresql://wirewatch@db.example/wirewatch
    """
    _late("commands").copy_database(desk().database, to)


@database_app.command()
def new_key() -> None:
    """Make a key for WIREWATCH_KEY, with which secrets are sealed in the database. Keep it apart from its copies.

    Example: wirewatch db new-key
    """
    print(sealing.new_key())


@database_app.command()
def seal(
    clear: bool = typer.Option(False, "--open", help="Write them in the clear: to do without a key from then on."),
) -> None:
    """Write every secret in the database anew, sealed with the first key of WIREWATCH_KEY. Stop Wirewatch before.

    To change the key, put a new one before it (NEW,OLD), run this, and leave the old one out.

    Example: wirewatch db seal
    """
    if not _settings().key:
        raise BadInput("There is no key in WIREWATCH_KEY. Make one with `wirewatch db new-key`.")
    with desk().database.writing() as session:
        count = sealing.reseal(session, seals=not clear)
    desk().database.vacuum()  # what stood there before stands in no page any more
    show.say(f"{count} secrets are {'in the clear' if clear else 'sealed'} now.")


@database_app.command("check")
def check_database() -> None:
    """Look through the whole database for damage.

    Example: wirewatch db check
    """
    if found := desk().database.check(thorough=True):
        raise BadInput(f"{desk().database.safe_url} is damaged: {found}. Restore a backup.")
    show.say(f"{desk().database.safe_url} is whole.")


@database_app.command()
def vacuum() -> None:
    """Give back the room of what was forgotten. SQLite needs as much free disk as the file is large, and some minutes.

    Example: wirewatch db vacuum
    """
    before, after = desk().database.vacuum()
    show.say(f"{desk().database.safe_url}: {before / 1e6:,.1f} MB before, {after / 1e6:,.1f} MB now.")


@app.command()
def backup(
    file: Path = typer.Argument(help="Where the copy goes, as wirewatch-backup.db."),
    replace: bool = typer.Option(False, "--replace", help="Write over a file that is there."),
) -> None:
    """Copy the database while everything runs, and look whether the copy is whole. To restore, put it in its place.

    Example: wirewatch backup wirewatch-backup.db
    """
    made = back_up(desk().database, file, replace=replace)
    rows = ", ".join(f"{name} {count:,}" for name, count in made.rows.items())
    show.say(f"{file}: {made.size / 1e6:,.1f} MB, and whole. Rows: {rows}.")


@items.app.command("import")
def import_(
    files: list[Path] = typer.Argument(help="Saved story pages, HTML or text."),
    url: str = typer.Option("", help="The page's address, where the page does not say it."),
    as_json: bool = JSON,
) -> None:
    """Keep stories from saved pages, as if they had been polled.

    Example: wirewatch items import story.html
    """
    _late("commands").import_items(_settings(), files, url, as_json=as_json)


@feeds.app.command()
def check(url: str = typer.Argument(help="The address of a feed."), as_json: bool = JSON) -> None:
    """Fetch an address once and show what a poll would see. Nothing is kept.

    Example: wirewatch feeds check https://menafn.com/rss/menafn_UAE.xml
    """
    _late("commands").check_feed(_settings(), url, as_json=as_json)


@channels.app.command()
def test(which: str = channels.WHICH) -> None:
    """Send a marked sample now and say what the other side said.

    Example: wirewatch channels test desk
    """
    _late("commands").test_channel(_settings(), which)


def main() -> None:
    """Does what was typed. Errors of a person's making are one sentence and exit status 1; 2 is wrong usage."""
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(line_buffering=True)  # into a pipe too: `wirewatch tail | grep …` must not lag
    try:
        _refuse_garbled(sys.argv)
        app()
    except WirewatchError as error:
        say_error(error)
        sys.exit(1)
    except BrokenPipeError:  # the reader of our pipe has left, as `head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _refuse_garbled(arguments: Sequence[str]) -> None:
    """Bytes that are no UTF-8 come as halves of characters, which no database takes."""
    for number, one in enumerate(arguments):
        if any("\ud800" <= sign <= "\udfff" for sign in one):
            raise BadInput(f"Argument {number} is not UTF-8: {harmless(one)}")


def say_error(error: WirewatchError) -> None:
    print(harmless(str(error)), file=sys.stderr)
    if isinstance(error, QueryError) and error.query and "\n" not in error.query:
        print(f"  {harmless(error.query)}\n  {' ' * error.position}^", file=sys.stderr)
