"""Text files: decompressed, their encoding found, line by line."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import zstandard

from orchestration.loading.reading.files import RejectedFile

MAXIMUM_LINE = 32 * 1024 * 1024  # characters


class _ZstdStream(io.RawIOBase):
    """Decompresses frames one after the other; a frame that does not end is an `EOFError`."""

    def __init__(self, raw: IO[bytes]) -> None:
        self._raw = raw
        self._frame: zstandard.ZstdDecompressionObj | None = None
        self._compressed, self._plain = b"", b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._plain:
            # Few bytes at a time: each of them may become 32,000.
            chunk = self._compressed or self._raw.read(1 << 11)
            if not chunk:
                if self._frame is not None:
                    raise EOFError("the last frame does not end")
                return 0
            if self._frame is None:
                self._frame = zstandard.ZstdDecompressor().decompressobj()
            self._plain, self._compressed = self._frame.decompress(chunk), b""
            if self._frame.eof:
                self._compressed, self._frame = self._frame.unused_data, None
        part, self._plain = self._plain[: len(buffer)], self._plain[len(buffer) :]
        buffer[: len(part)] = part
        return len(part)


@contextmanager
def decompressed(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of a file, with every way a compressed file can be broken as one clear reject."""
    name = path.name.lower()
    with path.open("rb") as raw:
        try:
            if name.endswith(".gz"):
                with gzip.GzipFile(fileobj=raw) as stream:
                    yield stream  # type: ignore[misc]  # a GzipFile is no IO[bytes] to its stubs
            elif name.endswith(".zst"):
                yield io.BufferedReader(_ZstdStream(raw))
            else:
                yield raw
        except (EOFError, gzip.BadGzipFile, zlib.error, zstandard.ZstdError) as error:
            raise RejectedFile(
                "F_TRUNCATED",
                "the compressed file is cut off or damaged",
                "copy or export the file again; compare its size with the source",
            ) from error


@dataclass
class _Bytes:
    """What one pass over the bytes of a text file tells."""

    encoding: str
    has_control: bool = True
    lines: int | None = None
    records: int | None = None  # rows and header of a CSV that is plain enough to count them
    is_plain: bool = False  # one kind of line end, no empty line, no blank beside a quote


_LF, _CR, _QUOTE, _BLANK = b'\n\r" '
_CONTROL = np.array([byte < 32 and byte not in b"\t\n\r" for byte in range(256)])
_PADDED = re.compile(rb'[,;\t\n] +"(?!")|[,;\t\n] +""[,;\t\r\n]|" +[,;\t\r\n]')


def inspect(path: Path) -> _Bytes:
    """
    Look at every byte once. The encoding is the byte order mark's, else strict UTF-8, else CP932.

    Raises `RejectedFile` when the text is none of them.
    """
    with decompressed(path) as stream:
        start = stream.read(4)
    if start.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return _Bytes(_decodable(path, "utf-16"))
    decoder = codecs.getincrementaldecoder("utf-8")("strict")
    newlines = returns = pairs = records = quotes = 0
    control = padded = empty_line = False
    last = b"\n"
    try:
        with decompressed(path) as stream:
            while chunk := stream.read(1 << 22):
                if not (chunk.isascii() and decoder.getstate()[0] == b""):
                    decoder.decode(chunk)
                # The last byte of the chunk before stands first, for what crosses the border.
                bytes_ = np.frombuffer(last + chunk, np.uint8)
                line_ends = np.flatnonzero(bytes_ == _LF)
                marks = np.flatnonzero(bytes_ == _QUOTE)
                ends_here = line_ends[line_ends > 0]
                marks_here = marks[marks > 0]
                low = int(np.count_nonzero(bytes_[1:] < 32))
                if low != len(ends_here):
                    returned = np.flatnonzero(bytes_ == _CR)
                    returns += int(np.count_nonzero(returned > 0))
                    pairs += int(np.count_nonzero(bytes_[ends_here - 1] == _CR))
                    control = control or bool(_CONTROL[bytes_].any())
                if not padded and len(marks):
                    beside = np.concatenate([marks_here - 1, marks[marks < len(bytes_) - 1] + 1])
                    if (bytes_[beside] == _BLANK).any():
                        padded = _PADDED.search(last + chunk) is not None
                # Quotes come in pairs, also doubled ones: a line end after an even number of them
                # ends a record.
                before = quotes + np.searchsorted(marks_here, line_ends)
                outside = line_ends[before % 2 == 0]
                records += int(np.count_nonzero(outside > 0))
                if not empty_line and len(outside) > 1:
                    gap = np.diff(outside)
                    between = bytes_[outside[:-1] + 1]
                    empty_line = bool(((gap == 1) | ((gap == 2) & (between == _CR))).any())
                quotes += len(marks_here)
                newlines += len(ends_here)
                last = chunk[-1:]
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return _Bytes(_decodable(path, "cp932"))
    unfinished = last != b"\n"
    return _Bytes(
        "utf-8-sig" if start.startswith(codecs.BOM_UTF8) else "utf-8",
        control,
        newlines + unfinished,
        records + unfinished,
        not padded and not empty_line and returns in (0, newlines) and returns == pairs,
    )


def _decodable(path: Path, encoding: str) -> str:
    """The encoding, if it decodes the whole file strictly."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    try:
        with decompressed(path) as stream:
            while chunk := stream.read(1 << 20):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError as error:
        raise RejectedFile(
            "F_ENCODING",
            "the text is neither UTF-8, UTF-16 with a byte order mark nor CP932",
            "export it again as UTF-8",
        ) from error
    return encoding


def utf8_chunks(path: Path, encoding: str, size: int) -> Iterator[bytes]:
    """A text file in UTF-8, without a byte order mark, about so many bytes at a time."""
    decoder = codecs.getincrementaldecoder(encoding)("strict")
    with decompressed(path) as stream:
        while chunk := stream.read(size):
            # Few bytes may give nothing yet: half a character, or half a mark.
            if text := chunk if encoding == "utf-8" else decoder.decode(chunk).encode():
                yield text


def long_line() -> RejectedFile:
    """The reject of a file with a line that is too long to be held."""
    return RejectedFile(
        "F_TOO_LARGE",
        f"a line has {MAXIMUM_LINE:,} characters or more",
        "export it again, one row a line",
    )


@contextmanager
def text_lines(path: Path, encoding: str, newline: str = "") -> Iterator[Iterator[str]]:
    """Lines of a text file; raises `RejectedFile` on one that is too long to be held."""
    with decompressed(path) as stream:
        text = io.TextIOWrapper(stream, encoding=encoding, errors="strict", newline=newline)

        def lines() -> Iterator[str]:
            while line := text.readline(MAXIMUM_LINE):
                if len(line) == MAXIMUM_LINE:
                    raise long_line()
                yield line

        yield lines()
