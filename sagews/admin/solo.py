"""SoloSite: a worker and a backend for one person on this machine, kept alive by the program that started them.

Invariants: one site for one data folder (a lock says so); the listening socket belongs to this program, so the
address stays the same and connections wait while the backend is started again; the sign-in token lives as long as this
run does. A signal handler only notes.
"""

from __future__ import annotations

import asyncio
import fcntl
import json
import os
import secrets
import signal
import socket
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.simple_httpclient import HTTPStreamClosedError, HTTPTimeoutError

from sagews.admin.child import Child
from sagews.admin.running import RunningSite
from sagews.configuration import Configuration
from sagews.errors import Conflict, SetupError, UsageError

ASK_SECONDS = 0.1
"""Between two questions to a site that is starting whether it is ready."""
START_SECONDS = 180.0
GIVE_UP_DEATHS = 3
WORKER_STOP_SECONDS = 20.0
BACKEND_STOP_SECONDS = 10.0
BACKLOG = 128


class SoloSite:
    """One solo site, from start to stop."""

    def __init__(
        self, configuration: Configuration, file: Path | None, environ: Mapping[str, str], say: Callable[[str], None]
    ) -> None:
        """
        :param file: the configuration file, which the children read too.
        :param say: gets sentences for people.
        """
        self._configuration = configuration
        self._arguments = ("--config", str(file)) if file else ()
        self._environ = dict(environ) | {"SAGEWS_DATA_FOLDER": str(configuration.data_folder.absolute())}
        self._say = say
        self._stop = asyncio.Event()

    async def run(self, ready: Callable[[RunningSite], None]) -> None:
        """Serve until SIGINT or SIGTERM.

        :param ready: called once, when a session can be opened.
        :raises Conflict: a site runs on this data folder already; SetupError: it cannot be started here.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        with ExitStack() as stack:
            self._make_folders()
            self._lock(stack)
            listener = stack.enter_context(self._listen())
            running = _running(listener)
            for file in running.write(self._configuration.run_folder):
                stack.callback(partial(file.unlink, missing_ok=True))
            await self._keep(listener, running, ready)

    async def _keep(self, listener: socket.socket, running: RunningSite, ready: Callable[[RunningSite], None]) -> None:
        worker = self._child("worker", "sagews.worker")
        options = ("--listen-descriptor", str(listener.fileno()))
        backend = self._child("backend", "sagews.backend", options, (listener.fileno(),))
        keeping = [asyncio.create_task(child.keep()) for child in (worker, backend)]
        stopping = asyncio.create_task(self._stop.wait())
        starting = asyncio.create_task(self._until_ready(running, (worker, backend)))
        try:
            await asyncio.wait({starting, stopping, *keeping}, return_when=asyncio.FIRST_COMPLETED)
            if starting.done():
                starting.result()
                ready(running)
                await asyncio.wait({stopping, *keeping}, return_when=asyncio.FIRST_COMPLETED)
            for kept in keeping:
                if kept.done():
                    kept.result()
        finally:
            starting.cancel()
            stopping.cancel()
            # The worker first: a backend carries its last checkpoints into the database.
            await worker.stop(WORKER_STOP_SECONDS)
            await backend.stop(BACKEND_STOP_SECONDS)
            await asyncio.gather(*keeping, return_exceptions=True)

    async def _until_ready(self, running: RunningSite, children: tuple[Child, ...]) -> None:
        client = AsyncHTTPClient(force_instance=True)
        try:
            async with asyncio.timeout(START_SECONDS):
                while not await _is_healthy(client, running.url):
                    for child in children:
                        if child.deaths >= GIVE_UP_DEATHS:
                            raise _cannot_start(child, f"has ended {child.deaths} times")
                    await asyncio.sleep(ASK_SECONDS)
        except TimeoutError as error:
            raise _cannot_start(children[0], f"is not ready after {START_SECONDS:g} s") from error
        finally:
            client.close()

    def _child(
        self, name: str, module: str, arguments: tuple[str, ...] = (), descriptors: tuple[int, ...] = ()
    ) -> Child:
        log = self._configuration.data_folder / "log" / f"{name}.log"
        return Child(name, module, (*self._arguments, *arguments), self._environ, log, self._say, descriptors)

    def _make_folders(self) -> None:
        data = self._configuration.data_folder
        try:
            for folder in (data, data / "log", self._configuration.run_folder):
                folder.mkdir(mode=0o700, parents=True, exist_ok=True)
                if not os.access(folder, os.W_OK | os.X_OK):
                    raise PermissionError(13, "Permission denied")
        except OSError as error:
            raise SetupError(
                f"The data folder {data} cannot be used: {error.strerror}.",
                mend="Name another with --data FOLDER, or give your user the right to write there.",
            ) from error

    def _lock(self, stack: ExitStack) -> None:
        lock = stack.enter_context((self._configuration.run_folder / "solo.lock").open("a"))
        try:
            fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            running = RunningSite.read(self._configuration)
            where = f" at {running.sign_in_url}" if running else ""
            raise Conflict(
                f"sagews runs already on the data folder {self._configuration.data_folder}{where}.",
                mend="Open that address, or stop it first (Ctrl-C where it runs).",
            ) from error

    def _listen(self) -> socket.socket:
        address, port = self._configuration.backend.address, self._configuration.backend.port
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((address, port))
        except OSError as error:
            listener.close()
            raise UsageError(
                f"Port {port} on {address} cannot be used: {error.strerror}.",
                mend="Stop what uses it, or choose another: `sagews run --port 0` takes any that is free "
                "(`make run ARGS='--port 0'`).",
            ) from error
        listener.listen(BACKLOG)
        listener.setblocking(False)
        return listener


def _running(listener: socket.socket) -> RunningSite:
    host, port = listener.getsockname()[:2]
    name = f"[{host}]" if ":" in host else host
    return RunningSite(os.getpid(), f"http://{name}:{port}", secrets.token_hex(24))


async def _is_healthy(client: AsyncHTTPClient, url: str) -> bool:
    try:
        answer = await client.fetch(f"{url}/healthz", request_timeout=5, connect_timeout=5)
    except (OSError, HTTPClientError, HTTPTimeoutError, HTTPStreamClosedError):
        return False
    return bool(json.loads(answer.body)["status"] == "ok")


def _cannot_start(child: Child, what: str) -> SetupError:
    return SetupError(f"The {child.name} {what}. The end of its log:\n{child.last_lines()}\n", mend=f"See {child.log}.")
