"""How the programs of a site log: lines on standard error, and records on their way to the log server.

Invariant (I6 of the design): a log call never blocks, never raises and never waits for the network. A record is in
the spool, on disk, before the call returns; a thread ships it; it arrives once, also after ``kill -9``.

::

    remote = remotelog.start(configuration, "backend", number)     # in `main`
    ...
    remote.close()                                                 # at the end; waits two seconds at most
"""

from __future__ import annotations

from sagews.remotelog.connection import LogConnection
from sagews.remotelog.handler import RemoteHandler
from sagews.remotelog.lines import CONTROL, PLAIN, HumanFormatter, JsonFormatter, fields_of
from sagews.remotelog.setting_up import RemoteLog, configure, set_level, start
from sagews.remotelog.shipper import Origin, Shipper
from sagews.remotelog.spool import Spool

__all__ = [
    "CONTROL",
    "PLAIN",
    "HumanFormatter",
    "JsonFormatter",
    "LogConnection",
    "Origin",
    "RemoteHandler",
    "RemoteLog",
    "Shipper",
    "Spool",
    "configure",
    "fields_of",
    "set_level",
    "start",
]
