"""Status: what is known of an instance: whether it is wanted, lives and answers, and what it uses."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

import psutil

from sagews.component.instance import Instance

SAMPLE_SECONDS = 0.2


class State(StrEnum):
    """What an instance does."""

    UP = "up"
    """It lives and answers."""
    SILENT = "silent"
    """It lives and does not answer."""
    DOWN = "down"
    """It should live and does not."""
    STOPPED = "stopped"
    """Nobody wants it to live."""
    UNKNOWN = "unknown"
    """Its machine does not answer."""


@dataclass(frozen=True)
class Status:
    """One instance at one moment."""

    instance: Instance
    state: State
    pid: int = 0
    port: int = 0
    since: float = 0.0
    """When its process started (seconds since 1970); 0 = it does not live."""
    cpu_percent: float = 0.0
    """Of one core, it and all below it, just now."""
    memory_bytes: int = 0
    """Proportional set size where we may read it, else resident; of it and all below it."""
    version: str = ""
    health: str = ""
    """What it said, or why it is not up."""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def is_well(self) -> bool:
        """Whether it does what is wanted of it."""
        return self.state in (State.UP, State.STOPPED)

    def as_json(self) -> dict[str, Any]:
        """For `sagews status --json`."""
        found = asdict(self)
        found["instance"] = str(self.instance)
        found["host"] = self.instance.host
        found["state"] = str(self.state)
        found["figures"] = dict(self.figures)
        return found

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Self:
        """What `as_json` gave."""
        values = dict(found)
        component, _, number = values.pop("instance").partition(":")
        instance = Instance(component, int(number), values.pop("host"))
        return cls(**values | {"instance": instance, "state": State(values["state"])})


def measured(statuses: Sequence[Status]) -> list[Status]:
    """The same with what each uses, measured over `SAMPLE_SECONDS` for all at once."""
    trees = [_tree(one.pid) for one in statuses]
    before = [_cpu_seconds(tree) for tree in trees]
    began = time.monotonic()
    if any(trees):
        time.sleep(SAMPLE_SECONDS)
    passed = time.monotonic() - began
    return [
        replace(
            one,
            cpu_percent=round(100 * max(0.0, _cpu_seconds(tree) - earlier) / passed, 1) if tree else 0.0,
            memory_bytes=sum(_memory(process) for process in tree),
            since=_started(tree[0]) if tree else 0.0,
        )
        for one, tree, earlier in zip(statuses, trees, before, strict=True)
    ]


def _tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid) if pid else None
        return [process, *process.children(recursive=True)] if process else []
    except psutil.NoSuchProcess:
        return []


def _cpu_seconds(tree: Sequence[psutil.Process]) -> float:
    total = 0.0
    for process in tree:
        try:
            times = process.cpu_times()
        except psutil.NoSuchProcess:
            continue
        total += times.user + times.system
    return total


def _memory(process: psutil.Process) -> int:
    try:
        return int(process.memory_full_info().pss)
    except psutil.AccessDenied:
        return int(process.memory_info().rss)
    except psutil.NoSuchProcess:
        return 0


def _started(process: psutil.Process) -> float:
    try:
        return float(process.create_time())
    except psutil.NoSuchProcess:
        return 0.0
