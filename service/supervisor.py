"""Starts the processes of a service, keeps them alive and at work, and stops them in order.

A child is replaced when it dies, and also when it lives without working: each shows signs of life that it can only
show by doing its work (a worker by eating a task from its queue). A child is a process group of its own, so that
nothing of it stays behind, and asks the kernel to end it should we be killed ourselves.
"""

import logging
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy.exc import SQLAlchemyError

from storage import pulse
from storage.database import Database
from wire.markup import line
from worker.family import die_with_parent

log = logging.getLogger(__name__)

# Longer and longer between restarts of what keeps dying; forgotten once it has lived a while.
_SHORTEST_PAUSE, _LONGEST_PAUSE = 0.5, 4.0
_HEALTHY_AFTER = 10.0
# Ctrl-C must be over within ten seconds: workers get six to finish what they are at, the rest one each.
_GRACE = 6.0
_LOOK_EVERY = 0.25
_ASK_EVERY = 1.0
# After the broker was replaced a worker must prove soon that it reconnected: Celery's can hang alive (celery#8030).
_PROOF_AFTER_BROKER = 15.0


@dataclass(slots=True)
class Child:
    """A process to be kept running. `beat` names the sign of life it must show, if any; `told` is for it alone."""

    name: str
    command: Sequence[str]
    beat: str = ""
    is_broker: bool = False
    told: Mapping[str, str] = field(default_factory=dict)
    process: subprocess.Popen[bytes] | None = None
    started_at: float = 0.0
    restarts: int = 0
    restart_at: float = 0.0


class Supervisor:
    """Children in the order they are started; stopped in the opposite order."""

    def __init__(
        self,
        children: Sequence[Child],
        *,
        environment: Mapping[str, str],
        database: Database,
        stall_after: timedelta,
        ready: Callable[[], bool],
    ) -> None:
        self._children = list(children)
        self._environment = {**os.environ, **environment}
        self._stall_after = stall_after.total_seconds()
        self._ready = ready
        self._life = _Life(database)
        self._broker_since = time.monotonic()
        self._broker_was_there = True
        self._next_ask = 0.0
        self.stop = threading.Event()

    def run(self) -> None:
        """Runs until `stop` is set, then ends everything."""
        try:
            for child in self._children:
                self._start(child)
                if child.is_broker:
                    self._await_broker()
            while not self.stop.wait(_LOOK_EVERY):
                self._look()
        finally:
            self._end_all()

    def _start(self, child: Child) -> None:
        child.process = subprocess.Popen(
            child.command,
            env={**self._environment, **child.told},
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            preexec_fn=die_with_parent,  # noqa: PLW1509 -- this process has no threads that could hold a lock
        )
        child.started_at = time.monotonic()
        child.restart_at = 0.0
        if child.is_broker:
            self._broker_since = child.started_at
        log.info("%s started as process %s", child.name, child.process.pid)

    def _await_broker(self) -> None:
        deadline = time.monotonic() + 5
        while not self._ready() and time.monotonic() < deadline:
            self.stop.wait(0.02)

    def _look(self) -> None:
        self._life.look()
        self._mind_the_broker()
        for child in self._children:
            if child.restart_at:
                if time.monotonic() >= child.restart_at:
                    self._start(child)
            elif child.process and (status := child.process.poll()) is not None:
                self._replace(child, f"ended with status {status}")
            elif child.beat and (why := self._stalled(child)):
                self._replace(child, why)

    def _mind_the_broker(self) -> None:
        """Since when the broker is there: also one that others start and stop."""
        now = time.monotonic()
        if now < self._next_ask:
            return
        there = self._ready()
        if there and not self._broker_was_there:
            self._broker_since = now
        self._broker_was_there = there
        self._next_ask = time.monotonic() + _ASK_EVERY

    def _stalled(self, child: Child) -> str:
        """Why a living child counts as dead, or nothing. Workers are judged only while the scheduler feeds them, and
        nobody while there is no broker: without it there is no work to show.
        """
        if not self._broker_was_there:
            return ""
        now = time.monotonic()
        last = max(child.started_at, self._life.shown_at(child.beat), self._broker_since)
        if now - last > self._stall_after and self._is_fed(child, now):
            return f"lives, but has shown no work for {now - last:.0f} s"
        waits = child.beat.startswith("worker") and last <= self._broker_since
        if waits and now - self._broker_since > _PROOF_AFTER_BROKER and self._is_fed(child, now):
            return "has not taken up work since Redis came back"
        return ""

    def _is_fed(self, child: Child, now: float) -> bool:
        return not child.beat.startswith("worker") or now - self._life.shown_at("scheduler") < _PROOF_AFTER_BROKER

    def _replace(self, child: Child, why: str) -> None:
        _kill_group(child)
        if time.monotonic() - child.started_at > _HEALTHY_AFTER:
            child.restarts = 0
        pause = min(_SHORTEST_PAUSE * 2**child.restarts, _LONGEST_PAUSE)
        child.restarts += 1
        child.restart_at = time.monotonic() + pause
        log.warning("%s %s; it is started again in %.1f s", child.name, why, pause)

    def _end_all(self) -> None:
        """The last started first: nothing new is asked for, then what was asked is finished, then the broker goes."""
        log.info("stopping")
        deadline = time.monotonic() + _GRACE
        for child in reversed(self._children):
            if not child.is_broker:
                _signal(child, signal.SIGTERM)
        for child in reversed(self._children):
            if child.is_broker:
                _signal(child, signal.SIGTERM)
                deadline = time.monotonic() + 1
            _await_end(child, deadline)
            _kill_group(child)


class _Life:
    """Signs of life, by when we saw that they changed: whatever the clock says, ours or theirs."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._beats: dict[str, datetime] | None = None
        self._shown: dict[str, float] = {}
        self._can_read = True

    def look(self) -> None:
        """A sign that is there when we first look may be of a former process, so it is none."""
        try:
            with self._database.reading() as session:
                beats = {beat.name: beat.at for beat in pulse.beats(session)}
        except SQLAlchemyError as error:
            if self._can_read:
                log.warning("signs of life cannot be read: %s", line(str(error).partition("\n")[0]))
            self._can_read = False
            return
        self._can_read = True
        if self._beats is not None:
            now = time.monotonic()
            self._shown |= {name: now for name, at in beats.items() if self._beats.get(name) != at}
        self._beats = beats

    def shown_at(self, name: str) -> float:
        """On the clock that only measures (`time.monotonic`); 0 where none was seen."""
        return self._shown.get(name, 0.0)


def _await_end(child: Child, deadline: float) -> None:
    if child.process is None:
        return
    try:
        child.process.wait(max(0.05, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        log.warning("%s did not stop in time and is ended", child.name)


def _signal(child: Child, number: signal.Signals) -> None:
    if child.process and child.process.poll() is None:
        child.process.send_signal(number)


def _kill_group(child: Child) -> None:
    """Ends a child and all that it started; what has gone already is fine."""
    if child.process is None:
        return
    try:
        os.killpg(child.process.pid, signal.SIGKILL)
    except ProcessLookupError:
        log.debug("nothing is left of %s", child.name)
    child.process.wait()
    child.process = None
