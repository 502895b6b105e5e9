"""What the log server counts, for Prometheus and `sagews status`."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge


class Figures:
    """The counters of one log server, on a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.connections = Gauge("sagews_log_connections", "Programs that are connected.", registry=registry)
        self.stored = Counter("sagews_log_records", "Records written into the database.", registry=registry)
        self.commits = Counter("sagews_log_commits", "Transactions in which they were written.", registry=registry)
        self.refused = Counter("sagews_log_refused", "Records that stand as one that says so.", registry=registry)
        self.lost = Counter("sagews_log_lost", "Lines that were no records.", registry=registry)
        self.pruned = Counter("sagews_log_pruned", "Records deleted for their age or for room.", registry=registry)
        self.turned_away = Counter("sagews_log_turned_away", "Connections refused or cut.", registry=registry)
        self._database = Gauge("sagews_log_database", "1 while the database takes records.", registry=registry)
        self.database_answers = True

    @property
    def database_answers(self) -> bool:
        """Whether the database took the last batch."""
        return self._answers

    @database_answers.setter
    def database_answers(self, value: bool) -> None:
        self._answers = value
        self._database.set(value)
