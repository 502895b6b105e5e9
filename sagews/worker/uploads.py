"""Uploads: files that come in parts, over as many connections as it takes.

Invariant: the parts lie outside of what sessions see, each upload's apart; only a complete file takes its place. What
is here survives the worker; what nobody goes on with is thrown away after a time.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sagews.errors import Conflict, MessageError, NotFound, OverLimit, Unavailable
from sagews.messages.fields import read_record, write_record
from sagews.messages.files import UploadBegin, UploadState
from sagews.worker.files import Files

ID = re.compile(r"[0-9a-f]{32}")
ABOUT = ".json"


class Uploads:
    """Of one open workspace."""

    def __init__(self, folder: Path, files: Files, maximum: int, seconds: float) -> None:
        """
        :param folder: where the parts are; made when it is needed, on the disk of the files.
        :param maximum: uploads that are not finished, at once.
        :param seconds: after which one that nobody goes on with is thrown away.
        """
        self.folder = folder
        self._files = files
        self._maximum = maximum
        self._seconds = seconds
        self._busy: set[str] = set()

    def begin(self, asked: UploadBegin) -> UploadState:
        """A new upload.

        :raises Conflict: something is at its path; OverLimit: too many are not finished.
        """
        self._files.check_new(asked.path, keep=asked.keep)
        self.folder.mkdir(mode=0o700, exist_ok=True)
        self._tidy()
        if sum(1 for _ in self.folder.glob(f"*{ABOUT}")) >= self._maximum:
            raise OverLimit(f"{self._maximum} uploads to this workspace are not finished.", mend="Cancel some of them.")
        upload = secrets.token_hex(16)
        part, about = self.folder / upload, self.folder / f"{upload}{ABOUT}"
        try:
            part.touch()
            about.write_text(json.dumps(write_record(asked)))
        except OSError as error:
            # A half of it would stand in the way of every other upload.
            about.unlink(missing_ok=True)
            part.unlink(missing_ok=True)
            raise Unavailable(f"The file cannot be written: {error.strerror}.") from error
        return UploadState(upload, asked.path, asked.size)

    @property
    def expected_bytes(self) -> int:
        """Of all that are not finished, when they are."""
        # A worker that was killed may have left what tells of a part, and not the part.
        abouts = [about for about in self.folder.glob(f"*{ABOUT}") if about.with_suffix("").exists()]
        return sum(self._about(about.stem).size for about in abouts)

    def state(self, upload: str) -> UploadState:
        """How far it is. Raises NotFound where there is no such upload."""
        about = self._about(upload)
        return UploadState(upload, about.path, about.size, (self.folder / upload).stat().st_size)

    @contextmanager
    def part(self, upload: str, offset: int, size: int) -> Iterator[Part]:
        """What follows `offset`, for the time of the block.

        :raises Conflict: something else comes next, or another connection writes; MessageError: it would be too long.
        """
        state = self.state(upload)
        if upload in self._busy:
            raise Conflict("Another connection sends this file.", mend="Ask how much is here, and go on from there.")
        if offset != state.received:
            raise Conflict(f"{state.received} bytes are here, {offset} were said.", mend="Go on after what is here.")
        if offset + size > state.size:
            raise MessageError(f"content.size: the file was to have {state.size} bytes.")
        self._busy.add(upload)
        try:
            with (self.folder / upload).open("ab", buffering=0) as file:
                yield Part(file.fileno())
        finally:
            self._busy.discard(upload)

    def finish(self, upload: str) -> UploadState:
        """Give a complete file its place; what is not complete stays as it is.

        :raises Conflict: something is there meanwhile.
        """
        state = self.state(upload)
        if state.received < state.size:
            return state
        part = self.folder / upload
        with part.open("rb") as file:
            os.fsync(file.fileno())
        self._files.take(part, state.path, keep=self._about(upload).keep)
        (self.folder / f"{upload}{ABOUT}").unlink()
        return UploadState(upload, state.path, state.size, state.size, finished=True)

    def cancel(self, upload: str) -> None:
        """Throw it away. Raises NotFound where there is no such upload."""
        self._about(upload)
        for name in (upload, f"{upload}{ABOUT}"):
            (self.folder / name).unlink(missing_ok=True)

    def _about(self, upload: str) -> UploadBegin:
        part, about = self.folder / upload, self.folder / f"{upload}{ABOUT}"
        if not ID.fullmatch(upload) or not part.exists() or not about.exists():
            raise NotFound("There is no such upload (any more).", mend="Begin it again.")
        asked: UploadBegin = read_record(UploadBegin, json.loads(about.read_text()), "upload")
        return asked

    def _tidy(self) -> None:
        oldest = time.time() - self._seconds
        for about in self.folder.glob(f"*{ABOUT}"):
            part = about.with_suffix("")
            if not part.exists() or part.stat().st_mtime < oldest:
                part.unlink(missing_ok=True)
                about.unlink()


class Part:
    """The end of a file that is not complete."""

    def __init__(self, descriptor: int) -> None:
        """:param descriptor: to append to."""
        self._descriptor = descriptor

    def write(self, data: bytes) -> None:
        """Add to it. Raises Unavailable where the disk cannot."""
        view = memoryview(data)
        try:
            while view:
                view = view[os.write(self._descriptor, view) :]
        except OSError as error:
            raise Unavailable(f"The file cannot be written: {error.strerror}.") from error
