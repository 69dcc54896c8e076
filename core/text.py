"""Text from outside, made fit to be kept; and text of ours that is kept before it is translated."""


def storable(text: str) -> str:
    """Without what PostgreSQL cannot keep and JSON or a PDF can spell: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="ignore").decode()


def gettext_noop(text: str) -> str:
    """Marks a text for the catalogue. Django's own wants settings, which not everything that reads a file has."""
    return text
