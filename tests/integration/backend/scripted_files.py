"""The files of a scripted worker: kept in memory, sent and taken in pieces, with credit, as the protocol says."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from sagews.errors import Conflict, NotFound
from sagews.messages import Frame
from sagews.messages.connection import Done, Refused
from sagews.messages.files import (
    PIECE_BYTES,
    Credit,
    FileDelete,
    FileEntries,
    FileEntry,
    FileList,
    FilePiece,
    FileRead,
    FileRename,
    FileWrite,
    FolderMake,
    OutputRead,
)

FIRST_CREDIT = 8


@dataclass
class ScriptedFiles:
    """Files by path. One transfer at a time is enough for a connection."""

    kept: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    writing: Frame | None = None
    coming: bytearray = field(default_factory=bytearray)
    reading: Frame | None = None
    going: bytes = b""
    offset: int = 0
    credit: int = 0
    most_under_way: int = 0

    def answers(self, frame: Frame) -> Iterator[Frame]:
        """What a frame on a bulk connection is answered."""
        content = frame.content
        self.asked.append(content.type)
        if isinstance(content, FileList):
            entries = [FileEntry(path, "file", len(data), 1.5) for path, data in sorted(self.kept.items())]
            yield frame.reply(FileEntries(tuple(entries)))
        elif isinstance(content, FileRead | OutputRead):
            yield from self._read(frame)
        elif isinstance(content, Credit):
            self.credit += content.pieces
            yield from self._go()
        elif isinstance(content, FileWrite):
            if content.path == "taken":
                yield frame.reply(Refused.because(Conflict("A folder is there.")))
            else:
                self.writing = frame
                self.coming.clear()
        elif isinstance(content, FilePiece):
            yield from self._take(frame, content)
        else:
            yield from self._change(frame)

    def _read(self, frame: Frame) -> Iterator[Frame]:
        content = frame.content
        path = content.path if isinstance(content, FileRead) else f"output of {frame.run}"
        if path not in self.kept:
            yield frame.reply(Refused.because(NotFound(f"There is no file {path!r}.")))
            return
        self.reading, self.going, self.offset, self.credit = frame, self.kept[path], 0, FIRST_CREDIT
        yield from self._go()

    def _go(self) -> Iterator[Frame]:
        while self.reading is not None and self.credit:
            piece = self.going[self.offset : self.offset + PIECE_BYTES]
            last = self.offset + len(piece) == len(self.going)
            answer = self.reading.reply(FilePiece(self.offset, last))
            yield Frame(content=answer.content, workspace=answer.workspace, request=answer.request, payload=piece)
            self.offset += len(piece)
            self.credit -= 1
            if last:
                self.reading = None

    def _take(self, frame: Frame, piece: FilePiece) -> Iterator[Frame]:
        if self.writing is None:
            return
        assert isinstance(self.writing.content, FileWrite)
        assert piece.offset == len(self.coming)
        assert len(frame.payload) <= PIECE_BYTES
        self.coming += frame.payload
        if piece.last:
            self.kept[self.writing.content.path] = bytes(self.coming)
            yield self.writing.reply(Done())
            self.writing = None
        else:
            yield frame.reply(Credit(1))

    def _change(self, frame: Frame) -> Iterator[Frame]:
        content = frame.content
        if isinstance(content, FileDelete | FileRename) and content.path not in self.kept:
            yield frame.reply(Refused.because(NotFound("There is no such file.")))
        elif isinstance(content, FileDelete):
            del self.kept[content.path]
            yield frame.reply(Done())
        elif isinstance(content, FileRename):
            self.kept[content.to] = self.kept.pop(content.path)
            yield frame.reply(Done())
        elif isinstance(content, FolderMake):
            self.kept[content.path + "/"] = b""
            yield frame.reply(Done())
