"""Jupyter Server with a Sage kernel of the same Sage, started for a measurement, and a small client of it."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tornado.httpclient import AsyncHTTPClient, HTTPRequest
from tornado.websocket import WebSocketClientConnection, websocket_connect

from benchmarks.processes import end

TOKEN = "benchmark"
AS_SHIPPED = "Jupyter Server as shipped"
AT_ITS_BEST = "Jupyter Server at its best (TCP_NODELAY added, rate limits off)"
SETTINGS = {False: AS_SHIPPED, True: AT_ITS_BEST}
"""By `at_its_best`."""
START_SECONDS = 60
LARGEST_MESSAGE_BYTES = 2**30
PATIENCE_SECONDS = 10.0
"""A kernel that replied and then says nothing for so long has lost its "idle": its output socket drops messages."""
LONGEST_RUN_SECONDS = 200.0

# What the peer lacks a setting for: Nagle's algorithm off on its websockets.
WITH_NODELAY = """
import sys
from tornado.websocket import WebSocketProtocol13
shipped = WebSocketProtocol13._receive_frame_loop
async def receive(self):
    self.stream.set_nodelay(True)
    await shipped(self)
WebSocketProtocol13._receive_frame_loop = receive
from jupyter_server.serverapp import main
sys.exit(main())
"""


@dataclass
class Answer:
    """What one evaluation said."""

    text: str = ""
    printed: list[str] = field(default_factory=list)
    """What came of stdout, in its order."""
    seconds: float = 0.0
    """From asking to the last message that came."""

    @property
    def stdout(self) -> bytes:
        """What came of stdout."""
        return "".join(self.printed).encode()


class Kernel:
    """A kernel and the websocket to it."""

    def __init__(self, pid_of: Jupyter, kernel: str, connection: WebSocketClientConnection) -> None:
        self.id = kernel
        self._server = pid_of
        self._connection = connection

    async def evaluate(self, code: str) -> Answer:
        """Evaluate and wait until the kernel has replied and is idle again, or says nothing any more."""
        message = str(uuid.uuid4())
        self.send(code, message)
        started = time.perf_counter()
        answer, waiting = Answer(), {"idle", "reply"}
        while waiting:
            limit = LONGEST_RUN_SECONDS if "reply" in waiting else PATIENCE_SECONDS
            try:
                data = await asyncio.wait_for(self._connection.read_message(), limit)
            except TimeoutError:
                if "reply" in waiting:
                    raise
                break
            if data is None:
                raise RuntimeError("the peer closed the connection")
            self._take(json.loads(data), message, answer, waiting)
            answer.seconds = time.perf_counter() - started
        return answer

    def send(self, code: str, message: str) -> None:
        """Send an execute_request."""
        header = {"msg_id": message, "msg_type": "execute_request", "username": "", "session": "b", "version": "5.3"}
        content = {"code": code, "silent": False, "store_history": True, "user_expressions": {}, "allow_stdin": False}
        frame = {"header": header, "parent_header": {}, "metadata": {}, "content": content, "channel": "shell"}
        self._connection.write_message(json.dumps(frame))

    @staticmethod
    def _take(frame: dict[str, Any], message: str, answer: Answer, waiting: set[str]) -> None:
        if frame["parent_header"].get("msg_id") != message:
            return
        kind, content = frame["header"]["msg_type"], frame["content"]
        if kind == "execute_reply":
            waiting.discard("reply")
        elif kind == "status" and content["execution_state"] == "idle":
            waiting.discard("idle")
        elif kind == "stream" and content["name"] == "stdout":
            answer.printed.append(content["text"])
        elif kind == "execute_result":
            answer.text = content["data"]["text/plain"]

    def disconnect(self) -> None:
        """Close the connection; the kernel lives on."""
        self._connection.close()

    async def close(self) -> None:
        """Close the connection and end the kernel."""
        self.disconnect()
        await self._server.call("DELETE", f"/api/kernels/{self.id}")


class Jupyter:
    """One server that runs."""

    def __init__(self, pid: int, port: int) -> None:
        self.pid = pid
        self.url = f"http://127.0.0.1:{port}"
        self._port = port

    async def call(self, method: str, path: str, body: object = None) -> Any:
        """Call its HTTP API."""
        request = HTTPRequest(
            self.url + path,
            method=method,
            headers={"Authorization": f"token {TOKEN}"},
            body=None if body is None else json.dumps(body),
            request_timeout=120,
        )
        answer = await AsyncHTTPClient().fetch(request)
        return json.loads(answer.body) if answer.body else None

    async def start_kernel(self) -> str:
        """Ask for a Sage kernel; returns its id at once, the kernel is not ready yet."""
        return str((await self.call("POST", "/api/kernels", {"name": "sage"}))["id"])

    async def connect(self, kernel: str) -> Kernel:
        """Connect to a kernel; our side has TCP_NODELAY in every case."""
        address = f"ws://127.0.0.1:{self._port}/api/kernels/{kernel}/channels?token={TOKEN}"
        connection = await websocket_connect(address, max_message_size=LARGEST_MESSAGE_BYTES)
        connection.protocol.stream.set_nodelay(True)  # type: ignore[union-attr]
        return Kernel(self, kernel, connection)

    async def end_kernels(self) -> None:
        """End all of them."""
        for kernel in await self.call("GET", "/api/kernels"):
            await self.call("DELETE", f"/api/kernels/{kernel['id']}")

    async def new_kernel(self) -> Kernel:
        """Start one and connect."""
        return await self.connect(await self.start_kernel())


@asynccontextmanager
async def running_jupyter(*, at_its_best: bool) -> AsyncIterator[Jupyter]:
    """Start a server; it ends with the block."""
    with tempfile.TemporaryDirectory() as folder:
        _write_kernelspec(Path(folder))
        port = _free_port()
        program = ["-c", WITH_NODELAY] if at_its_best else ["-m", "jupyter_server"]
        options = [
            "--no-browser", "--allow-root", f"--ServerApp.root_dir={folder}", "--ServerApp.ip=127.0.0.1",
            f"--ServerApp.port={port}", "--ServerApp.port_retries=0", f"--IdentityProvider.token={TOKEN}",
        ]  # fmt: skip
        if at_its_best:
            options += [f"--ZMQChannelsWebsocketConnection.iopub_{what}_rate_limit=1e12" for what in ("msg", "data")]
        environ = os.environ | {"JUPYTER_PATH": folder, "JUPYTER_CONFIG_DIR": folder, "HOME": folder}
        process = subprocess.Popen(
            [sys.executable, *program, *options], env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            server = Jupyter(process.pid, port)
            await _until_it_answers(server, process)
            yield server
        finally:
            end(process, signal.SIGTERM)


def _write_kernelspec(folder: Path) -> None:
    """A Sage kernel that runs under this very Python."""
    spec = {
        "argv": [sys.executable, "-m", "sage.repl.ipython_kernel", "-f", "{connection_file}"],
        "display_name": "Sage",
        "language": "sage",
    }
    kernels = folder / "kernels" / "sage"
    kernels.mkdir(parents=True)
    (kernels / "kernel.json").write_text(json.dumps(spec))


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


async def _until_it_answers(server: Jupyter, process: subprocess.Popen[bytes]) -> None:
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                await server.call("GET", "/api/kernels")
                return
            except OSError:
                if process.poll() is not None:
                    raise RuntimeError("the peer did not start; is jupyter_server installed?") from None
                await asyncio.sleep(0.1)
