"""What hostile or broken servers send, each with what must come of it. Written in the manner of real cases."""

import gzip
import itertools
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import brotli
from backports import zstd

MEGABYTE = 1024 * 1024
GIGABYTE = 1024 * MEGABYTE


@dataclass(frozen=True)
class Kind:
    """One answer: its head and body as bytes on the wire, and what is expected of a poll.

    `failed`: a pattern in the feed's error. `stored`: how many items. `title`: a pattern that the first one's fits.
    Neither `failed` nor `stored`: it may go either way, but must end. `then` comes after the body: bytes in portions
    (an empty one waits), or "reset" or "hang".
    """

    name: str
    body: bytes = b""
    head: bytes = b""
    failed: str = ""
    stored: int | None = None
    title: str = ""
    then: str | Callable[[], Iterator[bytes]] = ""
    raw: bool = False

    def answer(self, **filled: object) -> bytes:
        """The bytes on the wire, with the server's own address and such where their names stand in braces."""
        head, body = self.head, self.body
        for name, value in filled.items():
            place, written = b"{%s}" % name.encode(), str(value).encode()
            head, body = head.replace(place, written), body.replace(place, written)
        if self.raw:
            return head + body
        length = b"" if b"ength:" in head or self.then else b"Content-Length: %d\r\n" % len(body)
        status = b"" if head.startswith(b"HTTP/") else b"HTTP/1.1 200 OK\r\n"
        return status + head + length + b"Connection: close\r\n\r\n" + body


def feed(
    inner: str | bytes = "", *, declared: str = "", opening: str = "<rss version='2.0'>", title: str = "A story"
) -> bytes:
    inside = inner if isinstance(inner, bytes) else inner.encode("utf-8", "surrogatepass")
    return b"".join(
        (
            declared.encode(), opening.encode(), b"<channel><title>T</title><item><guid>1</guid><title>",
            title.encode(), b"</title>", inside, b"</item></channel></rss>",
        )
    )  # fmt: skip


def json_feed(items: str) -> bytes:
    return b'{"version": "https://jsonfeed.org/version/1.1", "title": "T", "items": %s}' % items.encode()


def redirect(location: str, status: int = 302) -> bytes:
    return f"HTTP/1.1 {status} Found\r\nLocation: {location}\r\nContent-Length: 0\r\n".encode()


