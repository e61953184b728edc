"""Bringing a database's tables up to date, by Alembic's migrations."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection

from storage.database import MIGRATIONS
from wire.errors import BadInput


def upgrade(connection: Connection, to: str = "head") -> None:
    """Runs what migrations are missing, in the caller's transaction; up to one of them if it is named.

    Raises BadInput when the database was made by a newer program.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    at = MigrationContext.configure(connection).get_current_revision()
    try:
        ScriptDirectory.from_config(config).get_revision(at or "base")
    except CommandError as error:
        raise BadInput(f"The database is of a newer Wirewatch (revision {at}). Upgrade this program.") from error
    config.attributes["connection"] = connection
    command.upgrade(config, to)
