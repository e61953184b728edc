"""What may be an address, and how two of them compare. No lookups: names are only read here."""

from urllib.parse import quote, urljoin, urlsplit

from wire.errors import BadInput
from wire.markup import line

# Browsers and servers give up near here; a longer one is data in disguise.
LONGEST = 2_000
# What stands in addresses unescaped (RFC 3986, section 2.2 and 2.3) or is an escape already; the rest is escaped, so
# that an address of any script is as long in bytes as in letters.
_AS_IT_IS = ":/?#[]@!$&'()*+,;=%~"


def absolute(base: str, link: str) -> str:
    """A link made absolute against `base`; nothing for what is not http(s), as `javascript:`."""
    try:
        joined = quote(urljoin(base, line(link)), safe=_AS_IT_IS) if link.strip() else ""
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
    return parts._replace(scheme=parts.scheme.lower(), fragment="").geturl()


def host_of(url: str) -> str:
    """The host of an address, in lower case, with its port where it is not the scheme's own."""
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return ""
    return f"{parts.hostname or ''}{port}"


def same_site(one: str, other: str) -> bool:
    """Whether two addresses are of one publisher, as far as names tell: the last two labels of their hosts agree."""
    first, second = (host_of(url).split(":")[0].split(".")[-2:] for url in (one, other))
    return first == second != [""]
