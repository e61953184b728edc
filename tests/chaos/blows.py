"""What can be done to an installation. Each blow is struck at once and says how it is mended."""

import contextlib
import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import psutil
import redis

from tests.chaos.arena import Arena
from tests.chaos.link import Link

Mend = Callable[[], None]
Strike = Callable[[Arena, random.Random], Mend]


@dataclass(frozen=True, slots=True)
class Blow:
    """A way to break something; `shortest` to `longest` seconds until it is mended."""

    name: str
    strike: Strike
    shortest: float = 0.0
    longest: float = 0.0
    possible: Callable[[Arena], bool] = lambda _: True


def _nothing() -> None:
    """Some blows mend themselves."""


def _kill(arena: Arena, dice: random.Random) -> Mend:
    for victim in _one_of(arena, dice):
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.kill()
    return _nothing


def _kill_all(arena: Arena, dice: random.Random) -> Mend:
    for victim in _family(arena)[:1]:
        victim.kill()
    return _nothing


def _freeze(arena: Arena, dice: random.Random) -> Mend:
    victims = _one_of(arena, dice)
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.suspend()
    return lambda: _resume(victims)


def _resume(victims: Iterable[psutil.Process]) -> None:
    for victim in victims:
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.resume()


def _one_of(arena: Arena, dice: random.Random) -> list[psutil.Process]:
    family = _family(arena)
    return [dice.choice(family)] if family else []


def _family(arena: Arena) -> list[psutil.Process]:
    """The service's processes, itself first; nothing where it has just been killed."""
    try:
        return arena.family()
    except psutil.NoSuchProcess:
        return []


def _restart_gently(arena: Arena, dice: random.Random) -> Mend:
    """As an upgrade does: each process is asked to end, and another takes its place."""
    children = [one for one in _family(arena)[1:] if "service" in _command(one)]
    for victim in dice.sample(children, min(2, len(children))):
        with contextlib.suppress(psutil.NoSuchProcess):
            victim.terminate()
    return _nothing


def _command(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.NoSuchProcess:
        return []


def _two_schedulers(arena: Arena, dice: random.Random) -> Mend:
    second = arena.extra_scheduler()

    def end() -> None:
        second.kill()
        second.wait()

    return end


def _flush(arena: Arena, dice: random.Random) -> Mend:
    with contextlib.suppress(redis.RedisError), arena.redis.client() as client:
        client.flushall()
    return _nothing


def _fill_redis(arena: Arena, dice: random.Random) -> Mend:
    def limit(most: str) -> None:
        with contextlib.suppress(redis.RedisError), arena.redis.client() as client:
            client.config_set("maxmemory", most)

    limit("1")
    return lambda: limit("256mb")


def _stop_redis(arena: Arena, dice: random.Random) -> Mend:
    arena.redis.stop()
    return arena.redis.start


def _restart_postgres(arena: Arena, dice: random.Random) -> Mend:
    server = arena.postgres
    assert server
    if dice.random() < 0.5:
        server.stop()
    else:
        postmaster = psutil.Process(server.get_pid())
        postmaster.kill()
        psutil.wait_procs([postmaster], timeout=10)
    return server.ensure_postgres_running


def _cut(which: Callable[[Arena], list[Link]]) -> Strike:
    def strike(arena: Arena, dice: random.Random) -> Mend:
        links = which(arena)
        for link in links:
            link.cut()

        def mend() -> None:
            for link in links:
                link.mend()

        return mend

    return strike


def _fill_disk(arena: Arena, dice: random.Random) -> Mend:
    assert arena.disk
    ballast = arena.disk / "ballast"
    with ballast.open("wb") as file:
        free = os.statvfs(arena.disk).f_bavail * os.statvfs(arena.disk).f_frsize
        with contextlib.suppress(OSError):
            os.posix_fallocate(file.fileno(), 0, free)

    return ballast.unlink


def _jump(arena: Arena, dice: random.Random) -> Mend:
    """The machine's clock is wrong for a while, by up to two hours."""
    clock = arena.clock
    assert clock
    clock.set(dice.choice([-7200, -600, -40, 40, 600, 7200]))
    return lambda: clock.set(0)


def _on_postgres(arena: Arena) -> bool:
    return arena.on_postgres


BLOWS = (
    Blow("kill one", _kill),
    Blow("kill one", _kill),
    Blow("kill the service", _kill_all),
    Blow("freeze one", _freeze, 1.0, 60.0),
    Blow("restart some gently", _restart_gently),
    Blow("two schedulers", _two_schedulers, 2.0, 20.0),
    Blow("flush redis", _flush),
    Blow("fill redis", _fill_redis, 1.0, 20.0),
    Blow("stop redis", _stop_redis, 0.5, 20.0, _on_postgres),
    Blow("restart postgres", _restart_postgres, 0.2, 10.0, _on_postgres),
    Blow("cut off the database", _cut(lambda arena: arena.links[:1]), 1.0, 30.0, _on_postgres),
    Blow("cut off redis", _cut(lambda arena: arena.links[1:]), 1.0, 30.0, _on_postgres),
    Blow("fill the disk", _fill_disk, 1.0, 15.0, lambda arena: arena.disk is not None and not arena.on_postgres),
    Blow("set the clock", _jump, 2.0, 20.0, lambda arena: arena.clock is not None),
)