def deflated(wbits: int) -> Iterator[bytes]:
    """A gigabyte of blanks in a stream whose parts repeat, so that it costs nothing to make."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    yield packer.compress(b"<rss>") + packer.flush(zlib.Z_FULL_FLUSH)
    part = packer.compress(b" " * MEGABYTE) + packer.flush(zlib.Z_FULL_FLUSH)
    yield from itertools.repeat(part, GIGABYTE // MEGABYTE)


def brotlied() -> Iterator[bytes]:
    packer = brotli.Compressor(quality=1)
    for _ in range(256):
        yield packer.process(b" " * (4 * MEGABYTE))
    yield packer.finish()


def zstandard() -> Iterator[bytes]:
    packer = zstd.ZstdCompressor()
    for _ in range(256):
        yield packer.compress(b" " * (4 * MEGABYTE))
    yield packer.flush()


def endless() -> Iterator[bytes]:
    return itertools.repeat(b"<rss> " + b" " * 65_530, 100 * 16)


def dripping() -> Iterator[bytes]:
    for letter in b"<rss><channel></channel></rss>" * 100:
        yield bytes([letter])
        yield b""


LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))
GOOD = feed()
PACKED = gzip.compress(feed("<description>" + "words and more words " * 500 + "</description>"))

XML = [
    Kind("a billion laughs", feed("&l9;", declared=f'<!DOCTYPE rss [<!ENTITY l0 "ha">{LAUGHS}]>'), stored=1),
    Kind("a quadratic entity", feed("<description>" + "&b;" * 50_000 + "</description>",
         declared=f'<!DOCTYPE rss [<!ENTITY b "{"x" * 50_000}">]>')),
    Kind("an entity from a file", feed("<description>&f;</description>",
         declared='<!DOCTYPE rss [<!ENTITY f SYSTEM "file:///etc/passwd">]>'), stored=1),
    Kind("an entity from the web", feed("<description>&f;</description>",
         declared='<!DOCTYPE rss [<!ENTITY f SYSTEM "{base}/secret">]>'), stored=1),
    Kind("a parameter entity from the web", feed(declared='<!DOCTYPE rss [<!ENTITY % f SYSTEM "{base}/secret"> %f;]>')),
    Kind("a DTD from the web", feed(declared='<!DOCTYPE rss SYSTEM "{base}/secret">'), stored=1),
    Kind("XInclude", feed("<xi:include xmlns:xi='http://www.w3.org/2001/XInclude' href='{base}/secret'/>"), stored=1),
    Kind("a stylesheet", feed(declared='<?xml version="1.0"?><?xml-stylesheet href="{base}/secret"?>'), stored=1),
    Kind("elements 100,000 deep", feed("<a>" * 100_000 + "</a>" * 100_000)),
    Kind("elements 100,000 deep that never end", b"<rss><channel>" + b"<item>" * 100_000),
    Kind("a million empty items", b"<rss><channel>" + b"<item/>" * 1_000_000 + b"</channel></rss>"),
    Kind("a title of 10 MB", feed(title="word " * 2_000_000), stored=1, title=r"^(word ){10}.{0,960}…$"),
    Kind("a text of 10 MB", feed("<description>" + "word " * 2_000_000 + "</description>"), stored=1),
    Kind("NUL and control characters", feed(title="A\x00B\x07\x1b[31mC\x9bD"), stored=1, title="^A.{0,9}B"),
    Kind("a lone surrogate as a reference", feed(title="A &#xD800; B"), stored=1, title="^A \ufffd B$"),
    Kind("a pair of surrogates as references", feed(title="A &#55357;&#56832; B"), stored=1, title="^A \U0001f600 B$"),
    Kind("a character beyond Unicode", feed(title="A &#x110000; B &#99999999999;"), stored=1, title="^A \ufffd B \ufffd$"),
    Kind("bytes that are no UTF-8", feed(b"<description>caf\xe9 \xff\xfe</description>"), stored=1),
    Kind("UTF-16 declared, UTF-8 sent", feed(declared="<?xml version='1.0' encoding='utf-16'?>"), stored=1),
    Kind("UTF-16 sent", feed(title="Ünïcode").decode().encode("utf-16"), stored=1, title="^Ünïcode$"),
    *(Kind(f"the codec {codec} as an encoding", feed(declared=f"<?xml version='1.0' encoding='{codec}'?>"))
      for codec in ("punycode", "undefined", "idna", "zip", "rot13", "unicode_escape", "utf-7", "hex", "no-such-thing")),
    Kind("20,000 categories in one item", feed("<category>x</category>" * 20_000)),
    Kind("20,000 attributes", feed("<a " + " ".join(f"b{n}='1'" for n in range(20_000)) + "/>")),
    Kind("100,000 attributes", feed("<a " + " ".join(f"b{n}='1'" for n in range(100_000)) + "/>")),
    Kind("comments that never end", feed("<description>" + "&lt;!--" * 100_000 + "</description>")),
    Kind("comments that never end, raw", feed("<description>" + "<!--" * 100_000)),
    Kind("open brackets", feed("<description>" + "&lt;" * 200_000 + "</description>"), stored=1),
    Kind("nested markup in a text", feed("<description>" + "&lt;div&gt;" * 100_000 + "</description>")),
    Kind("CDATA that never ends", b"<rss><channel><item><title><![CDATA[A story of it"),
    Kind("processing instructions that never end", feed("<?" * 100_000)),
    Kind("namespaces by the thousand", feed("".join(f"<n{n}:a xmlns:n{n}='urn:{n}'/>" for n in range(20_000)))),
    Kind("a superscript as an hour", feed().replace(b"<item>", b"<skipHours><hour>\xb2</hour></skipHours><item>"), stored=1),
    Kind("a date of the year 0", feed("<pubDate>0000-00-00T00:00:00Z</pubDate>"), stored=1),
    Kind("a date of the year 9999", feed("<pubDate>Fri, 31 Dec 9999 23:59:59 -1200</pubDate>"), stored=1),
    Kind("a date of the year 10000", feed("<pubDate>10000-01-01T00:00:00Z</pubDate>"), stored=1),
    Kind("a date before all dates", feed("<pubDate>Mon, 01 Jan 0001 00:00:00 +1200</pubDate>"), stored=1),
    Kind("a date in a zone that is none", feed("<pubDate>Mon, 01 Jun 2026 10:00:00 XYZ+99:99</pubDate>"), stored=1),
    Kind("seconds as a date", feed("<pubDate>1748000000</pubDate>"), stored=1),
    Kind("words as a date", feed("<pubDate>yesterday, about noon</pubDate>"), stored=1),
    Kind("elements named as feedparser's own", feed("<title_detail>x</title_detail><summary_detail/><tags>y</tags>"
         "<enclosures>z</enclosures><links>l</links><content>c</content><published_parsed>1</published_parsed>"), stored=1),
]  # fmt: skip

TEXT = [
    Kind("script in a title", feed(title="&lt;script&gt;alert(1)&lt;/script&gt;A story"), stored=1, title="^A story$"),
    Kind("script in a text", feed("<description>&lt;img src=x onerror=alert(1)&gt;Hi</description>"), stored=1),
    Kind("script in an author", feed("<author>&lt;b onclick=x&gt;Ann&lt;/b&gt;</author>"), stored=1),
    Kind("script in a tag", feed("<category>&lt;script&gt;x&lt;/script&gt;Oil</category>"), stored=1),
    Kind("markup escaped twice", feed(title="&amp;lt;b&amp;gt;A story&amp;lt;/b&amp;gt;"), stored=1),
    Kind("a script for a link", feed("<link>javascript:alert(1)</link>"), stored=1),
    Kind("data for a link", feed("<link>data:text/html,x</link><enclosure url='javascript:1'/>"), stored=1),
    Kind("a link on several lines", feed("<link>https://example.org/\r\nX-Evil: 1</link>"), stored=1),
    Kind("a broken address for a link", feed("<link>http://[broken</link>"), stored=1),
    Kind("a link of 100 kB", feed(f"<link>https://example.org/{'x' * 100_000}</link>"), stored=1),
    Kind("a guid of 1 MB", feed(f"<guid>{'x' * MEGABYTE}</guid>"), stored=1),
    Kind("line ends in a title", feed(title="A story\r\nBcc: all@example.org"), stored=1, title="^A story Bcc:"),
    Kind("terminal escapes", feed(title="\x1b]0;owned\x07A story\x1b[2J"), stored=1),
    Kind("a right-to-left override", feed(title="A \u202estory\u202c"), stored=1, title="^A story$"),
    Kind("a formula", feed(title="=HYPERLINK(&quot;x&quot;)"), stored=1),
    Kind("a template", feed(title="{{ 7*7 }} ${7*7} %s"), stored=1, title=r"^\{\{ 7\*7 \}\} \$\{7\*7\} %s$"),
    Kind("no guid, link or title", b"<rss><channel><item><description>Hi</description></item></channel></rss>", stored=1),
    Kind("an item of nothing", b"<rss><channel><item></item></channel></rss>", stored=1),
    Kind("one guid for all", b"<rss><channel>" + b"".join(
        b"<item><guid>1</guid><link>https://e.org/%d</link></item>" % n for n in range(9)) + b"</channel></rss>", stored=9),
    Kind("a guid of another site's", feed("<guid isPermaLink='true'>https://victim.example/1</guid>"), stored=1),
    Kind("5,200 new at once", b"<rss><channel>" + b"".join(
        b"<item><guid>%d</guid></item>" % n for n in range(5_200)) + b"</channel></rss>", stored=5_000),
]  # fmt: skip

BODIES = [
    Kind("a web page", b"<!doctype html><html><body><p>Sorry</p></body></html>", failed="a web page"),
    Kind("JSON of another kind", b'{"error": "no"}', failed="no JSON Feed"),
    Kind("broken JSON", b'{"items": [', failed="starts like JSON"),
    Kind("JSON 100,000 deep", b"[" * 100_000, failed="starts like JSON"),
    Kind("JSON with numbers for all", json_feed('[{"id": 1, "title": 2, "url": 3, "date_published": 4, "tags": 5}]'), stored=1),
    Kind("JSON with odd items", json_feed('[1, null, "x", [], {"id": "a", "title": "A story", "authors": [1], "attachments": {}}]'),
         stored=1, title="^A story$"),
    Kind("JSON with a number of a million digits", json_feed("[" + "9" * 1_000_000 + "]")),
    Kind("JSON with control characters", json_feed('[{"id": "a", "title": "A\\u0000\\u001b[2J <b>story</b>\\ud800"}]'), stored=1),
    Kind("a list of feeds", b"<opml version='1.0'><body><outline/></body></opml>", failed="OPML"),
    Kind("a picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 1000, failed="a picture"),
    Kind("nothing", b"", failed="was empty"),
    Kind("blanks", b" \r\n\t" * 1000, failed="was empty"),
    Kind("a path", b"/etc/passwd", failed="plain text"),
    Kind("an address", b"{base}/secret", failed="plain text"),
    Kind("XML of another kind", b"<?xml version='1.0'?><svg/>", failed="XML document of another kind"),
]  # fmt: skip

PACKING = [
    Kind("a gzip bomb", head=b"Content-Encoding: gzip\r\n", then=lambda: deflated(31), failed="larger than"),
    Kind("a deflate bomb", head=b"Content-Encoding: deflate\r\n", then=lambda: deflated(15), failed="larger than"),
    Kind("a brotli bomb", head=b"Content-Encoding: br\r\n", then=brotlied, failed="larger than"),
    Kind("a zstd bomb", head=b"Content-Encoding: zstd\r\n", then=zstandard, failed="larger than"),
    Kind("gzip cut off", PACKED[: len(PACKED) // 2], b"Content-Encoding: gzip\r\n"),
    Kind("gzip in gzip, both declared", gzip.compress(PACKED), b"Content-Encoding: gzip, gzip\r\n"),
    Kind("gzip in gzip, one declared", gzip.compress(PACKED), b"Content-Encoding: gzip\r\n", failed="packed twice"),
    Kind("plain text declared as gzip", GOOD, b"Content-Encoding: gzip\r\n", failed="connection failed"),
    Kind("plain text declared as brotli", GOOD, b"Content-Encoding: br\r\n", failed="connection failed"),
    Kind("plain text declared as zstd", GOOD, b"Content-Encoding: zstd\r\n", failed="connection failed"),
    Kind("an encoding nobody knows", GOOD, b"Content-Encoding: rot13\r\n"),
    Kind("zstd", zstd.compress(GOOD), b"Content-Encoding: zstd\r\n", stored=1),
    Kind("brotli", brotli.compress(GOOD), b"Content-Encoding: br\r\n", stored=1),
]

HTTP = [
    Kind("not modified, never asked", head=b"HTTP/1.1 304 Not Modified\r\n", failed="asked for everything"),
    Kind("too many requests", head=b"HTTP/1.1 429 Slow Down\r\nRetry-After: 10\r\n", failed="429"),
    Kind("unavailable until garbage", head=b"HTTP/1.1 503 No\r\nRetry-After: soon\r\n", failed="503"),
    Kind("gone", head=b"HTTP/1.1 410 Gone\r\n", failed="410"),
    Kind("withheld by law", head=b"HTTP/1.1 451 Unavailable\r\n", failed="451"),
    Kind("a status of another world", head=b"HTTP/1.1 999 Denied\r\n", failed=""),
    Kind("no content", head=b"HTTP/1.1 204 No Content\r\n", failed="204"),
    Kind("part of it", GOOD, b"HTTP/1.1 206 Partial Content\r\n", failed="206"),
    Kind("an ETag of 10 kB", GOOD, b'ETag: "' + b"x" * 7_000 + b'"\r\n', stored=1),
    Kind("an ETag of odd bytes", GOOD, b'ETag: W/"\xff\xfe;,\t"\r\n'),
    Kind("a million headers", head=b"X: y\r\n" * 100_000, failed="connection failed"),
    Kind("a header of a megabyte", head=b"X: " + b"y" * MEGABYTE + b"\r\n", failed="connection failed"),
    Kind("less than the length said", GOOD, b"Content-Length: 100000\r\n", failed="connection failed"),
    Kind("more than the length said", GOOD, b"Content-Length: 60\r\n"),
    Kind("two lengths", GOOD, b"Content-Length: 10\r\nContent-Length: 100\r\n", failed="connection failed"),
    Kind("a negative length", GOOD, b"Content-Length: -1\r\n", failed="connection failed"),
    Kind(
        "chunks of garbage",
        b"zz\r\ngarbage",
        b"Transfer-Encoding: chunked\r\nX-Length: 1\r\n",
        failed="connection failed",
    ),
    Kind(
        "a chunk without end",
        b"FFFFFFF\r\nx",
        b"Transfer-Encoding: chunked\r\nX-Length: 1\r\n",
        failed="connection failed",
    ),
    Kind("100 MB without a length", then=endless, failed="larger than"),
    Kind("a byte now and then", then=dripping, failed="No whole answer"),
    Kind("silence after the head", then="hang", failed="No whole answer"),
    Kind("silence from the start", raw=True, then="hang", failed="No whole answer"),
    Kind("no HTTP at all", b"SSH-2.0-OpenSSH_9.2\r\n", raw=True, failed="connection failed"),
    Kind("HTTP of the year 1991", GOOD, raw=True, failed="connection failed"),
    Kind("nothing and good-bye", raw=True, failed="connection failed"),
    Kind("a reset in the middle", GOOD[:20], b"Content-Length: 9999\r\n", then="reset", failed="connection failed"),
    Kind("a content type that lies", GOOD, b"Content-Type: image/png; charset=utf-99\r\n", stored=1),
    Kind("cookies", GOOD, b"Set-Cookie: a=b\r\n" * 50, stored=1),
]

SPELLINGS = (
    "127.0.0.2", "127.2", "0x7f.0.0.2", "0x7f000002", "2130706434", "017700000002", "0177.0.0.2", "[::ffff:127.0.0.2]",
    "[::ffff:7f00:2]", "[::127.0.0.2]", "127.0.0.2.", "0.0.0.0", "[::]", "localhost.localdomain.invalid",
)  # fmt: skip
REDIRECTS = [
    Kind("a redirect to itself", head=redirect("/kind"), failed="no way on"),
    Kind("a redirect without end", head=redirect("/kind?{n}"), failed="More than 5 redirects"),
    Kind("a redirect nowhere", head=b"HTTP/1.1 302 Found\r\n", failed="no way on"),
    Kind("a redirect to a file", head=redirect("file:///etc/passwd"), failed="no way on"),
    Kind("a redirect to data", head=redirect("data:text/xml,<rss/>"), failed="no way on"),
    Kind("a redirect to a script", head=redirect("javascript:alert(1)"), failed="no way on"),
    Kind("a redirect to gopher", head=redirect("gopher://127.0.0.1:70/"), failed="no way on"),
    Kind("a redirect to the cloud's secrets", head=redirect("http://169.254.169.254/latest/"), failed="not a public"),
    Kind("a redirect to a private network", head=redirect("http://10.0.0.1/"), failed="not a public"),
    Kind("a redirect to a broken address", head=redirect("http://[::1"), failed="connection failed"),
    Kind("a redirect in two ways", head=redirect("/a") + b"Location: http://127.0.0.2:{port}/secret\r\n"),
    *(Kind(f"a redirect to {one}", head=redirect(f"http://{one}:{{port}}/secret"), failed=".") for one in SPELLINGS),
]  # fmt: skip

KINDS = [*XML, *TEXT, *BODIES, *PACKING, *HTTP, *REDIRECTS]
