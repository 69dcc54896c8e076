"""Why a received mail was filed, kept for a person or not trusted: stored in English, shown in the reader's language.

What is stored is the sentence as `describe` makes it. A sentence with values in it is found again by its words.
"""

import re
from enum import StrEnum

from django.utils.text import capfirst
from django.utils.translation import gettext, gettext_noop

from invoicing.fatturapa import received, schema
from invoicing.models import ReceivedMail
from invoicing.sdi import cms, smime, trust

_LENGTH = ReceivedMail._meta.get_field("reason").max_length


class Reason(StrEnum):
    """The sentences, with the values they take; `trouble` is a sentence of its own."""

    MALFORMED = gettext_noop("a malformed mail: %(error)s")
    RECEIPT_ABOUT_NOTHING = gettext_noop("a PEC receipt without a reference")
    ANOMALY = gettext_noop("an anomaly envelope: ordinary mail, whoever it says it is from")
    NOT_CERTIFIED = gettext_noop("not a certified mail")
    CERTIFIED_OF = gettext_noop("certified mail of %(sender)s")
    WITHOUT_MESSAGE = gettext_noop("a mail of SDI without a message file")
    NO_SUCH_MESSAGE = gettext_noop("no message of ours is %(message_id)s")
    NO_SUCH_FILE = gettext_noop("no file of ours is %(name)s")
    CHANGES_NOTHING = gettext_noop("noted, changes nothing")
    OTHER_FILE = gettext_noop("the hash is not that of the file we sent")
    REPEATED_MESSAGE = gettext_noop("the same message came before in another mail")
    NOT_FOR_SENDERS = gettext_noop("<%(name)s> is not a message of SDI about an invoice we sent")
    ABOUT_NO_FILE = gettext_noop("the message does not say which file it is about")
    WITHOUT_FILE = gettext_noop("the file %(name)s is not with its metadata")
    CHANGED_FILE = gettext_noop("the hash is not that of the file that came")
    UNREADABLE = gettext_noop("%(name)s is no invoice we can read: %(trouble)s")
    TO_SOMEBODY_ELSE = gettext_noop("an invoice to somebody else: %(customer)s")
    REPEATED_INVOICE = gettext_noop("the same invoice came before in another mail")


# those with values that come from below, with what stands before it when it is part of a sentence
_FROM_BELOW = (
    smime.UNKNOWN_SIGNER, smime.OTHER_ADDRESS, cms.OLD_ALGORITHM, trust.SHORT_KEY,
    received.UNREADABLE_DOCUMENT, received.NO_DATE, received.NO_TOTAL,
    schema.NOT_WELL_FORMED, schema.NOT_IN_ENCODING, schema.NOT_DECLARED,
)  # fmt: skip
_VALUE = re.compile(r"%\((\w+)\)s")


def describe(reason: Reason, **values: object) -> str:
    """The sentence as it is stored, cut to the column's length."""
    return (reason.value % values if values else reason.value)[:_LENGTH]


def in_words(mail: ReceivedMail) -> str:
    """Why `mail` is where it is, in the language in use; of a supplier's invoice who it is from, as it stands there."""
    if mail.outcome == ReceivedMail.Outcome.SUPPLIER:
        return mail.reason
    return capfirst(_translate(mail.reason))


def _translate(text: str) -> str:
    """A sentence of ours in the language in use; anything else, such as the words of a library, as it is."""
    for sentence, pattern in _PATTERNS:
        if match := pattern.fullmatch(text):
            values = match.groupdict()
            if "trouble" in values:
                values["trouble"] = _translate(values["trouble"])
            return gettext(sentence) % values
    return gettext(text) if text else ""


def _pattern(sentence: str) -> re.Pattern[str]:
    """What a sentence with values looks like; its end may be missing, for it is cut to the column's length."""
    pieces = _VALUE.split(sentence)  # text and names of values in turn, text first and last
    inner = "".join(
        f"(?P<{piece}>.*?)" if position % 2 else re.escape(piece) for position, piece in enumerate(pieces[:-1])
    )
    return re.compile(f"{inner}(?:{re.escape(pieces[-1])})?", re.DOTALL)


_PATTERNS = tuple(
    (sentence, _pattern(sentence)) for sentence in (*map(str, Reason), *_FROM_BELOW) if _VALUE.search(sentence)
)
