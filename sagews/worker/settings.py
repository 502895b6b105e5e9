"""WorkerSettings: every number that bounds a worker server. There is no unbounded thing in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from sagews.configuration import Worker
from sagews.messages.records import Limits
from sagews.worker.kept_files import KeptLimits

KIB = 1024
MIB = 1024 * KIB


@dataclass(frozen=True, kw_only=True)
class WorkerSettings:
    """Bounds of one worker server; times in seconds, sizes in bytes."""

    # connections
    connections: int = 256
    """Open at once, greeted or not."""
    ungreeted_connections: int = 128
    """Open at once that have not said `hello` yet; one more makes room for itself (`strangers`)."""
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
    snapshot_bytes: int = 60 * MIB
    """Of a snapshot as JSON: a frame has its bound. Outputs that do not fit beside the documents are left out."""
    snapshot_outputs_bytes: int = 24 * MIB
    """Of the outputs in it: it waits in memory for a peer that is slow."""
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
    documents_bytes: int = 32 * MIB
    """Of all live documents of one workspace, without outputs: a snapshot has them all (in base64)."""
    checkpoint_seconds: float = 20.0
    """After a change, at most."""
    save_again_seconds: float = 1.0
    """After a file could not be written; each time twice as long."""
    save_again_longest_seconds: float = 60.0
    checkpoint_answer_seconds: float = 10.0
    """In which a follower should store a checkpoint."""
    workspace_idle_seconds: float = 900.0
    """Without sessions and people; then the workspace closes."""

    folder_seconds: float = 0.0
    """After which the folder of a workspace that is closed and stored may be removed; 0 = never."""
    folders_listed: int = 20_000
    """To a backend, at once."""

    # sessions and runs
    sessions: int = 200
    """Of the whole worker at once."""
    sessions_waiting: int = 200
    """Over that number, in a queue."""
    session_limits: Limits = Limits(output_bytes=1024 * MIB, file_bytes=1024 * MIB, sessions=20)
    """Of every session here; an account's may be tighter."""
    starts_per_minute: int = 120
    """Sessions that one account may start."""
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
    shown_per_second: int = 1000
    """Plots, widgets' messages and the like, of one session; one that shows more waits."""
    rich_bytes: int = 32 * MIB
    """Of plots and other rich output of one run; at it the run is interrupted."""
    kept_runs: int = 200
    """Of one workspace whose whole text is kept in files."""
    kept_bytes: int = 4096 * MIB
    """Of all these files together; the oldest go first."""

    # versions of workspaces
    version_file_bytes: int = 100 * MIB
    """Of a file that is kept in versions."""
    version_bytes: int = 2048 * MIB
    """Of all files of one workspace that are."""
    version_files: int = 100_000

    # files
    transfers: int = 32
    """Of one connection at once."""
    listed_files: int = 5_000
    """In one answer; the rest of a folder comes with further ones."""
    watched_folders: int = 64
    """Of one workspace, whose changes are told."""
    unfinished_uploads: int = 64
    """Of one workspace, that come in parts."""
    upload_seconds: float = 24 * 3600.0
    """After which one that nobody goes on with is thrown away."""
    unpacked_files: int = 50_000
    """Out of one zip file."""
    unpacked_bytes: int = 2048 * MIB
    """Out of one zip file."""

    def kept_limits(self, limits: Limits) -> KeptLimits:
        """Of the files of a workspace that are kept, whose sessions have these limits."""
        largest = min(self.version_file_bytes, limits.file_bytes or self.version_file_bytes)
        return KeptLimits(largest, self.version_bytes, self.version_files)

    @classmethod
    def from_configuration(cls, worker: Worker) -> Self:
        """As the operator has set them; what has no setting keeps its default."""
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
            output_shown_bytes=worker.session.output_shown_kilobytes * KIB,
            output_tail_bytes=min(64, worker.session.output_shown_kilobytes) * KIB,
            connections=worker.maximum_connections,
            session_limits=_limits(worker),
            starts_per_minute=worker.session_starts_per_minute,
            shown_per_second=worker.session.messages_per_second,
            ungreeted_connections=worker.maximum_unauthenticated,
            version_file_bytes=worker.version_file_megabytes * MIB,
            version_bytes=worker.version_megabytes * MIB,
            input_seconds=worker.session.input_minutes * 60,
            folder_seconds=worker.keep_closed_days * 24 * 3600,
        )


def _limits(worker: Worker) -> Limits:
    """Of every session of this worker."""
    session = worker.session
    return Limits(
        memory_bytes=session.memory_megabytes * MIB,
        cpu_seconds=session.cpu_seconds,
        wall_seconds=session.wall_seconds,
        idle_seconds=round(session.idle_minutes * 60),
        processes=session.processes,
        open_files=session.open_files,
        file_bytes=session.file_size_megabytes * MIB,
        output_bytes=session.output_megabytes * MIB,
        sessions=worker.maximum_sessions,
        disk_bytes=session.disk_megabytes * MIB,
        disk_files=session.disk_files,
    )
