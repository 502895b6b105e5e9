"""Attacks over sockets: on servers of this machine, of the site, and of the world."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from tests.integration.worker.talk import Talk

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_no_server_of_this_machine_is_reached(attacker: Talk, tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as abstract,
        socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as named,
    ):
        udp.bind(("127.0.0.1", 0))
        abstract.bind(f"\0{tmp_path}")
        named.bind(str(tmp_path / "socket"))
        for server in (abstract, named):
            server.listen()
        for server in (tcp, udp, abstract, named):
            server.setblocking(False)
        answer = await attacker.run(
            "unix = lambda name: socket.socket(socket.AF_UNIX).connect(name)\n"
            f"print(tried(socket.create_connection, ('127.0.0.1', {tcp.getsockname()[1]})))\n"
            "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
            f"u.sendto(b'x', ('127.0.0.1', {udp.getsockname()[1]}))\n"
            f"print(tried(unix, '\\0{tmp_path}'))\n"
            f"print(tried(unix, '{tmp_path}/socket'))"
        )
        assert answer.text().split() == ["ECONNREFUSED", "ECONNREFUSED", "ENOENT"]
        for server in (tcp, abstract, named):
            with pytest.raises(BlockingIOError):
                server.accept()
        with pytest.raises(BlockingIOError):
            udp.recv(1)


async def test_no_port_of_this_machine_is_open(attacker: Talk) -> None:
    code = (
        "found = []\nfor port in range(1, 65536):\n    s = socket.socket()\n"
        "    if s.connect_ex(('127.0.0.1', port)) == 0 and s.getsockname() != s.getpeername(): found.append(port)\n"
        "    s.close()\nprint(found)"
    )
    assert (await attacker.run(code)).text().strip() == "[]"


async def test_nothing_goes_out(attacker: Talk) -> None:
    answer = await attacker.run(
        "print(tried(socket.create_connection, ('192.0.2.1', 80), timeout=2))\n"
        "u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
        "print(tried(u.sendto, b'x', ('192.0.2.1', 53)))\n"
        "print(open('/proc/net/dev').read().count(':'))"
    )
    assert answer.text().splitlines() == ["ENETUNREACH", "ENETUNREACH", "1"]


async def test_programs_of_one_session_can_talk(attacker: Talk) -> None:
    answer = await attacker.run(
        "server = socket.create_server(('127.0.0.1', 0))\n"
        "client = socket.create_connection(server.getsockname())\n"
        "client.sendall(b'hello'); print(server.accept()[0].recv(5))"
    )
    assert answer.text().strip() == "b'hello'"
