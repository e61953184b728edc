"""What workers are told of the settings."""

from service import opening
from settings import Settings
from worker.config import Config
from worker.fetch import Limits
from worker.guard import Guard, parse_networks, parse_ports


def worker_config(settings: Settings) -> Config:
    """What a worker is told of the settings."""
    return Config(
        database_url=opening.database_url(settings),
        user_agent=settings.user_agent + (f" (+{settings.contact})" if settings.contact else ""),
        guard=Guard(parse_networks(settings.allow_networks), parse_ports(settings.ports)),
        proxy=settings.proxy,
        limits=Limits(settings.poll_timeout.total_seconds(), settings.poll_idle.total_seconds(), settings.max_body),
        host_spacing=settings.host_spacing.total_seconds(),
        robots=settings.robots,
        public_url=settings.public_url,
        pages=settings.pages,
        max_age=settings.max_age,
        lease=settings.lease,
    )
