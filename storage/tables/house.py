"""What the house keeps for itself."""

from datetime import datetime

from sqlmodel import Field, SQLModel

from storage.sealing import Sealed
from storage.tables.columns import UtcDateTime


class Canary(SQLModel, table=True):
    """A made-up story on its way through the whole pipe: when it was let in, and when it came out."""

    number: int = Field(primary_key=True)
    let_in_at: datetime = Field(sa_type=UtcDateTime)
    arrived_at: datetime | None = Field(default=None, sa_type=UtcDateTime)


class Counter(SQLModel, table=True):
    """A number that grows, by name: `rules` grows with every change of a rule, so that workers see it."""

    name: str = Field(primary_key=True)
    number: int = 0


class Setting(SQLModel, table=True):
    """What was made once and stays, by name."""

    name: str = Field(primary_key=True)
    value: str = Field(sa_type=Sealed, repr=False)


class Heartbeat(SQLModel, table=True):
    """When a process last showed that it does its work: the scheduler by a round, a worker by eating a task."""

    name: str = Field(primary_key=True)
    at: datetime = Field(sa_type=UtcDateTime)
    note: str = ""
