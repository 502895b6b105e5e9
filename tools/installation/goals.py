"""From a goal of a make target to the steps that reach it."""

from __future__ import annotations

import fcntl
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sagews.errors import SagewsError, UsageError
from tools.installation import machine
from tools.installation.browser_files import ClientFiles, ClientPackages
from tools.installation.console import Console
from tools.installation.environment import DevelopmentPackages, Packages, VirtualEnvironment
from tools.installation.layout import Layout
from tools.installation.openness import OpenToOthers
from tools.installation.relocation import Relocation
from tools.installation.servers import Servers, SiteServers
from tools.installation.stamps import Stamps
from tools.installation.steps import Step

GOALS: dict[str, tuple[type[Step], ...]] = {
    "runtime": (VirtualEnvironment, Relocation, Packages),
    "development": (VirtualEnvironment, Relocation, DevelopmentPackages),
    "client-packages": (ClientPackages,),
    "client": (ClientPackages, ClientFiles),
    "servers": (Servers,),
    "site": (OpenToOthers, SiteServers),
}


def reach(root: str, goals: Sequence[str], console: Console | None = None) -> int:
    """Do the steps of *goals* that are needed, and say so; the exit status: 0, 1 failed, 130 interrupted."""
    console = console or Console()
    try:
        _reach(Layout(Path(root).resolve()), goals, console)
    except SagewsError as error:
        console.broken_off()
        print(f"Set-up stopped: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        console.broken_off()
        print("Set-up was interrupted; run the same again to go on.", file=sys.stderr)
        return 130
    return 0


def _reach(layout: Layout, goals: Sequence[str], console: Console) -> None:
    stamps = Stamps(layout.state / "stamps")
    steps = [kind(layout, stamps) for kind in _kinds(goals)]
    machine.check_writable(layout.root, layout.state)
    stamps.folder.mkdir(exist_ok=True)
    with _alone(layout, console):
        todo = _needed(steps)
        console.expect(len(todo))
        for step in todo:
            console.begin(step.title)
            step.do(console)
            console.end()


def _needed(steps: Sequence[Step]) -> list[Step]:
    """The steps to do; a new environment is empty, so its packages are needed too, and it is in its place."""
    new = any(isinstance(step, VirtualEnvironment) and step.needed() for step in steps)
    if new:
        return [
            step for step in steps if isinstance(step, Packages) or (step.needed() and not isinstance(step, Relocation))
        ]
    return [step for step in steps if step.needed()]


def _kinds(goals: Sequence[str]) -> list[type[Step]]:
    unknown = [goal for goal in goals if goal not in GOALS]
    if unknown:
        raise UsageError(f"Set-up knows no goal {unknown[0]!r}.", mend=f"The goals are: {', '.join(GOALS)}.")
    kinds: dict[type[Step], None] = {}
    for goal in goals:
        kinds.update(dict.fromkeys(GOALS[goal]))
    if DevelopmentPackages in kinds:
        kinds.pop(Packages, None)
    return list(kinds)


@contextmanager
def _alone(layout: Layout, console: Console) -> Iterator[None]:
    """Two make targets at once in one folder take turns."""
    with (layout.state / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            console.say("Waiting for another set-up of this folder ...")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
