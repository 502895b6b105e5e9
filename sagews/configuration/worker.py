"""Settings of the worker: the server that runs sessions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sagews.configuration.components import hosts_setting, port_setting, user_setting
from sagews.configuration.declare import named, section, setting
from sagews.configuration.hosts import HERE


@dataclass(frozen=True, kw_only=True)
class Session:
    """What one session on this machine may use; the type of an account may allow less, never more.

    A session that reaches a limit ends, and its reason is shown."""

    memory_megabytes: int = setting(4096, "Memory of the session and all that it started.", at_least=64, at_most=10**7)
    cpu_seconds: int = setting(
        0, "Processor time of the session and all that it started; 0 = no limit.", at_least=0, at_most=10**8
    )
    wall_seconds: int = setting(0, "Time from start to end; 0 = no limit.", at_least=0, at_most=10**8)
    idle_minutes: float = setting(
        0.0, "How long a session in which nothing runs is kept; 0 = no limit.", at_least=0, at_most=10**6
    )
    processes: int = setting(256, "Processes and threads that the session may have at once.", at_least=1, at_most=10**6)
    disk_megabytes: int = setting(
        0, "Size of all files of one workspace; at the limit nothing is run or uploaded. 0 = no limit.", at_least=0,
        at_most=10**8,
    )  # fmt: skip
    disk_files: int = setting(
        0, "Files and folders of one workspace, likewise; 0 = no limit.", at_least=0, at_most=10**9
    )
    open_files: int = setting(1024, "Files that one process may have open.", at_least=64, at_most=2**20)
    file_size_megabytes: int = setting(1024, "Largest file that may be written.", at_least=1, at_most=10**7)
    output_megabytes: int = setting(
        512, "Output kept of one run; at the limit the cell says so and is interrupted.", at_least=1, at_most=10**6
    )
    output_shown_kilobytes: int = setting(
        1024, "Output shown of one run: its first and last part, with a link to the rest.", at_least=1, at_most=10**6
    )
    messages_per_second: int = setting(
        1000,
        "Plots, widgets' messages and the like that are shown in a second; a session that shows more is slowed down.",
        at_least=1,
        at_most=10**6,
    )
    input_minutes: float = setting(
        60.0, "How long `input()` waits for an answer; 0 = no limit.", at_least=0, at_most=10**6
    )
    temporary_megabytes: int = setting(
        1024, "Size of the session's own /tmp, and of its /dev/shm; both count as memory.", at_least=1, at_most=10**7
    )
    interrupt_again_seconds: float = setting(
        2.0, "A program that goes on this long after an interrupt is interrupted again.", at_least=0.1, at_most=3600
    )
    kill_after_seconds: float = setting(
        5.0, "A program that goes on this long after the second interrupt is killed.", at_least=0.1, at_most=3600
    )
    quit_seconds: float = setting(
        5.0,
        "At the limit of its wall time a session gets SIGQUIT, and so long to keep what it has before it is killed.",
        at_least=0.0,
        at_most=3600,
    )


@dataclass(frozen=True, kw_only=True)
class Environment:
    """What sessions are forked from: a process that has imported its modules already."""

    enabled: bool = setting(True, "Whether sessions of this environment can be opened.")
    kind: Literal["sage", "python"] = setting(
        "python", "`sage`: Sage's words, preparser and rich output; `python`: plain Python."
    )
    interpreter: str = setting(
        "",
        "Path of the Python to run; empty = the one that runs sagews.",
        matches=r"(/.+)?",
        allowed="an absolute path, or empty",
    )
    preload_modules: tuple[str, ...] = setting(
        (),
        "Modules to import once, before the first session, besides those of its kind.",
        matches=r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*",
        allowed="names of Python modules",
    )
    spare_sessions: int = setting(
        2,
        "Sessions that are kept ready, so that who opens one need not wait for it; each takes about 14 MB.",
        at_least=0,
        at_most=100,
    )


ENVIRONMENTS: Mapping[str, Environment] = {
    "sage": Environment(kind="sage"),
    "python": Environment(kind="python"),
}


@dataclass(frozen=True, kw_only=True)
class Worker:
    """The server that runs sessions."""

    hosts: tuple[str, ...] = hosts_setting((HERE, HERE))
    user: str = user_setting("sagews-worker")
    users: str = setting(
        "700000-700999",
        "Unix users for sessions, one for each open workspace, where root starts the worker: a range of numbers that "
        "nobody else has, or names of accounts that are used for nothing else. Empty = sessions are who the worker is, "
        "which a site that root starts refuses.",
        matches=r"[0-9a-z_][0-9a-z_,-]*|",
        allowed="a range such as 700000-700999, or names, separated by commas",
    )
    confine: bool = setting(
        True,
        "Whether sessions are confined, as far as this machine can; a site that root starts refuses false. "
        "See docs/security.md.",
    )
    unprotected: tuple[str, ...] = setting(
        (),
        "Protections that may be missing in a site: users, processes, files, network, landlock, system_calls, memory; "
        "processor always may. `sagews check worker` says what each of them means.",
        matches=r"users|processes|files|network|landlock|system_calls|memory|processor",
        allowed="names of protections",
    )
    shown_folders: tuple[str, ...] = setting(
        (),
        "Folders that sessions can read, besides the system's programs and those of the environment.",
        matches=r"/.+",
        allowed="absolute paths",
    )
    address: str = setting(
        "127.0.0.1",
        "Address to listen on for backends, with TLS, in the solo profile; in a site it is the machine's.",
        matches=r"[0-9A-Za-z.:-]{1,255}",
        allowed="an IP address or host name",
    )
    port: int = port_setting(0)
    monitoring_port: int = port_setting(0)
    unix_socket: str = setting(
        "",
        "Path of the Unix socket; empty = `socket` in its run folder.",
        matches=r"(/.{1,100})?",
        allowed="an absolute path of at most 101 characters, or empty",
    )
    maximum_sessions: int = setting(100, "Sessions at once; more wait in a queue.", at_least=1, at_most=10**5)
    maximum_waiting: int = setting(
        100, "Requests for a session that may wait in the queue; more are refused.", at_least=0, at_most=10**5
    )
    session_starts_per_minute: int = setting(
        120, "Sessions that one account may start in a minute; more are refused.", at_least=1, at_most=10**6
    )
    maximum_connections: int = setting(256, "Connections at once; more are refused.", at_least=1, at_most=10**5)
    maximum_unauthenticated: int = setting(
        128,
        "Connections at once that have not said who they are; one more takes the place of the oldest one of the "
        "address that has most.",
        at_least=2,
        at_most=10**5,
    )
    maximum_frame_bytes: int = setting(
        16 * 2**20, "Longest message on a connection of a worker.", at_least=2**16, at_most=2**30
    )
    maximum_documents: int = setting(1000, "Worksheets open at once in one workspace.", at_least=1, at_most=10**6)
    replay_buffer_bytes: int = setting(
        16 * 2**20, "Messages kept of one workspace for those that come back.", at_least=2**16, at_most=2**34
    )
    replay_buffer_messages: int = setting(
        20000, "Number of messages kept of one workspace for those that come back.", at_least=100, at_most=10**7
    )
    unauthenticated_seconds: float = setting(
        5.0, "A connection that has not said who it is by then is closed.", at_least=0.1, at_most=3600
    )
    ping_seconds: float = setting(1.0, "How often worker and backend ask each other.", at_least=0.05, at_most=3600)
    dead_after_seconds: float = setting(
        3.0, "A peer that has not answered for this long counts as gone.", at_least=0.1, at_most=3600
    )
    lease_seconds: float = setting(
        10.0, "A workspace that no backend has renewed for this long accepts no edits.", at_least=0.5, at_most=3600
    )
    checkpoint_seconds: float = setting(
        30.0, "A change is stored in a checkpoint at most this long after it was made.", at_least=0.1, at_most=86400
    )
    version_file_megabytes: int = setting(
        100,
        "Largest file that is kept in the versions of a workspace; larger ones are named.",
        at_least=1,
        at_most=1000,
    )
    version_megabytes: int = setting(
        2048, "Files of one workspace, together, that are kept in its versions.", at_least=1, at_most=10**5
    )
    keep_closed_days: float = setting(
        30.0,
        "Folders of workspaces that nobody has opened for so long, and that the database has whole, are removed from "
        "the worker's disk; programs' caches go with them. 0 = never.",
        at_least=0,
        at_most=36500,
    )
    session: Session = section(Session)
    environments: Mapping[str, Environment] = named(
        Environment,
        ENVIRONMENTS,
        "Environments that sessions can be opened in. `sage` and `python` exist without being mentioned; "
        "each table changes one of them or adds one.",
    )
