"""From settings to what a process opens: its database and its broker."""

from service import broker
from service.lock import make_folder
from settings import Settings
from storage import users
from storage.database import Database
from wire.errors import BadInput


def redis_url(settings: Settings) -> str:
    """The Redis that was named, else the private one of the data folder."""
    return settings.redis_url or broker.url(settings.data)


def host_and_port(address: str) -> tuple[str, int]:
    """`127.0.0.1:8470` or `[::1]:8470` as a server is told it."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def open_database(settings: Settings) -> Database:
    """The database, there and up to date."""
    if not settings.database_url:
        make_folder(settings.data)
    database = Database(settings.database)
    database.upgrade()
    return database


def mind_who_comes(settings: Settings, database: Database) -> None:
    """Others can reach it only where it asks who they are. Raises BadInput."""
    with database.reading() as session:
        known = users.are_there_any(session)
    if not known and not settings.desk_is_local:
        where = (
            f"WIREWATCH_DESK={settings.desk}" if not settings.desk_url else f"WIREWATCH_DESK_URL={settings.desk_url}"
        )
        raise BadInput(
            f"{where} is reached by others, so there must be users first: wirewatch users add NAME --role operator"
        )
