"""How large a picture is, read from its head alone: nothing is unpacked."""

import struct
from collections.abc import Callable
from typing import BinaryIO

Size = tuple[int, int]
KINDS = frozenset({"png", "jpg", "jpeg", "gif", "webp"})
_HEAD = 30
_JPEG_WITHOUT_LENGTH = frozenset({0x01, *range(0xD0, 0xD9)})
# "start of frame" of every coding; what lies between them are tables (ITU-T T.81, table B.1)
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}


def read_size(file: BinaryIO, kind: str) -> Size | None:
    """Width and height in pixels of a picture of one of `KINDS`; None for what no viewer could open."""
    file.seek(0)
    size = _READERS[kind](file)
    return size if size and min(size) > 0 else None


def _read_png(file: BinaryIO) -> Size | None:
    """PNG (ISO/IEC 15948), 11.2.2: the first chunk is IHDR."""
    head = file.read(_HEAD)
    return struct.unpack(">II", head[16:24]) if head[12:16] == b"IHDR" and len(head) >= 24 else None


def _read_gif(file: BinaryIO) -> Size | None:
    """GIF89a, 18: the logical screen."""
    head = file.read(10)
    return struct.unpack("<HH", head[6:10]) if len(head) == 10 else None


def _read_jpeg(file: BinaryIO) -> Size | None:
    """ITU-T T.81, B.2.2: the first frame's head, behind tables, EXIF data and thumbnails."""
    file.seek(2)
    while (byte := file.read(1)) == b"\xff":
        while byte == b"\xff":  # any number of them may fill up
            byte = file.read(1)
        marker = byte[0] if byte else 0
        if marker in _JPEG_WITHOUT_LENGTH:
            continue
        segment = file.read(2)
        if len(segment) < 2:
            return None
        length = struct.unpack(">H", segment)[0]
        if marker in _JPEG_FRAMES:
            head = file.read(5)
            return struct.unpack(">HH", head[1:])[::-1] if len(head) == 5 else None
        file.seek(max(length - 2, 0), 1)
    return None


def _read_webp(file: BinaryIO) -> Size | None:
    """RFC 9649, 2.5 to 2.7: lossy, lossless or extended, by the first chunk."""
    head = file.read(_HEAD)
    if len(head) < _HEAD or head[8:12] != b"WEBP":
        return None
    chunk = head[12:16]
    if chunk == b"VP8 " and head[23:26] == b"\x9d\x01\x2a":
        width, height = struct.unpack("<HH", head[26:30])
        return width & 0x3FFF, height & 0x3FFF
    if chunk == b"VP8L" and head[20] == 0x2F:
        bits = int.from_bytes(head[21:25], "little")
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    if chunk == b"VP8X":
        return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
    return None


_READERS: dict[str, Callable[[BinaryIO], Size | None]] = {
    "png": _read_png,
    "jpg": _read_jpeg,
    "jpeg": _read_jpeg,
    "gif": _read_gif,
    "webp": _read_webp,
}
