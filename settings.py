"""Every knob an operator has, read once at the start from `WIREWATCH_*` and an optional `.env`.

Only entry points import this. A wrong value stops the start with one line that names it.
"""

import difflib
import ipaddress
import os
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import platformdirs
from pydantic import BeforeValidator, Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from wire import keeping
from wire.address import checked, host_of, is_loopback
from wire.cadence import Bounds, parse_duration
from wire.errors import BadInput

PREFIX = "WIREWATCH_"
_PORTS = 65_536


def _duration(written: Any) -> Any:
    return parse_duration(written) if isinstance(written, str) else written


Duration = Annotated[timedelta, BeforeValidator(_duration)]


class Settings(BaseSettings):
    """The knobs. `data` is where the database, the private Redis and the lock live by default."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_file=".env", env_file_encoding="utf-8", extra="ignore")

    data: Path = Field(default_factory=lambda: platformdirs.user_data_path("wirewatch"))
    database_url: str = ""
    database_password: str = Field(default="", repr=False)
    redis_url: str = ""
    redis_password: str = Field(default="", repr=False)
    user_agent: str = "Wirewatch/0.1 (news wire monitor)"
    contact: str = ""
    allow_networks: str = ""
    ports: str = "80,443,8000,8080,8443"
    proxy: str = Field(default="", repr=False)
    host_spacing: Duration = timedelta(milliseconds=100)
    robots: bool = False
    public_url: str = ""
    receiver: str = "127.0.0.1:8471"
    desk: str = "127.0.0.1:8470"
    desk_url: str = ""
    desk_proxies: str = "127.0.0.1,::1"
    max_age: Duration = timedelta(hours=48)
    canary: Duration = timedelta(minutes=5)
    keep: str = ""
    key: str = Field(default="", repr=False)
    workers: int = Field(default=2, ge=1, le=64)
    lease: Duration = timedelta(seconds=60)
    stall_after: Duration = timedelta(seconds=75)
    min_interval: Duration = timedelta(minutes=1)
    max_interval: Duration = timedelta(hours=1)
    poll_timeout: Duration = timedelta(seconds=20)
    poll_idle: Duration = timedelta(seconds=10)
    max_body: int = Field(default=16 * 1024 * 1024, ge=1024)
    log_level: str = "INFO"
    log_format: str = "text"
    metrics: str = ""

    @field_validator("data")
    @classmethod
    def _absolute(cls, data: Path) -> Path:
        return data.expanduser().resolve()

    @field_validator("user_agent", "contact", "proxy")
    @classmethod
    def _on_one_line(cls, written: str) -> str:
        if not written.isprintable() or not written.isascii():
            raise ValueError("it goes into a header, so write it on one line and in ASCII")
        return written

    @field_validator("public_url", "desk_url")
    @classmethod
    def _can_be_called(cls, url: str) -> str:
        return checked(url) if url else ""

    @field_validator("receiver", "desk", "metrics")
    @classmethod
    def _can_be_listened_at(cls, address: str) -> str:
        host, _, port = address.rpartition(":")
        if address and (not host or not port.isdecimal() or not 0 < int(port) < _PORTS):
            raise ValueError("write it like 127.0.0.1:8471")
        return address

    @field_validator("desk_proxies")
    @classmethod
    def _are_networks(cls, written: str) -> str:
        for one in filter(None, written.split(",")):
            ipaddress.ip_network(one.strip())
        return written

    @field_validator("canary", "max_age")
    @classmethod
    def _not_negative(cls, value: timedelta) -> timedelta:
        if value < timedelta(0):
            raise ValueError("it cannot be less than nothing")
        return value

    @field_validator("proxy")
    @classmethod
    def _is_http(cls, proxy: str) -> str:
        if proxy and not proxy.startswith(("http://", "https://")):
            raise ValueError("write it like http://proxy.example:3128")
        return proxy

    @field_validator("log_level")
    @classmethod
    def _known_level(cls, level: str) -> str:
        if level.upper() not in ("DEBUG", "INFO", "WARNING", "ERROR"):
            raise ValueError("choose DEBUG, INFO, WARNING or ERROR")
        return level.upper()

    @field_validator("keep")
    @classmethod
    def _can_be_kept(cls, written: str) -> str:
        keeping.parse(written)
        return written

    @field_validator("log_format")
    @classmethod
    def _known_format(cls, written: str) -> str:
        if written not in ("text", "json"):
            raise ValueError("choose text or json")
        return written

    @field_validator("lease", "stall_after", "min_interval", "max_interval", "poll_timeout", "poll_idle")
    @classmethod
    def _positive(cls, value: timedelta) -> timedelta:
        if value <= timedelta(0):
            raise ValueError("it must be longer than nothing")
        return value

    @property
    def pages(self) -> str:
        """Where the desk's pages are reached: as it is named to people, else on this machine; nothing without one."""
        return self.desk_url or (f"http://{self.desk}" if self.desk else "")

    @property
    def bounds(self) -> Bounds:
        """How far apart polls of a feed may be that has no times of its own."""
        return Bounds(self.min_interval.total_seconds(), self.max_interval.total_seconds())

    @property
    def desk_is_local(self) -> bool:
        """Whether the desk listens on this machine alone, and no proxy is named by which others come."""
        hosts = [self.desk.rpartition(":")[0], *([host_of(self.desk_url)] if self.desk_url else [])]
        return all(is_loopback(host) for host in hosts)


def read(**given: Any) -> Settings:
    """The settings of this process; `given` beats the environment. Raises BadInput in one line that names the value."""
    _refuse_unknown()
    try:
        settings = Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors()[0]
        name = PREFIX + "_".join(map(str, first["loc"])).upper()
        raise BadInput(f"{name}={first['input']}: {first['msg'].removeprefix('Value error, ')}.") from error
    for server in ("database", "redis"):
        if getattr(settings, f"{server}_password") and not getattr(settings, f"{server}_url"):
            name = f"{PREFIX}{server.upper()}"
            raise BadInput(f"{name}_PASSWORD is for a server of your own: say which with {name}_URL.")
    if settings.min_interval > settings.max_interval:
        raise BadInput(f"{PREFIX}MIN_INTERVAL is longer than {PREFIX}MAX_INTERVAL.")
    if settings.poll_timeout >= settings.lease:
        raise BadInput(f"{PREFIX}POLL_TIMEOUT must be shorter than {PREFIX}LEASE, or polls are taken for lost.")
    return settings


def environment(settings: Settings) -> dict[str, str]:
    """The settings as an environment for child processes: what this process was told, they are told."""
    told = {name: getattr(settings, name) for name in Settings.model_fields}
    return {PREFIX + name.upper(): _written(value) for name, value in told.items()}


def _written(value: Any) -> str:
    return f"{value.total_seconds()}s" if isinstance(value, timedelta) else str(value)


def _refuse_unknown() -> None:
    """A misspelt name would be silently without effect, the worst kind of setting."""
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    for name in sorted(os.environ):
        if name.upper().startswith(PREFIX) and name.upper() not in known:
            close = difflib.get_close_matches(name.upper(), known, n=1)
            hint = f"did you mean {close[0]}?" if close else "see the list in README.md."
            raise BadInput(f"{name} is no setting of Wirewatch; {hint}")
