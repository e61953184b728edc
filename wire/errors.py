"""What can go wrong with a wire, and whether trying again can help.

    WirewatchError
    ├── BadInput          a person gave something unusable      retry: no
    │   ├── QueryError    a rule cannot be read                 retry: no
    │   ├── NotThere      what was named is not there           retry: no
    │   ├── Taken         a name or address is in use already   retry: no
    │   └── NotAStory     a file or page holds no story         retry: no
    ├── PollFailed        a feed could not be had               retry: yes, later
    │   └── NotAFeed      an answer came, but it is no feed     retry: yes, later
    └── DeliveryFailed    a channel did not take an alert       retry: as it says

What is no failure is a value: *not modified*, *nothing new*, *held because…*.
"""


class WirewatchError(Exception):
    """The root. `str()` of it is one sentence for a person; `retry` says whether trying again can help."""

    retry: bool = False


class BadInput(WirewatchError):
    """Somebody gave something unusable; the sentence says what to do instead."""


class QueryError(BadInput):
    """A rule's query cannot be read. `position` counts the query's characters from 0."""

    def __init__(self, message: str, position: int, query: str = "") -> None:
        super().__init__(message)
        self.position = position
        self.query = query


class NotThere(BadInput):
    """What was named is not there."""


class Taken(BadInput):
    """A name or an address is in use already."""


class NotAStory(BadInput):
    """A file or page holds no story."""


class PollFailed(WirewatchError):
    """A feed or page could not be had.

    `status` is the HTTP status, if there was an answer; `retry_after` that header of it, as given; `host` who said so.
    """

    retry = True

    def __init__(self, message: str, status: int | None = None, *, retry_after: str = "", host: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.retry_after = retry_after
        self.host = host


class NotAFeed(PollFailed):
    """An answer came, but it is no feed."""


class DeliveryFailed(WirewatchError):
    """A channel did not take a message.

    `silent` when its receiver did not even answer; `unsure` when it may have got the message all the same. `wait`: it
    wants to be asked again after so many seconds; `rests` when that goes for all that it is sent.
    """

    def __init__(
        self,
        message: str,
        *,
        retry: bool,
        silent: bool = False,
        unsure: bool = False,
        wait: float | None = None,
        rests: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry = retry
        self.silent = silent
        self.unsure = unsure
        self.wait = wait
        self.rests = rests
