"""What a publisher's page says to a reader: its text, so that scripts, links and markup that change are no news."""

from __future__ import annotations

import re
from collections.abc import Sequence
from html.parser import HTMLParser

UNREAD = frozenset({"script", "style", "noscript", "template", "svg", "nav", "footer"})  # differ from day to day
INLINE = frozenset({"a", "abbr", "b", "em", "font", "i", "mark", "small", "span", "strong", "sub", "sup", "u", "wbr"})
CHARSET = re.compile(rb"charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)


class Reader(HTMLParser):
    """The text of a page; other tags than those inside a line end the line."""

    def __init__(self) -> None:
        super().__init__()
        self.text, self.unread = list[str](), list[str]()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in UNREAD:
            self.unread.append(tag)
        if tag not in INLINE:
            self.text.append("\n")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in INLINE:
            self.text.append("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in self.unread:
            while self.unread.pop() != tag:  # what was left open inside ends with it
                pass
        if tag not in INLINE:
            self.text.append("\n")

    def handle_data(self, data: str) -> None:
        if not self.unread:
            self.text.append(re.sub(r"\s+", " ", data))


def text_of(page: bytes, content_type: str = "") -> str:
    """The lines of a page that a reader sees, without navigation and footer, white space folded."""
    named = CHARSET.search(content_type.encode()) or CHARSET.search(page[:2048])
    reader = Reader()
    try:
        reader.feed(page.decode(named[1].decode() if named else "utf-8", "replace"))
    except LookupError:  # a charset that nobody knows
        reader.feed(page.decode("utf-8", "replace"))
    reader.close()
    lines = (" ".join(line.split()) for line in "".join(reader.text).split("\n"))
    return "\n".join(line for line in lines if line)


def difference(before: str, now: str) -> str:
    """In words: how many lines are new and gone, with the first of each."""
    old, new = before.split("\n"), now.split("\n")
    added = [line for line in new if line not in set(old)]
    gone = [line for line in old if line not in set(new)]
    parts = [_counted(added, "new"), _counted(gone, "gone")]
    return " and ".join(part for part in parts if part) or "the same lines in another order or number"


def _counted(lines: Sequence[str], word: str) -> str:
    return f"{len(lines)} lines {word} (the first: {lines[0][:80]!r})" if lines else ""
