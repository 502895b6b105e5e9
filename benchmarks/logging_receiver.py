"""The other end of the standard library's `SocketHandler`: makes a record of each pickle and counts it.

``python -m benchmarks.logging_receiver`` prints its port, and at the end of its one connection how many records came.
"""

from __future__ import annotations

import logging
import pickle
import socket
import struct
import sys

LENGTH = struct.Struct(">L")


def main() -> None:
    """Serve one connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        sys.stdout.write(f"{server.getsockname()[1]}\n")
        sys.stdout.flush()
        connection, _ = server.accept()
        count = 0
        with connection, connection.makefile("rb") as stream:
            while len(head := stream.read(LENGTH.size)) == LENGTH.size:
                logging.makeLogRecord(pickle.loads(stream.read(LENGTH.unpack(head)[0])))  # noqa: S301 - from our parent
                count += 1
    sys.stdout.write(f"{count}\n")


if __name__ == "__main__":
    main()
