"""`wirewatch users …`"""

import sys

import typer

from desk import show
from desk.context import JSON, YES, reading, writing
from desk.deeds import users as deeds
from storage import audit, users
from wire.errors import BadInput

app = typer.Typer(help="Who may sign in to the desk's pages and its API.", no_args_is_help=True)
NAME = typer.Argument(help="The user's name.")


@app.command()
def add(
    name: str = NAME,
    role: str = typer.Option("reader", help="reader looks; analyst also writes rules; operator does all."),
) -> None:
    """Let somebody sign in. The password is asked for, or read from the pipe.

    Example: wirewatch users add ada --role analyst
    """
    password = _password()
    with writing() as hand:
        user = deeds.add(hand, name, password, role)
        show.say(f"{user.name} may sign in as {user.role}.")


@app.command("list")
def list_users(as_json: bool = JSON) -> None:
    """All users with their roles.

    Example: wirewatch users list
    """
    with reading() as (session, _):
        counted = users.count_tokens(session)
        found = [
            {"name": one.name, "role": one.role, "tokens": counted.get(one.id or 0, 0), "added": one.created_at}
            for one in users.all_users(session)
        ]
    empty = "There is no user: whoever can reach this machine's own address may do everything. wirewatch users add NAME"
    show.rows(found, as_json=as_json, empty=empty)


@app.command()
def passwd(name: str = NAME) -> None:
    """Give a user a new password. Sessions under the former one end.

    Example: wirewatch users passwd ada
    """
    password = _password()
    with writing() as hand:
        deeds.set_password(hand, users.find(hand.session, name), password)
        show.say(f"{name} has a new password and signs in anew.")


@app.command()
def role(name: str = NAME, role: str = typer.Argument(help="reader, analyst or operator.")) -> None:
    """Give a user another role.

    Example: wirewatch users role ada operator
    """
    with writing() as hand:
        user = users.find(hand.session, name)
        deeds.set_role(hand, user, role)
        show.say(f"{name} is {user.role} now.")


@app.command()
def token(
    name: str = NAME,
    label: str = typer.Option("", help="What it is for."),
    revoke: int = typer.Option(0, min=0, help="Take the power of the token with this number instead."),
) -> None:
    """Make a token for a program of a user's: it goes into the header “Authorization: Bearer …”. Shown once.

    Example: wirewatch users token ada --label dashboard
    """
    with writing() as hand:
        user = users.find(hand.session, name)
        if revoke:
            mine = [row.id for row in users.tokens(hand.session) if row.user_id == user.id]
            if revoke not in mine or not users.remove_token(hand.session, revoke):
                raise BadInput(f"{name} has no token {revoke}. `wirewatch users tokens` shows them.")
            hand.note("revoked a token of", f"user {name}", after={"token": revoke})
            show.say(f"Token {revoke} opens nothing any more.")
            return
        print(deeds.make_token(hand, user, label))
    print("It is shown this once. `wirewatch users tokens` lists it, --revoke takes its power.", file=sys.stderr)


@app.command()
def tokens(as_json: bool = JSON) -> None:
    """All tokens: whose they are and what for, never what they are.

    Example: wirewatch users tokens
    """
    with reading() as (session, _):
        found = [
            {"id": row.id, "user": row.name, "role": row.role, "label": row.label, "made": row.created_at}
            for row in users.tokens(session)
        ]
    show.rows(found, as_json=as_json, empty="There is no token. Make one: wirewatch users token NAME")


@app.command()
def remove(name: str = NAME, yes: bool = YES) -> None:
    """Let somebody sign in no more; their tokens go too. What they did stays in the audit.

    Example: wirewatch users remove ada --yes
    """
    with writing() as hand:
        user = users.find(hand.session, name)
        if not yes:
            typer.confirm(f"Remove the user “{name}”?", abort=True)
        deeds.remove(hand, user)
        left = users.are_there_any(hand.session)
    warning = "" if left else " There is no user left: on this machine's own address everybody may do everything."
    show.say(f"{name} may sign in no more.{warning}")


def _password() -> str:
    """Typed twice unseen at a terminal, else one line of the pipe: never an argument, which others could see."""
    if sys.stdin.isatty():
        return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True))
    try:
        return sys.stdin.readline().rstrip("\n")
    except UnicodeDecodeError as error:
        raise BadInput("The password that came by the pipe is not UTF-8.") from error


def list_changes(
    limit: int = typer.Option(20, "--limit", "-n", min=1, max=100_000, help="At most so many."), as_json: bool = JSON
) -> None:
    """Who changed what, the newest first.

    Example: wirewatch audit
    """
    with reading() as (session, _):
        found = [one.model_dump() for one in audit.newest(session, limit=limit)]
    if not as_json:
        found = [{name: one[name] for name in ("id", "at", "who", "what", "about")} for one in found]
    show.rows(found, as_json=as_json, empty="Nobody changed anything yet.")
