"""WholeSite: every component of a site on all of its machines, started, watched and stopped in the right order.

Invariant: a machine does its own part itself; for another one the same `sagews` runs there over SSH, with ``--here``.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Literal

from sagews.admin.delivery import deliver, failed_there, file_there, was_never_started
from sagews.admin.together import together
from sagews.component import Component, Instance
from sagews.component.instance import ALL, choose
from sagews.component.status import State, Status
from sagews.component.supervision import Program, Supervision
from sagews.configuration import Configuration
from sagews.errors import SagewsError, SetupError, Unavailable, UsageError
from sagews.hosts import machine

Say = Callable[[str], None]
Verb = Literal["start", "stop", "restart", "reload"]
REMOTE_SECONDS = 600.0
REMOTE_STATUS_SECONDS = 30.0


class WholeSite:
    """All components of a site."""

    def __init__(self, configuration: Configuration, file: Path, *, here_only: bool = False) -> None:
        """
        :param here_only: leave the other machines alone.
        :raises UsageError: the configuration is a solo site's.
        """
        if configuration.is_solo:
            raise UsageError(
                "This configuration is of a solo site, which `sagews run` runs.",
                mend="Make a whole site with `sagews init FOLDER`, and name its file with --config.",
            )
        self.configuration = configuration
        self.file = file
        self.here_only = here_only
        self.components = {one.name: one for one in self._made()}
        self._left_alone: set[str] = set()
        """Machines that do not answer, or could not be given what they need: they are left alone from then on."""

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """The other machines of the site."""
        return self._elsewhere(self.chosen(()))

    def chosen(self, which: Sequence[str]) -> tuple[Instance, ...]:
        """The instances that words of the command line mean.

        :param which: ``all``, ``backend``, ``backend:1``; none = all.
        :raises UsageError: a word means nothing.
        """
        found: dict[Instance, None] = {}
        for word in which or (ALL,):
            name, _, number = word.partition(":")
            names = tuple(self.components) if word == ALL else (name,)
            if not set(names) <= set(self.components):
                raise UsageError(
                    f"There is no component {name[:40]!r}.",
                    mend=f"Name one of {', '.join(self.components)}, one instance as backend:1, or all.",
                )
            for one in names:
                found |= dict.fromkeys(choose(self.configuration, one, number or ALL))
        return tuple(found)

    def do(self, verb: Verb, which: Sequence[str], say: Say) -> None:
        """Start, stop, restart or reload instances, those first that others need (for stop: last).

        What does not depend on a failure is done all the same.

        :raises SetupError: something failed; one paragraph for each.
        """
        self.require_main_machine()
        chosen = self.chosen(which)
        failures: list[str] = []
        if verb != "stop":
            failures += self._try_all(self._deliveries(self._elsewhere(chosen), say))
        layers = self._layers()
        for layer in reversed(layers) if verb == "stop" else layers:
            failures += self._try_all(self._tasks(verb, [one for one in chosen if one.component in layer], say))
        if verb == "stop":
            self.supervision.shut_down()
        if failures:
            raise SetupError("\n".join(dict.fromkeys(failures)), mend="`sagews status` shows what runs.")

    def deliver(self, say: Say) -> None:
        """Bring every other machine the configuration and its certificates.

        :raises SetupError: one did not get them; one paragraph for each.
        """
        self.require_main_machine()
        failures = self._try_all(self._deliveries(self.elsewhere, say))
        if failures:
            raise SetupError("\n".join(failures), mend="Once it answers, do this again.")

    def status(self, which: Sequence[str] = (), *, here_only: bool = False) -> list[Status]:
        """What the instances do, in the order of the configuration.

        :param here_only: leave out what is on other machines.
        """
        chosen = self.chosen(which)
        elsewhere = () if here_only else self._elsewhere(chosen)
        here = [one for one in chosen if one.host == self.configuration.host]
        asked: list[Callable[[], list[Status]]] = [partial(self._ask, name, chosen) for name in elsewhere]
        asked += [partial(self.components[one.component].status, str(one)) for one in here]
        found = {status.instance: status for part in together(asked) for status in part}
        return [found[one] for one in chosen if one in found]

    @property
    def is_main_machine(self) -> bool:
        """Whether this is the machine from which the others are reached, and which has what all of them need."""
        return not self.configuration.hosts[self.configuration.host].ssh

    # --- parts

    def _made(self) -> Iterator[Component]:
        """The components; imported here, because each brings what it needs to ask its servers."""
        from sagews.admin.components import CLASSES, component_class

        self.supervision = Supervision(self.configuration, ())
        made = [component_class(name)(self.configuration, self.file, self.supervision) for name in CLASSES]
        self.supervision.programs = [self._program(one, instance) for one in made for instance in one.here()]
        yield from made

    def _program(self, component: Component, instance: Instance) -> Program:
        here = machine(self.configuration, self.configuration.host)
        command = here.sagews("keep", str(instance), file=self.file.absolute())
        return Program(instance, command, component.stop_signal, component.stop_seconds)

    def _layers(self) -> list[tuple[str, ...]]:
        graph = {name: [one for one in part.needs if one in self.components] for name, part in self.components.items()}
        sorter = TopologicalSorter(graph)
        sorter.prepare()
        layers = []
        while sorter.is_active():
            ready = sorter.get_ready()
            layers.append(tuple(ready))
            sorter.done(*ready)
        return layers

    def _elsewhere(self, chosen: Iterable[Instance]) -> tuple[str, ...]:
        if self.here_only:
            return ()
        return tuple(dict.fromkeys(one.host for one in chosen if one.host != self.configuration.host))

    def require_main_machine(self) -> None:
        """:raises UsageError: other machines are meant, too, and are not reached from this one."""
        if not self.is_main_machine and not self.here_only:
            main = ", ".join(name for name, host in self.configuration.hosts.items() if not host.ssh)
            raise UsageError(
                f"This is the machine {self.configuration.host} of the site, which is run from {main}.",
                mend=f"Use `sagews` on {main}, or give --here for what is on this machine only.",
            )

    def _deliveries(self, hosts: Iterable[str], say: Say) -> list[Callable[[], object]]:
        return [
            partial(self._of_machine, name, partial(deliver, self.configuration, self.file, name, say), SagewsError)
            for name in hosts
        ]

    def _of_machine(self, name: str, task: Callable[[], object], fatal: type[SagewsError] = Unavailable) -> None:
        """Do something with another machine, unless it is left alone.

        :param fatal: after such a failure it is.
        """
        if name in self._left_alone:
            return
        try:
            task()
        except fatal:
            self._left_alone.add(name)
            raise

    def _tasks(self, verb: Verb, chosen: Sequence[Instance], say: Say) -> list[Callable[[], object]]:
        tasks: list[Callable[[], object]] = []
        here = [one for one in chosen if one.host == self.configuration.host]
        for name in dict.fromkeys(one.component for one in here):
            mine = [one for one in here if one.component == name]
            tasks.append(partial(self._do_here, verb, name, mine, say))
        for name in self._elsewhere(chosen):
            there = [str(one) for one in chosen if one.host == name]
            tasks.append(partial(self._of_machine, name, partial(self._do_there, verb, name, there, say)))
        return tasks

    def _do_here(self, verb: Verb, name: str, mine: Sequence[Instance], say: Say) -> None:
        component = self.components[name]
        every = set(component.here()) == set(mine)
        for which in (ALL,) if every else tuple(map(str, mine)):
            getattr(component, verb)(which, say)

    def _do_there(self, verb: Verb, name: str, which: Sequence[str], say: Say) -> None:
        there = machine(self.configuration, name)
        command = there.sagews(verb, "--here", *which, file=file_there(self.configuration, name))
        done = there.run(command, within_seconds=REMOTE_SECONDS, say=lambda line: say(f"{name}: {line}"))
        if verb == "stop" and was_never_started(done):
            say(f"{name}: nothing was ever started there")
        elif done.status != 0:
            raise failed_there(there, done)

    def _ask(self, name: str, chosen: Sequence[Instance]) -> list[Status]:
        mine = [one for one in chosen if one.host == name]
        there = machine(self.configuration, name)
        arguments = ("status", "--here", "--json", *map(str, mine))
        command = there.sagews(*arguments, file=file_there(self.configuration, name))
        try:
            done = there.run(command, within_seconds=REMOTE_STATUS_SECONDS)
        except SagewsError as error:
            return [Status(one, State.UNKNOWN, health=error.what) for one in mine]
        try:
            found = {one.instance: one for one in map(Status.from_json, json.loads(done.output)["instances"])}
            return [found[one] for one in mine]
        except (ValueError, KeyError, TypeError, AttributeError):  # an answer of something else than our sagews
            return [Status(one, State.UNKNOWN, health=failed_there(there, done).what) for one in mine]

    @staticmethod
    def _try_all(tasks: Sequence[Callable[[], object]]) -> list[str]:
        """Do all at once; a paragraph for each that failed."""

        def attempt(task: Callable[[], object]) -> str:
            try:
                task()
            except SagewsError as error:
                return f"{error.what.rstrip()}\n{error.what_to_do}"
            return ""

        return [said for said in together([partial(attempt, task) for task in tasks]) if said]
