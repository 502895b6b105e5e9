"""Ports of servers of others, which cannot say which free port they took: chosen before they start."""

from __future__ import annotations

import json
import socket
from collections.abc import Sequence

from sagews.component.instance import Instance, port_of
from sagews.configuration import Configuration
from sagews.configuration.run_files import PUBLIC, read_status, tell


def choose_ports(
    configuration: Configuration, instance: Instance, address: str, settings: Sequence[str] = ("port",)
) -> dict[str, int]:
    """The real ports of an instance, by the names of their settings; also written into its status file.

    Where any free port will do, it is the one that is told already, so that others find it after a restart. The
    status file's ``pid`` is 0: who keeps the instance alive knows its process.

    :param address: where it listens.
    """
    path = configuration.status_file(instance.component, instance.number)
    told = read_status(path)
    ports = {name: port_of(configuration, instance, name) or _free(told.get(name), address) for name in settings}
    tell(path, json.dumps({"pid": 0, "address": address} | ports), PUBLIC)
    return ports


def _free(told: object, address: str) -> int:
    if isinstance(told, int) and told > 0:
        return told
    with socket.create_server(("" if address == "*" else address, 0)) as server:
        return int(server.getsockname()[1])
