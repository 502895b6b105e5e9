"""WorkerSettings: every number that bounds a worker server. There is no unbounded thing in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sagews.configuration import Worker
from sagews.messages.records import Limits

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """Bounds of one worker server; times in seconds, sizes in bytes."""

    # connections
    connections: int = 256
    """Open at once, greeted or not."""
    ungreeted_connections: int = 32
    """Open at once that have not said `hello` yet."""
    hello_seconds: float = 5.0
    """Until then `hello` must be here; the TLS handshake has as long."""
    hello_bytes: int = 16 * KIB
    """Of a frame before the greeting."""
    frame_bytes: int = 64 * MIB
    silence_seconds: float = 1.0
    """After so long without a word from a backend it is pinged."""
    silent_ticks: int = 3
    """After so many times `silence_seconds` without a word it is dead."""
    room_bytes: int = 256 * KIB
    """Of events waiting for one peer's socket; what follows waits in the replay buffers."""
    answers_bytes: int = 4 * MIB
    """Waiting for one peer's socket, at which nothing more is read from that peer."""
    quantum_bytes: int = 32 * KIB
    """Of one workspace's events in a turn, where several share a connection."""
    channels: int = 4096
    """Attached on one connection."""

    # workspaces
    workspaces: int = 1000
    lease_seconds: float = 10.0
    replay_events: int = 20_000
    replay_bytes: int = 8 * MIB
    snapshot_characters: int = 8 * MIB
    """Of outputs in one snapshot (in JSON a character has up to six bytes, and a frame has its bound)."""
    unjournaled_updates: int = 20_000
    unjournaled_bytes: int = 32 * MIB
    clients: int = 1000
    """Of one opening whose commands are remembered."""
    answers: int = 500
    """Of one client that are remembered, to be said again."""
    documents: int = 200
    """Live in one workspace."""
    document_bytes: int = 64 * MIB
    """Of a file that is made live."""
    checkpoint_seconds: float = 20.0
    """After a change, at most."""
    checkpoint_answer_seconds: float = 10.0
    """In which a follower should store a checkpoint."""
    workspace_idle_seconds: float = 900.0
    """Without sessions and people; then the workspace closes."""

    # sessions and runs
    sessions: int = 200
    """Of the whole worker at once."""
    sessions_waiting: int = 200
    """Over that number, in a queue."""
    session_limits: Limits = Limits(output_bytes=1024 * MIB, file_bytes=1024 * MIB, sessions=20)
    """Of every session here; an account's may be tighter."""
    input_seconds: float = 0.0
    """A program that waits for a line is interrupted after so long; 0 = never."""
    queued_runs: int = 1000
    """Of one session."""
    questions: int = 100
    """To one session (completions ...) that it has not answered."""
    ended_runs: int = 20
    """Of `execute` in one workspace that a snapshot still has."""

    # output of one run
    output_shown_bytes: int = MIB
    output_tail_bytes: int = 64 * KIB
    rich_bytes: int = 32 * MIB
    """Of plots and other rich output of one run; at it the run is interrupted."""
    kept_runs: int = 200
    """Of one workspace whose whole text is kept in files."""
    kept_bytes: int = 4096 * MIB
    """Of all these files together; the oldest go first."""

    # files
    transfers: int = 32
    """Of one connection at once."""
    listed_files: int = 10_000
    """Of one folder."""

    @classmethod
    def from_configuration(cls, worker: Worker) -> Self:
        """As the operator has set them; what has no setting keeps its default."""
        session = worker.session
        return cls(
            hello_seconds=worker.unauthenticated_seconds,
            frame_bytes=worker.maximum_frame_bytes,
            silence_seconds=worker.ping_seconds,
            silent_ticks=max(1, round(worker.dead_after_seconds / worker.ping_seconds)),
            lease_seconds=worker.lease_seconds,
            replay_events=worker.replay_buffer_messages,
            replay_bytes=worker.replay_buffer_bytes,
            documents=worker.maximum_documents,
            checkpoint_seconds=worker.checkpoint_seconds,
            sessions=worker.maximum_sessions,
            sessions_waiting=worker.maximum_waiting,
            output_shown_bytes=session.output_shown_kilobytes * KIB,
            output_tail_bytes=min(64 * KIB, session.output_shown_kilobytes * KIB),
            connections=worker.maximum_connections,
            session_limits=Limits(
                memory_bytes=session.memory_megabytes * MIB,
                cpu_seconds=session.cpu_seconds,
                wall_seconds=session.wall_seconds,
                idle_seconds=round(session.idle_minutes * 60),
                processes=session.processes,
                open_files=session.open_files,
                file_bytes=session.file_size_megabytes * MIB,
                output_bytes=session.output_megabytes * MIB,
                sessions=worker.maximum_sessions,
            ),
            input_seconds=session.input_minutes * 60,
        )
