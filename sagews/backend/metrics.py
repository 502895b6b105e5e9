"""What Prometheus is told (text format 0.0.4), on a registry of our own."""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

from sagews.backend.answers import Answering
from sagews.database.cache import Cache
from sagews.errors import NotAllowed

if TYPE_CHECKING:
    from sagews.backend.collaborators import Backend


class Metrics:
    """The counters of one backend."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.requests = Counter("sagews_http_requests", "HTTP requests answered.", ["status"], registry=registry)
        self.request_seconds = Histogram("sagews_http_request_seconds", "Time to answer.", registry=registry)
        self.connections = Gauge("sagews_live_connections", "Live connections of browsers.", registry=registry)
        self.attachments = Gauge("sagews_attachments", "Workspaces that clients follow.", registry=registry)
        self.open_workspaces = Gauge("sagews_open_workspaces", "Workspaces kept by this backend.", registry=registry)
        self.workers = Gauge("sagews_workers_connected", "Workers that answer.", registry=registry)
        self.relayed = Counter("sagews_relayed_messages", "Messages relayed.", ["to"], registry=registry)
        self.journaled = Counter("sagews_journaled_updates", "Edits written to the journal.", registry=registry)
        self.journal_failures = Counter(
            "sagews_journal_failures", "Times that the journal could not be written.", registry=registry
        )

    def watch_cache(self, cache: Cache) -> None:
        """Tell of a backend's cache from now on."""
        answers = Gauge("sagews_cache_answers", "Answers of the cache so far.", ["kind"], registry=self.registry)
        answers.labels("hit").set_function(lambda: cache.hits)
        answers.labels("miss").set_function(lambda: cache.misses)

    def count(self, status: int, seconds: float) -> None:
        """Count one answered request."""
        self.requests.labels(str(status)).inc()
        self.request_seconds.observe(seconds)


class MetricsPage(Answering):
    """``/metrics``: for this machine, and for an operator's bearer token."""

    def initialize(self, backend: Backend) -> None:
        self.backend = backend

    async def get(self) -> None:
        authorization = self.request.headers.get("Authorization", "")
        if authorization:
            who = await self.backend.identity.of_headers(authorization, {})
            allowed = who.is_operator
        else:
            allowed = self._is_from_here()
        if not allowed:
            raise NotAllowed("Metrics are for the site's operator.")
        self.set_header("Content-Type", CONTENT_TYPE_LATEST)
        self.write(generate_latest(self.backend.metrics.registry))

    def _is_from_here(self) -> bool:
        if "X-Forwarded-For" in self.request.headers:
            return False
        try:
            return ip_address(self.request.remote_ip or "").is_loopback
        except ValueError:
            return False
