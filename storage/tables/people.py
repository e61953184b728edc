"""Who may look and change, and who did."""

from datetime import datetime
from typing import Any, ClassVar

from sqlalchemy import JSON
from sqlmodel import Field, SQLModel

from storage.tables.columns import BigId, UtcDateTime


class User(SQLModel, table=True):
    """Somebody who signs in. `password` is an argon2 hash; sessions begun under a former `epoch` are over."""

    __tablename__: ClassVar[Any] = "desk_user"

    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(unique=True)
    password: str = Field(repr=False)
    role: str
    epoch: int = 1
    created_at: datetime = Field(sa_type=UtcDateTime)


class Token(SQLModel, table=True):
    """What a program signs in with. Only its SHA-256 is kept: a leaked database opens nothing."""

    __tablename__: ClassVar[Any] = "desk_token"

    id: int | None = Field(default=None, primary_key=True)
    user_id: int = Field(foreign_key="desk_user.id", index=True)
    label: str
    digest: str = Field(unique=True, repr=False)
    created_at: datetime = Field(sa_type=UtcDateTime)


class Change(SQLModel, table=True):
    """An audit line: who did what to which thing, and how it stood before and after. Secrets are left out."""

    id: int | None = Field(default=None, primary_key=True, sa_type=BigId)
    at: datetime = Field(sa_type=UtcDateTime)
    who: str
    what: str
    about: str
    before: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    after: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
