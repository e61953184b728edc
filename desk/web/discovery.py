"""What is at an address that somebody gives for a feed."""

from desk.answers.feeds import Offer, Offers
from desk.web.site import Site
from wire.address import basic_login, checked, split_login


def offers(site: Site, url: str) -> Offers:
    """The feed that is there, or the feeds that its page names. Raises BadInput, PollFailed."""
    address, login = split_login(checked(url))
    found = site.look(address, dict([basic_login(login)]) if login else {})
    if found.document is not None:
        document = found.document
        return Offers(
            offers=[Offer(url=address, title=document.title, kind=document.kind, entries=len(document.entries))]
        )
    return Offers(offers=[Offer(url=one.url, title=one.title, kind=one.kind, entries=None) for one in found.offered])
