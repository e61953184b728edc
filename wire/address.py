"""What may be an address, and how two of them compare. No lookups: names are only read here."""

import re
from base64 import b64encode
from urllib.parse import quote, unquote, urljoin, urlsplit

import idna

from wire.errors import BadInput
from wire.markup import line

# Browsers and servers give up near here; a longer one is data in disguise.
LONGEST = 2_000
# What stands in addresses unescaped (RFC 3986, section 2.2 and 2.3) or is an escape already; the rest is escaped, so
# that an address of any script is as long in bytes as in letters.
_AS_IT_IS = ":/?#[]@!$&'()*+,;=%~"


def escaped(address: str) -> str:
    """An address with all escaped that may not stand in one. A header's bytes that are no UTF-8 stay what they were.

    A host beyond ASCII is written as it is looked up (RFC 5891). Raises ValueError where that cannot be, and where it
    holds half a character, which no server can have sent.
    """
    if not address.isascii() and not (parts := urlsplit(address)).netloc.isascii():
        login, at, host = parts.netloc.rpartition("@")
        name, colon, port = host.partition(":")
        looked_up = idna.encode(name, uts46=True).decode()
        address = parts._replace(netloc=f"{login}{at}{looked_up}{colon}{port}").geturl()
    return quote(address.encode("utf-8", "surrogateescape"), safe=_AS_IT_IS)


def absolute(base: str, link: str) -> str:
    """A link made absolute against `base`; nothing for what is not http(s), as `javascript:`."""
    try:
        joined = escaped(urljoin(base, line(link))) if link.strip() else ""
        usable = urlsplit(joined).scheme in ("http", "https")
    except ValueError:  # `http://[broken`
        return ""
    return joined if usable and len(joined) <= LONGEST else ""


def checked(url: str) -> str:
    """A web address a person gave, tidied. Raises BadInput saying what is wrong with it."""
    given = url.strip()
    try:
        parts = urlsplit(given)
        host = parts.hostname
        _ = parts.port
    except ValueError as error:
        raise BadInput(f"“{line(given)[:200]}” is no web address: {error}.") from error
    if parts.scheme not in ("http", "https") or not host:
        raise BadInput(f"“{line(given)[:200]}” is no web address. Give one that starts with http:// or https://.")
    if len(given) > LONGEST or any(blank in given for blank in " \t\r\n"):
        raise BadInput(f"The address is too long or holds blanks; at most {LONGEST} characters without blanks.")
    tidied = parts._replace(scheme=parts.scheme.lower(), fragment="").geturl()
    try:
        return tidied if host.isascii() else escaped(tidied)
    except ValueError as error:
        raise BadInput(f"“{line(given)[:200]}” is no web address: no host is called so.") from error


def split_login(url: str) -> tuple[str, str]:
    """(the address without it, `user:password`) of an address that holds a login; nothing where it holds none."""
    parts = urlsplit(url)
    login, at, host = parts.netloc.rpartition("@")
    return (parts._replace(netloc=host).geturl(), unquote(login)) if at else (url, "")


def with_password(url: str, password: str) -> str:
    """The address of a server with this password in it; as it is where there is none."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    user = login.partition(":")[0]
    return parts._replace(netloc=f"{user}:{quote(password, safe='')}@{host}").geturl() if password else url


def is_usual(url: str) -> bool:
    """Whether an address a server gave can be kept as it is: of usual length, without a login and a fragment."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return 0 < len(url) <= LONGEST and url.isprintable() and not parts.fragment and "@" not in parts.netloc


def shown(url: str) -> str:
    """An address for a message: without login, query and fragment, which may hold secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "a broken address"
    return line(parts._replace(netloc=parts.netloc.rpartition("@")[2], query="", fragment="").geturl())[:200]


# What makes the request itself, which is ours to say.
_OURS = frozenset(
    {
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "accept-encoding",
        "if-none-match",
        "if-modified-since",
    }
)
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}")


def header(written: str) -> tuple[str, str]:
    """A header as a person types it, `Name: value`. Raises BadInput saying what is wrong, without its value."""
    name, colon, value = (part.strip() for part in written.partition(":"))
    if not colon or not _HEADER_NAME.fullmatch(name) or not value:
        raise BadInput("A header is written as “Name: value”.")
    if name.lower() in _OURS:
        raise BadInput(f"The header {name} is Wirewatch's own to send.")
    if not value.isascii() or not value.isprintable() or len(value) > LONGEST:
        raise BadInput(f"The value of the header {name} must be one line of ASCII.")
    return name, value


def basic_login(login: str) -> tuple[str, str]:
    """`user:password` as a header (RFC 7617). Raises BadInput."""
    user, colon, _ = login.partition(":")
    if not colon or not user or not login.isprintable():
        raise BadInput("A login is written as user:password.")
    return "Authorization", f"Basic {b64encode(login.encode()).decode()}"


def host_of(url: str) -> str:
    """The host of an address, in lower case, with its port where it is not the scheme's own."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.hostname or ''}{port}"


def is_loopback(host: str) -> bool:
    """Whether a host's name is one of this machine's own, reached from nowhere else."""
    name = host.strip("[]").rpartition(":")[0] if host.count(":") == 1 else host.strip("[]")
    return name in ("localhost", "::1") or re.fullmatch(r"127(?:\.\d{1,3}){3}", name) is not None


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are of one publisher, as far as names tell: the ends of their hosts agree."""
    first, second = (_site(host_of(url).partition(":")[0]) for url in (one, other))
    return first == second != ""


def _site(host: str) -> str:
    """The part of a host's name that one publisher has: two labels, or three where a country has kinds of its own."""
    labels = host.split(".")
    if labels[-1].isdecimal():
        return host
    of_a_kind = len(labels[-1]) == _COUNTRY and labels[-2:-1] and labels[-2] in _KINDS
    return ".".join(labels[-3 if of_a_kind else -2 :])


_COUNTRY = 2
_KINDS = frozenset({"ac", "co", "com", "edu", "gob", "gouv", "gov", "net", "or", "org"})
