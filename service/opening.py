"""From settings to what a process opens: its database and its broker."""

from service import broker
from service.lock import make_folder
from settings import Settings
from storage import sealing, users
from storage.database import Database
from wire.address import with_password
from wire.errors import BadInput, DeliveryFailed
from worker.reveal import reveal


def redis_url(settings: Settings) -> str:
    """The Redis that was named, else the private one of the data folder. Raises BadInput."""
    if not settings.redis_url:
        return broker.url(settings.data)
    return with_password(settings.redis_url, _revealed("WIREWATCH_REDIS_PASSWORD", settings.redis_password))


def database_url(settings: Settings) -> str:
    """The database that was named, else the file in the data folder. Raises BadInput."""
    if not settings.database_url:
        return f"sqlite:///{settings.data / 'wirewatch.db'}"
    return with_password(settings.database_url, _revealed("WIREWATCH_DATABASE_PASSWORD", settings.database_password))


def _revealed(name: str, written: str) -> str:
    try:
        return reveal(written)
    except DeliveryFailed as error:
        raise BadInput(f"{name}: {error}") from error


def host_and_port(address: str) -> tuple[str, int]:
    """`127.0.0.1:8470` or `[::1]:8470` as a server is told it."""
    host, _, port = address.rpartition(":")
    return host.strip("[]"), int(port)


def open_database(settings: Settings) -> Database:
    """The database, there and up to date."""
    if not settings.database_url:
        make_folder(settings.data)
    sealing.use(_revealed("WIREWATCH_KEY", settings.key))
    database = Database(database_url(settings))
    database.upgrade()
    with database.reading() as session:
        sealing.check(session)
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
