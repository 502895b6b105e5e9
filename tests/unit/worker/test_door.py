"""Who knocks where no descriptor is left waits, and costs nothing."""

from __future__ import annotations

import asyncio
import resource
import socket
from collections.abc import Callable
from typing import NoReturn

from sagews.worker.door import Door
from sagews.worker.settings import WorkerSettings
from tests.logwatch import Expectation


def nobody(peer: str) -> NoReturn:
    raise AssertionError(f"{peer} was let in")


async def test_without_descriptors_it_rests_and_goes_on(expected_log: Callable[[str, str], Expectation]) -> None:
    cannot = expected_log("sagews.worker.door", "Cannot accept")
    expected_log("sagews.worker.door", "Peer turned away")
    loop, passed = asyncio.get_running_loop(), asyncio.Event()
    usual = resource.getrlimit(resource.RLIMIT_NOFILE)
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()) as peer:
        listener.setblocking(False)
        peer.setblocking(False)
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, usual[1]))
        try:
            door = Door(listener, None, nobody, lambda: False, WorkerSettings())
            loop.call_later(0.1, passed.set)
            await passed.wait()
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, usual)
        assert cannot.seen == 1
        assert await asyncio.wait_for(loop.sock_recv(peer, 1), 10) == b""  # seen, and turned away
        door.close()
