"""E-mail addresses in one spelling, so that equal means equal before anybody asks whether an address is known.

The local part is a dot-atom of ASCII (RFC 5322 §3.2.3): accents before the @ need SMTPUTF8 (RFC 6531) from every server
on the way and cannot stand in an electronic invoice; quoted ones carry sentences. The domain is kept as A-labels
(RFC 5891), the spelling that mail servers are asked by.
"""

import re
import unicodedata

import idna
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core.errors import InvalidInputError
from core.text import storable

_LOCAL_PART = re.compile(r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
_LABEL = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)")
_DOTS = str.maketrans({"\u3002": ".", "\uff0e": ".", "\uff61": "."})  # the others that UTS 46 §2.3 takes for one
_MAX_LOCAL, _MAX_LENGTH = 64, 254  # RFC 5321 §4.5.3.1, and a path of 256 with its brackets


def plain_address(text: str) -> str:
    """`text` as an address is kept; what is no address comes back in some spelling that nobody has.

    Full-width letters and other compatibility forms become the plain ones (NFKC), signs that cannot be seen go, all is
    in lower case, and a domain with letters beyond ASCII is put into A-labels.
    """
    address = storable(text).strip().lower()
    if address.isascii():
        return address
    visible = "".join(char for char in address if unicodedata.category(char) != "Cf")
    address = unicodedata.normalize("NFKC", visible.translate(_DOTS)).strip().lower()
    local_part, at, domain = address.rpartition("@")
    return f"{local_part}{at}{_a_labels(domain)}"


def check_address(text: str, *, field: str = "email") -> str:
    """The address as it is kept; raises `InvalidInputError` about `field` where mail could not go there."""
    address = plain_address(text)
    local_part, _at, domain = address.rpartition("@")
    if local_part and domain and not local_part.isascii():
        raise _refusal(
            _("Before the @ an e-mail address has letters without accents, digits and signs like . - _ +"), field
        )
    if not _LOCAL_PART.fullmatch(local_part) or not _is_domain(domain):
        raise _refusal(_("Please write one e-mail address, for instance name@example.it."), field)
    if len(local_part) > _MAX_LOCAL or len(address) > _MAX_LENGTH:
        raise _refusal(
            _("This e-mail address is too long: mail servers take 64 characters before the @ and 254 in all."), field
        )
    return address


def _refusal(message: str | Promise, field: str) -> InvalidInputError:
    return InvalidInputError(message, code="email_invalid", field=field)


def _is_domain(domain: str) -> bool:
    """Whether this is a name of the internet in A-labels: two labels at least, and no address of four numbers."""
    labels = domain.split(".")
    if (
        len(labels) < 2
        or len(labels[-1]) < 2
        or labels[-1].isdigit()
        or not all(_LABEL.fullmatch(label) for label in labels)
    ):
        return False
    try:
        return all(idna.decode(label) for label in labels if label.startswith("xn--"))
    except idna.IDNAError:
        return False


def _a_labels(domain: str) -> str:
    """The domain in A-labels; as it is where IDNA knows no such name."""
    try:
        return domain if domain.isascii() else idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return domain
