"""A port for a server that cannot look for a free one itself, where any port will do."""

from __future__ import annotations

import os
import socket

from sagews.component.component import Component
from sagews.component.instance import Instance, port_of
from sagews.configuration.run_files import read_status, tell_status
from sagews.errors import SetupError


def settle_port(component: Component, instance: Instance) -> None:
    """Choose the port of an instance and tell it in its status file: the last one, if it is free or still its own.

    Nothing, where a port is configured. To be called in `Component.prepare`, by the process that becomes the server.

    :raises SetupError: the machine has no such address.
    """
    if port_of(component.configuration, instance):
        return
    file = component.configuration.status_file(instance.component, instance.number)
    status = read_status(file)
    address, last = component.address(instance), int(status.get("port", 0))
    if last and not _is_free(address, last) and _is_there(int(status.get("pid", 0))):
        return
    tell_status(file, port=_free(address, last))


def _free(address: str, wanted: int) -> int:
    for port in (wanted, 0):
        with socket.socket(_family(address), socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((address, port))
            except OSError:
                continue
            return int(probe.getsockname()[1])
    raise SetupError(f"There is no free port on {address}.", mend="Look at the addresses in [hosts].")


def _is_free(address: str, port: int) -> bool:
    with socket.socket(_family(address), socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
        except OSError:
            return False
    return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _is_there(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except PermissionError:
        return True
    except OSError:
        return False
    return pid > 0
