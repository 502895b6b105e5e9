"""`sagews workers`: look at the workers of a site, and take one out of use."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sagews.admin.command import Verbs, add_configuration_option, configuration_of
from sagews.admin.commands.components import say
from sagews.errors import NotFound, UsageError

if TYPE_CHECKING:
    from sagews.database.choices import WorkerState
    from sagews.database.store import Store
    from sagews.worker.session_user import SessionUser

HEARD_WITHIN = timedelta(seconds=30)
LOOK_SECONDS = 1.0
USERS_AT_ONCE = 200


def add(verbs: Verbs) -> None:
    """Declare the verb."""
    parser = verbs.add(
        "workers",
        "List the workers of a site; drain one, so that it can be stopped without anybody noticing.",
        examples=("sagews workers list", "sagews workers drain worker:1 --wait && sagews stop worker:1"),
    )
    inner = Verbs(parser)
    one = inner.add("list", "List the workers: state, load, open workspaces.", examples=("sagews workers list",))
    add_configuration_option(one)
    one.set_defaults(run=list_workers)
    for name, about, run in (
        ("drain", "Give a worker no new workspaces and move those that it has, each when nothing runs in it.", drain),
        ("undrain", "Let a worker take workspaces again.", undrain),
        ("forget", "Forget a worker that was taken away; one of its name is new.", forget),
    ):
        one = inner.add(name, about, examples=(f"sagews workers {name} worker:1",))
        one.add_argument("worker", metavar="WORKER", help="as `sagews workers list` names it: worker:1")
        if name == "drain":
            one.add_argument("--wait", action="store_true", help="return when it has no workspace any more")
        add_configuration_option(one)
        one.set_defaults(run=run)
    one = inner.add(
        "reset",
        "End and wipe what Unix users for sessions have on this machine, while no worker runs; as root.",
        examples=("sagews workers reset all", "sagews workers reset 700003"),
    )
    one.add_argument("user", metavar="UID|all", help="one of `worker.users`")
    add_configuration_option(one)
    one.set_defaults(run=reset)


def list_workers(arguments: Namespace) -> int:
    """One line each."""

    async def show(store: Store) -> None:
        counts = await store.workspaces.count_by_worker()
        for one in sorted(await store.workers.all(), key=lambda worker: worker.id):
            silent = datetime.now(UTC) - one.heartbeat
            heard = "" if silent < HEARD_WITHIN else f"  not heard of for {silent.total_seconds():.0f} s"
            used = f"{one.load * one.capacity:.0f} of {one.capacity} sessions"
            say(f"{one.id:12} {one.state:9} {used:24} {counts.get(one.id, 0):5} workspaces  {one.address}{heard}")

    return _with_store(arguments, show)


def drain(arguments: Namespace) -> int:
    """Drain one; waits where it is told to."""
    import asyncio

    from sagews.database.choices import WorkerState

    async def change(store: Store) -> None:
        others = [one for one in await store.workers.all(HEARD_WITHIN) if one.id != arguments.worker]
        if not any(one.state is WorkerState.READY for one in others):
            raise UsageError(
                "No other worker is ready to take its workspaces.", mend="Start another, or undrain one, and try again."
            )
        await _set(store, arguments.worker, WorkerState.DRAINING)
        say(f"{arguments.worker} takes no new workspaces; those that it has move when nothing runs in them.")
        left = -1
        while arguments.wait and left != 0:
            counts = await store.workspaces.count_by_worker()
            if counts.get(arguments.worker, 0) != left:
                left = counts.get(arguments.worker, 0)
                say(f"{arguments.worker} has {left} workspaces")
            if left:
                await asyncio.sleep(LOOK_SECONDS)

    return _with_store(arguments, change)


def undrain(arguments: Namespace) -> int:
    """Undrain one."""
    from sagews.database.choices import WorkerState

    async def change(store: Store) -> None:
        await _set(store, arguments.worker, WorkerState.READY)
        say(f"{arguments.worker} takes workspaces again.")

    return _with_store(arguments, change)


def forget(arguments: Namespace) -> int:
    """Forget one that has nothing any more."""

    async def change(store: Store) -> None:
        left = (await store.workspaces.count_by_worker()).get(arguments.worker, 0)
        if left:
            raise UsageError(
                f"{arguments.worker} has {left} workspaces.",
                mend=f"`sagews workers drain {arguments.worker} --wait` first.",
            )
        await store.workers.forget(arguments.worker)
        say(f"{arguments.worker} is forgotten.")

    return _with_store(arguments, change)


def reset(arguments: Namespace) -> int:
    """Reset one user, or all that no worker has; 1 where something is left."""
    import os

    from sagews.worker.session_user import session_users

    if os.geteuid() != 0:
        raise UsageError("Only root can end what other users run.", mend="Try again with sudo.")
    users = session_users(configuration_of(arguments).worker.users)
    chosen = [user for user in users if arguments.user in ("all", str(user.uid))]
    if not chosen:
        raise UsageError(f"{arguments.user} is none of `worker.users`.", mend="Name one of them, or `all`.")
    clean, left = 0, list[str]()
    for first in range(0, len(chosen), USERS_AT_ONCE):
        part = _reset(chosen[first : first + USERS_AT_ONCE])
        clean += part[0]
        left += part[1]
    say("Left: " + ", ".join(left) if left else f"{clean} users are clean.")
    if clean < len(chosen):
        say(f"{len(chosen) - clean} are in use by a worker that runs, which resets them itself.")
    return 1 if left else 0


def _reset(users: Sequence[SessionUser]) -> tuple[int, list[str]]:
    """How many of them were free, and what of these is left; each takes a descriptor meanwhile."""
    from contextlib import ExitStack

    from sagews.worker.user_reset import reset as wipe
    from sagews.worker.user_slots import claim_on_machine

    with ExitStack() as claims:
        free = set()
        for user in users:
            claim = claim_on_machine(user)
            if claim is not None:
                claims.enter_context(claim)
                free.add(user.uid)
        return len(free), wipe(free)


async def _set(store: Store, worker: str, state: WorkerState) -> None:
    try:
        await store.workers.set_state(worker, state)
    except NotFound as error:
        raise UsageError(error.what, mend="`sagews workers list` lists them.") from error


@asynccontextmanager
async def _store(arguments: Namespace) -> AsyncIterator[Store]:
    from sagews.database.access import engine_for
    from sagews.database.migration import require_current
    from sagews.database.store import Store
    from sagews.database.uses import Use

    engine = engine_for(configuration_of(arguments), Use.ADMIN, connections=1)
    store = Store(engine)
    try:
        await require_current(engine)
        yield store
    finally:
        await store.close()


def _with_store(arguments: Namespace, use: Callable[[Store], Awaitable[None]]) -> int:
    import asyncio

    async def work() -> None:
        async with _store(arguments) as store:
            await use(store)

    asyncio.run(work())
    return 0
