"""What in a page our content security policy would keep from working."""

from html.parser import HTMLParser

DATA = {"application/json", "application/ld+json"}  # never run


class _Inline(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        runs = tag == "script" and "src" not in values and values.get("type") not in DATA
        in_place = any(
            name == "style" or name.startswith("on") or (value or "").strip().lower().startswith("javascript:")
            for name, value in attrs
        )
        if tag == "style" or runs or in_place:
            self.tags.append(self.get_starttag_text() or tag)


def inline_parts(html: str) -> list[str]:
    """The tags that style or run something in place."""
    parser = _Inline()
    parser.feed(html)
    return parser.tags
