"""What can be wrong with an installation, found before it hurts, each with its mend."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import stat
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil

from sagews.admin.finding import Finding
from sagews.admin.machine_checks import machines
from sagews.admin.machines import users
from sagews.admin.outgoing_ports import OutgoingPorts, written
from sagews.admin.site import WholeSite
from sagews.certificates import expiries, files_of
from sagews.component.instance import port_of
from sagews.component.status import State
from sagews.configuration import Configuration
from sagews.errors import SagewsError
from sagews.hosts import PROGRAM_FOLDER

OURS = ("backend", "worker", "logserver")
"""The components that are programs of this folder."""
PORT_SETTINGS = ("port", "http_port", "monitoring_port")
LEAST_FREE_BYTES = 2**30
LEAST_FREE_PART = 0.05


def find(site: WholeSite) -> Iterator[Finding]:
    """Everything that is looked at, one after the other."""
    yield from programs(site)
    yield from folders(site.configuration)
    yield from ports(site)
    yield from outgoing_ports(site, OutgoingPorts.of_this_machine())
    yield from certificates(site.configuration)
    yield from disk(site.configuration)
    yield from instances(site)
    if not site.here_only:
        yield from machines(site)


def programs(site: WholeSite) -> Iterator[Finding]:
    """The servers from the system's packages."""
    for component in site.components.values():
        if not component.here():
            continue
        for program, package in component.missing_programs().items():
            yield Finding.wrong(
                f"{component.name} needs {program}, which is not installed", f"sudo apt install {package}"
            )
        if not component.missing_programs():
            yield Finding.good(f"{component.name}: its programs are installed")


def folders(configuration: Configuration) -> Iterator[Finding]:
    """Whether the users of the components exist and get at what they need."""
    names = list(users(configuration, configuration.host))
    if os.geteuid() != 0:
        yield Finding.doubtful(
            "Not root: all components run as your user, so they are not kept apart", "Run the site as root for that"
        )
        return
    for name in names:
        try:
            pwd.getpwnam(name)
        except KeyError:
            yield Finding.wrong(f"There is no Unix user {name}", "sagews start makes it")
    if any(getattr(configuration, name).user for name in OURS):
        yield from reachable(configuration)


def reachable(configuration: Configuration) -> Iterator[Finding]:
    """Whether users other than root get at the site's folder and at this program."""
    mends = {
        configuration.data_folder.absolute(): "Put it elsewhere, for example below /srv",
        PROGRAM_FOLDER: "Move it elsewhere, for example below /opt",
        Path(
            sys.executable
        ).resolve(): "Set up sagews with another Python: make clean && make setup PYTHON=/usr/bin/python3",
    }
    for path, mend in mends.items():
        closed = next((one for one in path.parents if one.exists() and not one.stat().st_mode & stat.S_IXOTH), None)
        if closed:
            yield Finding.wrong(f"The users of the components cannot get at {path}: {closed} is closed to others", mend)
        else:
            yield Finding.good(f"{path} is open to the users of the components")


def ports(site: WholeSite) -> Iterator[Finding]:
    """Whether the ports of what does not run are free."""
    seen: dict[int, str] = {}
    for component in site.components.values():
        for instance in component.here():
            port = component.port(instance)
            if port and port in seen:
                yield Finding.wrong(
                    f"Port {port} is both {seen[port]}'s and {instance}'s", f"Change `{component.name}.port`"
                )
            seen.setdefault(port, str(instance))
            if not port or component.lock(instance).pid:
                continue
            user = _user_of(component.address(instance), port)
            if user:
                yield Finding.wrong(
                    f"Port {port} of {instance} is used by {user}", f"Stop it, or change `{component.name}.port`"
                )
            else:
                yield Finding.good(f"{instance}: port {port} is free")


def outgoing_ports(site: WholeSite, outgoing: OutgoingPorts) -> Iterator[Finding]:
    """Whether connections that go out of this machine may take ports that components listen on."""
    wanted = {
        port_of(site.configuration, instance, setting)
        for component in site.components.values()
        for instance in component.here()
        for setting in PORT_SETTINGS
        if hasattr(getattr(site.configuration, component.name), setting)
    }
    taken = outgoing.among(wanted - {0})
    if taken:
        yield Finding.doubtful(
            f"The ports {written(taken)} are of those ({outgoing.span.start} to {outgoing.span.stop - 1}) that the "
            "kernel gives to outgoing connections: what listens there may find its port in use when it starts",
            f"{outgoing.mend(taken)}, and the same in a file of /etc/sysctl.d; or choose ports outside",
        )
    else:
        yield Finding.good("No outgoing connection takes a port of the site")


def certificates(configuration: Configuration) -> Iterator[Finding]:
    """Whether they are there, good for a while, and closed to others; elsewhere than on the main machine, its own."""
    only = configuration.host if configuration.hosts[configuration.host].ssh else ""
    try:
        found = expiries(configuration, only)
    except SagewsError as error:
        yield Finding.wrong(error.what.rstrip("."), error.what_to_do.rstrip("."))
        return
    for one in found:
        if one.is_near:
            mend = f"{'Get a new one, then ' if one.is_operators else ''}{one.renewal}"
            yield Finding.wrong(f"The certificate {one.name} {one.when}", mend)
    for path in files_of(configuration, configuration.host):
        if path.name != "authority.pem" and path.exists() and path.stat().st_mode & 0o077:
            yield Finding.wrong(f"{path} is open to others", f"chmod 600 {path}")
    yield Finding.good(f"{len(found)} certificates, the first ends on {found[0].ends:%Y-%m-%d}")


def disk(configuration: Configuration) -> Iterator[Finding]:
    """Whether there is room."""
    folder = configuration.data_folder
    usage, inodes = shutil.disk_usage(folder), os.statvfs(folder)
    free = f"{usage.free / 2**30:.1f} GiB of {usage.total / 2**30:.1f} GiB are free in {folder}"
    mend = "Make room, or move the site's folder to a larger disk"
    if usage.free < LEAST_FREE_BYTES or usage.free < LEAST_FREE_PART * usage.total:
        yield Finding.wrong(f"The disk is nearly full: {free}", mend)
    elif inodes.f_files and inodes.f_favail < LEAST_FREE_PART * inodes.f_files:
        yield Finding.wrong(f"The disk has hardly room for more files in {folder} (inodes)", mend)
    else:
        yield Finding.good(free)


def instances(site: WholeSite) -> Iterator[Finding]:
    """Whether what is wanted runs and answers."""
    if not site.supervision.pid:
        yield Finding.doubtful("supervisord does not run: what dies is not started again", "sagews start")
    for status in site.status(here_only=True):
        if not status.is_well:
            yield Finding.wrong(
                f"{status.instance} is {status.state}: {status.health.rstrip('.')}", f"sagews start {status.instance}"
            )
        elif status.state is State.UP:
            yield Finding.good(f"{status.instance} {status.health}")


def _user_of(address: str, port: int) -> str:
    """Who listens there; empty = nobody does."""
    try:
        with socket.create_server((address, port)):
            return ""
    except OSError:
        pass
    try:
        for one in psutil.net_connections("tcp"):
            if one.status == psutil.CONN_LISTEN and one.laddr.port == port and one.pid:
                return f"{psutil.Process(one.pid).name()} (pid {one.pid})"
    except (psutil.AccessDenied, psutil.NoSuchProcess):
        return "another program"
    return "another program"
