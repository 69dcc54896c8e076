"""Text from outside, made fit to be kept."""


def storable(text: str) -> str:
    """Without what PostgreSQL cannot keep and JSON or a PDF can spell: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode(errors="ignore").decode()
