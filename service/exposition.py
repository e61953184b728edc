"""A process's own figures for Prometheus, at WIREWATCH_METRICS. Those of the rows the desk tells (desk/metrics.py)."""

import atexit
import logging
import os
import shutil
import tempfile

from service.opening import host_and_port
from settings import Settings
from wire.errors import BadInput

log = logging.getLogger(__name__)

_SHARED = "PROMETHEUS_MULTIPROC_DIR"


def share_with_children(settings: Settings) -> None:
    """What forked processes count is shown by their parent: they share files. To be called before anything counts."""
    if not settings.metrics:
        return
    folder = tempfile.mkdtemp(prefix="wirewatch-metrics-")
    os.environ[_SHARED] = folder
    parent = os.getpid()
    atexit.register(lambda: shutil.rmtree(folder, ignore_errors=True) if os.getpid() == parent else None)


def beside(address: str, place: int) -> str:
    """The address of the `place`-th process of a machine that tells its figures: so many ports on."""
    host, port = host_and_port(address)
    return f"[{host}]:{port + place}" if ":" in host else f"{host}:{port + place}"


def show(settings: Settings) -> None:
    """Serves this process's figures from now on, and its children's where they are shared."""
    if not settings.metrics:
        return
    # The library looks when it is loaded whether figures are shared, so it is not loaded before that is said.
    from prometheus_client import REGISTRY, CollectorRegistry, start_http_server
    from prometheus_client.multiprocess import MultiProcessCollector

    registry = REGISTRY
    if _SHARED in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    host, port = host_and_port(settings.metrics)
    try:
        start_http_server(port, host, registry)
    except OSError as error:
        raise BadInput(f"WIREWATCH_METRICS={settings.metrics}: {error.strerror}. Choose another port.") from error
    log.info("figures are at http://%s/metrics", settings.metrics)
