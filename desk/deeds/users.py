"""What is done to users."""

from desk import access
from desk.hand import Hand
from storage import users
from storage.tables import User


def add(hand: Hand, name: str, password: str, role: str) -> User:
    """Somebody who may sign in. Raises BadInput."""
    user = users.add(hand.session, name, access.hashed(password), access.role(role), now=hand.now)
    hand.note("added", f"user {name}", after={"role": user.role})
    return user


def set_password(hand: Hand, user: User, password: str) -> None:
    """A new password; sessions under the former one are over. Raises BadInput."""
    users.set_password(user, access.hashed(password))
    hand.note("gave a new password to", f"user {user.name}")


def set_role(hand: Hand, user: User, role: str) -> None:
    """Another role, from the next request on. Raises BadInput."""
    before = user.role
    user.role = access.role(role)
    hand.note("changed", f"user {user.name}", {"role": before}, {"role": user.role})


def make_token(hand: Hand, user: User, label: str) -> str:
    """A token for a program of theirs. It is told once and never again."""
    token = access.new_token()
    users.add_token(hand.session, user, label, access.token_digest(token), now=hand.now)
    hand.note("made a token for", f"user {user.name}", after={"label": label})
    return token


def remove(hand: Hand, user: User) -> None:
    """They may sign in no more, nor may their programs."""
    hand.note("removed", f"user {user.name}", before={"role": user.role})
    users.remove(hand.session, user)
