"""The file of a recorded session: a header, then a JSON line for everything the server said, and when."""

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Literal, TextIO

from pydantic import AwareDatetime, Field, JsonValue, TypeAdapter, ValidationError

from casework import views
from casework.alert import Frozen
from casework.events import CaseEvent
from console.frames import CaseFrame, Frame, Heartbeat, NoticeFrame, TelemetryFrame
from console.pages.health import Health
from console.problems import UsageError

FORMAT = "fraud-console recording"
VERSION = 1
MOST_RECORDS = 1_000_000
"""A longer file is refused: it is read into memory whole."""

READS: Mapping[str, TypeAdapter[Any]] = {
    "me": TypeAdapter(views.Me),
    "counts": TypeAdapter(views.CaseCounts),
    "cases": TypeAdapter(views.CaseList),
    "case": TypeAdapter(views.CaseDetail),
    "timeline": TypeAdapter(tuple[CaseEvent, ...]),
    "health": TypeAdapter(Health),
    "stats": TypeAdapter(views.Stats),
}
"""The calls of ConsoleApi whose answers are recorded, and what they answer with."""

Seconds = Annotated[float, Field(ge=0)]


class Header(Frozen):
    """The first line of a file."""

    format: Literal["fraud-console recording"] = "fraud-console recording"
    version: Literal[1] = 1
    recorded_at: AwareDatetime


class Answered(Frozen):
    """The server answered a call."""

    at: Seconds
    asked: str
    about: dict[str, str] = Field(default_factory=dict)
    answer: JsonValue


class Streamed(Frozen):
    """A frame came over the stream."""

    at: Seconds
    frame: Literal["case", "telemetry", "notice", "heartbeat"]
    data: JsonValue = None


class Lost(Frozen):
    """The server did not answer, or the stream broke: `asking` says which call it was."""

    at: Seconds
    asking: str
    lost: str


class RecordingError(UsageError):
    """A file that is not a recording we can play; the message says why, and where."""


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it was given."""

    at: float
    asked: str
    about: Mapping[str, str]
    value: Any


@dataclass(frozen=True, slots=True)
class Arrival:
    """A frame as it came."""

    at: float
    frame: Frame


Record = Answer | Arrival | Lost


@dataclass(frozen=True, slots=True)
class Tape:
    """A whole recording, in the order things happened."""

    recorded_at: datetime
    records: tuple[Record, ...]

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.records[-1].at if self.records else 0.0


class TapeWriter:
    """Writes a recording line by line, into a file that only its owner can read.

    A disk that refuses ends the recording and not the console: `failure` then says why.
    """

    def __init__(self, path: Path, now: datetime, *, replace: bool = False) -> None:
        """Raises RecordingError when the file exists and may not be replaced, or cannot be made."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0)
        try:
            if replace:
                path.unlink(missing_ok=True)
            handle = os.open(path, flags, 0o600)
        except FileExistsError as error:
            raise RecordingError(f"{path} exists already; --force replaces it") from error
        except OSError as error:
            raise RecordingError(f"{path} cannot be written: {error.strerror}") from error
        self._file: TextIO = os.fdopen(handle, "w", encoding="utf-8", buffering=1)
        self.written = 0
        self.failure = ""
        self._line(Header(recorded_at=now))

    def write(self, record: Answered | Streamed | Lost) -> None:
        """Add one record."""
        self._line(record)
        self.written += 1

    def _line(self, model: Header | Answered | Streamed | Lost) -> None:
        if self.failure:
            return
        try:
            self._file.write(model.model_dump_json() + "\n")
        except OSError as error:
            self.failure = error.strerror or str(error)

    def close(self) -> None:
        """Finish the file."""
        try:
            self._file.close()
        except OSError as error:
            self.failure = self.failure or error.strerror or str(error)


def streamed(at: float, frame: Frame) -> Streamed:
    """A frame as a line of the file."""
    match frame:
        case CaseFrame(change):
            return Streamed(at=at, frame="case", data=change.model_dump(mode="json"))
        case TelemetryFrame(seen):
            return Streamed(at=at, frame="telemetry", data=seen.model_dump(mode="json"))
        case NoticeFrame(notice):
            return Streamed(at=at, frame="notice", data=notice.model_dump(mode="json"))
        case Heartbeat():
            return Streamed(at=at, frame="heartbeat")


def read_tape(path: Path) -> Tape:
    """Read and check a recording whole. Raises RecordingError, which names the line that is wrong.

    A last line that was cut off in the middle, as a killed recorder leaves it, is left out.
    """
    try:
        with path.open(encoding="utf-8") as lines:
            return _tape(path, lines)
    except OSError as error:
        raise RecordingError(f"{path} cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise RecordingError(f"{path} is not a recording: it is not text") from error


def _tape(path: Path, lines: Iterable[str]) -> Tape:
    numbered = enumerate(lines, start=1)
    _, first = next(numbered, (0, ""))
    header = _header(path, first)
    records: list[Record] = []
    for number, line in numbered:
        if not line.endswith("\n"):
            break
        if number > MOST_RECORDS:
            raise RecordingError(f"{path} is longer than {MOST_RECORDS:,} lines")
        record = _record(path, number, line)
        if records and record.at < records[-1].at:
            raise RecordingError(f"{path} is damaged: line {number} is earlier than the line before")
        records.append(record)
    return Tape(header.recorded_at, tuple(records))


class _AnyHeader(Frozen):
    """What headers of all versions have in common."""

    model_config = Frozen.model_config | {"extra": "ignore"}

    format: Literal["fraud-console recording"]
    version: int


def _header(path: Path, line: str) -> Header:
    try:
        version = _AnyHeader.model_validate_json(line).version
    except ValidationError as error:
        raise RecordingError(f"{path} is not a recording of fraud-console") from error
    if version > VERSION:
        raise RecordingError(
            f"{path} was recorded by a newer fraud-console (format {version}, this one reads {VERSION})"
        )
    try:
        return Header.model_validate_json(line)
    except ValidationError as error:
        raise RecordingError(f"{path} is damaged: line 1: {_why(error)}") from error


_LINES: TypeAdapter[Answered | Streamed | Lost] = TypeAdapter(Answered | Streamed | Lost)


def _record(path: Path, number: int, line: str) -> Record:
    try:
        match _LINES.validate_json(line):
            case Answered(at=at, asked=asked, about=about, answer=answer):
                return Answer(at, asked, about, READS[asked].validate_python(answer, strict=False))
            case Streamed(at=at, frame=kind, data=data):
                return Arrival(at, _frame(kind, data))
            case Lost() as lost:
                return lost
    except ValidationError as error:
        raise RecordingError(f"{path} is damaged: line {number}: {_why(error)}") from error
    except KeyError as error:
        raise RecordingError(f"{path} is damaged: line {number}: no such call: {error}") from error


def _frame(kind: str, data: JsonValue) -> Frame:
    match kind:
        case "case":
            return CaseFrame(views.CaseChange.model_validate(data))
        case "telemetry":
            return TelemetryFrame(views.TelemetrySeen.model_validate(data))
        case "notice":
            return NoticeFrame(views.StreamNotice.model_validate(data))
        case _:
            return Heartbeat()


def _why(error: ValidationError) -> str:
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}".removeprefix(": ")


def nothing_in(tape: Tape) -> RecordingError | None:
    """Why a recording cannot be shown although it is whole; None when it can."""
    if any(isinstance(record, Answer) and record.asked == "cases" for record in tape.records):
        return None
    return RecordingError("the recording ends before the server had answered; there is nothing to show")
