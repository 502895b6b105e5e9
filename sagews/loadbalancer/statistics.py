"""What a running HAProxy says about itself on its stats socket (HAProxy's management guide, "Unix Socket commands")."""

from __future__ import annotations

import csv
import os
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sagews.errors import Unavailable

SOCKET = "stats.sock"
PATIENCE_SECONDS = 3.0


@dataclass(frozen=True)
class Server:
    """One server, as HAProxy sees it."""

    name: str
    is_up: bool
    sessions: int


@dataclass(frozen=True)
class Statistics:
    """State of one HAProxy."""

    version: str
    info: Mapping[str, str]
    """As ``show info`` names them."""
    backends: tuple[Server, ...]
    static_servers: tuple[Server, ...]

    def number(self, name: str) -> float:
        """A number of ``show info``; 0 = it has none of that name."""
        value = self.info.get(name, "")
        return float(value) if value.replace(".", "", 1).isdigit() else 0.0


def read_statistics(folder: Path) -> Statistics:
    """Ask the HAProxy whose socket is in that folder.

    :raises Unavailable: it does not answer there.
    """
    info = dict(line.split(": ", 1) for line in ask(folder, "show info").splitlines() if ": " in line)
    lines = ask(folder, "show stat").removeprefix("# ").splitlines()
    rows = [row for row in csv.DictReader(lines) if row["svname"] not in ("FRONTEND", "BACKEND")]
    return Statistics(
        version=info.get("Version", ""),
        info=info,
        backends=tuple(_server(row) for row in rows if row["pxname"] == "live"),
        static_servers=tuple(_server(row) for row in rows if row["pxname"] == "static" and row["bck"] == "0"),
    )


def ask(folder: Path, command: str) -> str:
    """Say a command on the stats socket; returns what it answers.

    :raises Unavailable: there is no answer.
    """
    try:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(PATIENCE_SECONDS)
            _connect(connection, folder)
            connection.sendall(f"{command}\n".encode())
            answer = bytearray()
            while piece := connection.recv(65536):
                answer += piece
    except OSError as error:
        raise Unavailable(f"HAProxy does not answer on {folder / SOCKET} ({error}).") from error
    return answer.decode(errors="replace")


def _connect(connection: socket.socket, folder: Path) -> None:
    """By a short name of the folder: a socket's whole address has 107 characters at most (unix(7))."""
    descriptor = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        connection.connect(f"/proc/self/fd/{descriptor}/{SOCKET}")
    finally:
        os.close(descriptor)


def _server(row: Mapping[str, str]) -> Server:
    return Server(row["svname"], row["status"].startswith(("UP", "no check")), int(row["scur"] or 0))
