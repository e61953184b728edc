"""Who may sign in: people with a password, their programs with tokens. Hashes alone are kept."""

import secrets
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, delete, func, select, update
from sqlmodel import Session, col
from sqlmodel import select as select_model

from storage.database import insert
from storage.tables import Setting, Token, User, table
from wire.errors import BadInput, NotThere, Taken

USER = table(User)
TOKEN = table(Token)
SETTING = table(Setting)
_EPOCHS = 2**30


def add(session: Session, name: str, password: str, role: str, *, now: datetime) -> User:
    """A new user; `password` is its hash. Raises BadInput when the name is taken or no name."""
    if not name.isprintable() or not name.strip() or len(name) > 60:  # noqa: PLR2004 -- it stands in audit lines
        raise BadInput("A user's name is up to sixty printable characters.")
    if session.exec(select_model(User).where(User.name == name)).first():
        raise Taken(f"There is a user “{name}” already.")
    # A number can be given anew to the next user: sessions of a former one must not become theirs.
    first = secrets.randbelow(_EPOCHS)
    user = User(name=name, password=password, role=role, epoch=first, created_at=now)
    session.add(user)
    session.flush()
    return user


def find(session: Session, name: str) -> User:
    """The user of this name. Raises BadInput."""
    user = named(session, name)
    if user is None:
        raise NotThere(f"No user is “{name}”. `wirewatch users list` shows them.")
    return user


def named(session: Session, name: str) -> User | None:
    """The user of this name, if there is one."""
    return session.exec(select_model(User).where(User.name == name)).one_or_none()


def by_id(session: Session, user_id: int) -> User | None:
    """The user of this number, if there is one still."""
    return session.get(User, user_id)


def all_users(session: Session) -> Sequence[User]:
    return session.exec(select_model(User).order_by(col(User.name))).all()


def are_there_any(session: Session) -> bool:
    return session.execute(select(USER.c.id).limit(1)).first() is not None


def end_sessions(session: Session, user_id: int) -> None:
    """All sessions of a user begun before now are over."""
    session.execute(update(USER).where(USER.c.id == user_id).values(epoch=USER.c.epoch + 1))


def set_password(user: User, password: str) -> None:
    """A new password's hash; sessions under the former one are over."""
    user.sqlmodel_update({"password": password, "epoch": user.epoch + 1})


def remove(session: Session, user: User) -> None:
    """The user and all tokens are gone; what they did stays in the audit."""
    session.execute(delete(TOKEN).where(TOKEN.c.user_id == user.id))
    session.delete(user)


def add_token(session: Session, user: User, label: str, digest: str, *, now: datetime) -> None:
    """A token by its digest."""
    session.add(Token(user_id=user.id or 0, label=label, digest=digest, created_at=now))
    session.flush()


def by_token(session: Session, digest: str) -> User | None:
    """Whose token this is, if anybody's."""
    return session.exec(
        select_model(User).join(Token, col(Token.user_id) == col(User.id)).where(Token.digest == digest)
    ).one_or_none()


def tokens(session: Session) -> Sequence[Row[Any]]:
    """All tokens, with their user's name and role, oldest first; never what they are."""
    columns = (TOKEN.c.id, TOKEN.c.user_id, TOKEN.c.label, TOKEN.c.created_at, USER.c.name, USER.c.role)
    return session.execute(select(*columns).join(USER, USER.c.id == TOKEN.c.user_id).order_by(TOKEN.c.id)).all()


def remove_token(session: Session, token_id: int) -> bool:
    """Takes a token's power; whether there was one."""
    return session.execute(delete(TOKEN).where(TOKEN.c.id == token_id).returning(TOKEN.c.id)).first() is not None


def count_tokens(session: Session) -> dict[int, int]:
    """How many tokens each user has, by user id."""
    rows = session.execute(select(TOKEN.c.user_id, func.count().label("tokens")).group_by(TOKEN.c.user_id))
    return {row.user_id: row.tokens for row in rows}


def key(session: Session, name: str, made: str) -> str:
    """A secret of the house by its name; `made` is kept when there was none."""
    statement = insert(session, SETTING).values(name=name, value=made)
    session.execute(statement.on_conflict_do_nothing(index_elements=["name"]))
    return str(session.execute(select(SETTING.c.value).where(SETTING.c.name == name)).scalar_one())
