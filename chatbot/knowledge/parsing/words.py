"""What the readers report, in words for the person who added the file."""

from collections.abc import Mapping

from django.utils.translation import gettext, gettext_noop, ngettext_lazy

from chatbot.knowledge.parsing.errors import Reason

# Kept in a row as they stand here and translated where they are shown.
SENTENCES = {
    Reason.LOCKED: gettext_noop("The file is protected with a password. Remove the password and add the file again."),
    Reason.DAMAGED: gettext_noop(
        "The file is damaged or cut off. Open it with the program it was made with, save it anew and add it again."
    ),
    Reason.EMPTY: gettext_noop("There is no text in the file. Check that it is the right one."),
    Reason.SCANNED: gettext_noop(
        "The pages are pictures without text, as a scanner makes them. Run text recognition (OCR) over the file and "
        "add the result."
    ),
    Reason.TOO_MUCH: gettext_noop(
        "Reading the file takes too much time or memory. Split it into smaller files and add those."
    ),
}

_OMISSIONS = {
    "pages": ngettext_lazy("%(count)d page without text", "%(count)d pages without text", "count"),
    "pictures": ngettext_lazy("%(count)d picture", "%(count)d pictures", "count"),
    "text_boxes": ngettext_lazy("%(count)d text box without text", "%(count)d text boxes without text", "count"),
    "charts": ngettext_lazy("%(count)d chart", "%(count)d charts", "count"),
    "drawings": ngettext_lazy("%(count)d drawing", "%(count)d drawings", "count"),
    "formulas": ngettext_lazy("%(count)d formula", "%(count)d formulas", "count"),
    "objects": ngettext_lazy("%(count)d embedded file", "%(count)d embedded files", "count"),
    "speaker_notes": ngettext_lazy("speaker notes of %(count)d slide", "speaker notes of %(count)d slides", "count"),
    "hidden_slides": ngettext_lazy("%(count)d hidden slide", "%(count)d hidden slides", "count"),
    "hidden_sheets": ngettext_lazy("%(count)d hidden sheet", "%(count)d hidden sheets", "count"),
}


def translate_error(error: str) -> str:
    """A row's last error in the language in use, if it is one of `SENTENCES`; else as it is."""
    return gettext(error) if error in SENTENCES.values() else error


def list_omissions(omissions: Mapping[str, int]) -> str:
    """ "3 pictures, 1 chart"; "" when everything was read."""
    return ", ".join(
        str(words % {"count": omissions[name]}) for name, words in _OMISSIONS.items() if omissions.get(name)
    )
