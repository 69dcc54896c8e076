"""What a page says first: how its subject stands. The view decides it, `components/_notice.html` prints it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Notice:
    """`look` is done, warn, stop, or "" for what is merely under way; a link, where there is one, ends the text."""

    look: str
    title: str
    text: str
    link: str = ""
    link_text: str = ""
    is_urgent: bool = False  # screen readers say it at once
    is_waiting: bool = False  # static/js/wait.js changes the text when it takes long
