"""Kinds of files that can be read: told by their endings, and by their first and last bytes."""

from __future__ import annotations

from pathlib import PurePosixPath

from runtime.errors import UnsupportedMediaError

PDF = "application/pdf"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
TEXT = "text/plain"
MARKDOWN = "text/markdown"
HTML = "text/html"

MEDIA_TYPES = {
    ".pdf": PDF,
    ".docx": DOCX,
    ".txt": TEXT,
    ".text": TEXT,
    ".md": MARKDOWN,
    ".markdown": MARKDOWN,
    ".html": HTML,
    ".htm": HTML,
}
"""Kinds of documents that can be read, by their endings."""

PDF_HEADER_BYTES = 1024
"""Other bytes may stand before `%PDF-`, but it must begin within these."""
ODD_SHARE = 0.02
"""A text has fewer control characters than this share of its bytes."""

_ODD = bytes(code for code in range(32) if code not in b"\t\n\v\f\r\x1b") + b"\x7f"
_MARKS = (  # the longer first, for a UTF-32 mark begins like a UTF-16 one
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xef\xbb\xbf", "utf-8-sig"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)


def media_type_of(name: str) -> str:
    """The media type that the ending of `name` stands for. Raises UnsupportedMediaError for any other ending."""
    ending = PurePosixPath(name).suffix.lower()
    if ending not in MEDIA_TYPES:
        said = f"files ending in {ending!r}" if ending else "files without an ending"
        raise UnsupportedMediaError(f"{said} cannot be read; upload one of {', '.join(MEDIA_TYPES)}")
    return MEDIA_TYPES[ending]


def text_encoding(data: bytes, *, whole: bool = True) -> str | None:
    """How the bytes of a text are encoded, or None when they are no text; `whole` is False for the head of a file.

    A byte order mark decides; else zeros at every second place speak for UTF-16, then UTF-8 if it fits, then
    Windows-1252, or Latin-1 where that leaves bytes unused.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding
    if b"\0" in data:
        return _wide_encoding(data)
    if len(data) - len(data.translate(None, _ODD)) > ODD_SHARE * len(data):
        return None
    try:
        data.decode()
    except UnicodeDecodeError as error:
        if not whole and error.start >= len(data) - 3 and error.reason == "unexpected end of data":
            return "utf-8"
    else:
        return "utf-8"
    try:
        data.decode("cp1252")
    except UnicodeDecodeError:
        return "latin-1"
    return "cp1252"


def _wide_encoding(data: bytes) -> str | None:
    """UTF-16 without a mark: most high bytes of Western text are zero and hardly any low ones."""
    first, second = data[0::2].count(0), data[1::2].count(0)
    enough = len(data) // 2 * 0.4
    if second >= enough and first <= len(data) // 2 * 0.02:
        return "utf-16-le"
    if first >= enough and second <= len(data) // 2 * 0.02:
        return "utf-16-be"
    return None


def is_kind(media_type: str, head: bytes, tail: bytes) -> bool:
    """Whether a file that begins with `head` and ends with `tail` can be of the kind."""
    if media_type == PDF:
        return b"%PDF-" in head[:PDF_HEADER_BYTES]
    if media_type == DOCX:
        return head.startswith(b"PK\x03\x04") and (b"word/" in head or b"word/" in tail)
    return not head.startswith((b"%PDF-", b"PK\x03\x04")) and text_encoding(head, whole=False) is not None
