"""Text in files that a spreadsheet opens."""

# what a spreadsheet takes for a formula (OWASP, CSV injection), in half and full width
_FORMULA = tuple("=+-@\t\r\n＝＋－＠")


def harmless(text: str) -> str:
    """The text as a cell that no spreadsheet runs: what would be a formula gets an apostrophe before it."""
    return f"'{text}" if text.startswith(_FORMULA) else text
