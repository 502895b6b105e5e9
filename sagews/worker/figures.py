"""What a worker tells Prometheus: read when it is asked, so that nothing is counted in between."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from sagews.messages.room import Room
from sagews.worker.tally import Tally


class RoomFigures(Collector):
    """How much room a worker has, how much is used, and what its sessions did."""

    def __init__(self, room: Callable[[], Room], tally: Tally) -> None:
        self._room = room
        self._tally = tally

    def collect(self) -> Iterator[Metric]:
        """The figures of now."""
        room = self._room()
        yield GaugeMetricFamily("sagews_worker_places", "Sessions that the worker takes at once.", room.places)
        yield GaugeMetricFamily("sagews_worker_sessions", "Places that are taken.", room.sessions)
        yield GaugeMetricFamily("sagews_worker_waiting", "Sessions that wait for a place.", room.waiting)
        yield GaugeMetricFamily("sagews_worker_workspaces", "Open workspaces.", room.workspaces)
        yield GaugeMetricFamily("sagews_worker_draining", "1 while it is taken out of use.", int(room.draining))
        yield GaugeMetricFamily(
            "sagews_machine_load", "Processes that want a processor, over a minute.", os.getloadavg()[0]
        )
        yield CounterMetricFamily(
            "sagews_worker_output_bytes", "Text that sessions have written.", self._tally.output_bytes
        )
        ends = CounterMetricFamily("sagews_worker_sessions_ended", "Sessions that have ended.", labels=["why"])
        for code, count in self._tally.ends.items():
            ends.add_metric([code], count)
        yield ends


def figures(room: Callable[[], Room], tally: Tally) -> CollectorRegistry:
    """A registry of a worker's figures."""
    registry = CollectorRegistry()
    registry.register(RoomFigures(room, tally))
    return registry
