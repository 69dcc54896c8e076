"""Checks on what an Italian invoice needs to know of a customer: P.IVA, codice fiscale, codice destinatario, CAP.

Existence in the tax registry is SDI's to say (00305, 00306); here it is shape and check digit.
"""

import re
from collections.abc import Callable, Mapping
from functools import lru_cache

from django.utils.translation import gettext_lazy as _
from stdnum import luhn
from stdnum.exceptions import ValidationError as StdnumError
from stdnum.it import codicefiscale, iva
from stdnum.util import clean

from accounts.fiscal.letters import can_be_carried, latin, tidy
from core.errors import InvalidInputError
from core.mail_address import check_address

_RECIPIENT_CODE = re.compile(r"[A-Z0-9]{7}")
_POSTCODE = re.compile(r"[0-9]{5}")
# SDI refuses an address of its own as the customer's PEC (00330)
# FatturaPA 1.4.1.3 and 1.4.2: Denominazione 80, Nome, Cognome, Indirizzo and Comune 60
TEXT_LIMITS = {"company_name": 80, "first_name": 60, "last_name": 60, "street": 60, "city": 60}
_SDI_MAILBOX = re.compile(r"sdi[0-9]*@pec\.fatturapa\.it", re.IGNORECASE)

PROVINCES = (
    "AG", "AL", "AN", "AO", "AP", "AQ", "AR", "AT", "AV", "BA", "BG", "BI", "BL", "BN", "BO", "BR", "BS", "BT",
    "BZ", "CA", "CB", "CE", "CH", "CL", "CN", "CO", "CR", "CS", "CT", "CZ", "EN", "FC", "FE", "FG", "FI", "FM",
    "FR", "GE", "GO", "GR", "IM", "IS", "KR", "LC", "LE", "LI", "LO", "LT", "LU", "MB", "MC", "ME", "MI", "MN",
    "MO", "MS", "MT", "NA", "NO", "NU", "OR", "PA", "PC", "PD", "PE", "PG", "PI", "PN", "PO", "PR", "PT", "PU",
    "PV", "PZ", "RA", "RC", "RE", "RG", "RI", "RM", "RN", "RO", "SA", "SI", "SO", "SP", "SR", "SS", "SU", "SV",
    "TA", "TE", "TN", "TO", "TP", "TR", "TS", "TV", "UD", "VA", "VB", "VC", "VE", "VI", "VR", "VS", "VT", "VV",
)  # fmt: skip


@lru_cache(maxsize=1024)  # the seller's own is asked about with every invoice
def is_vat_number(value: str) -> bool:
    """Whether the 11 digits of an Italian VAT number fit together. Which office gave it is another question."""
    return len(value) == 11 and value.isascii() and luhn.is_valid(value) and value[:7] != "0000000"


def has_known_office(value: str) -> bool:
    """Whether digits 8 to 10 of a VAT number name an office of the Agenzia; some valid numbers do not."""
    return bool(iva.is_valid(value))


def is_tax_code(value: str) -> bool:
    """Whether a codice fiscale fits together: 16 characters of a person (omocodia included), 11 of any other body."""
    return bool(codicefiscale.is_valid(value)) if len(value) == 16 else is_vat_number(value)


def check_vat_number(value: str) -> str:
    """The Italian VAT number as 11 digits ("IT" and spaces taken away), or `InvalidInputError`."""
    number = clean(value, " -.").upper().removeprefix("IT")
    if len(number) != 11 or not number.isdigit():
        raise InvalidInputError(_("A partita IVA has 11 digits."), code="vat_number", field="vat_number")
    if not is_vat_number(number):
        message = _("The last digit of the partita IVA does not match. Please check it against the certificate.")
        raise InvalidInputError(message, code="vat_number", field="vat_number")
    return number


def check_personal_tax_code(value: str) -> str:
    """A person's codice fiscale: 16 characters with the right check letter, omocodia included."""
    number = clean(value, " -.").upper()
    if len(number) != 16:
        raise InvalidInputError(_("A person's codice fiscale has 16 characters."), code="tax_code", field="tax_code")
    try:
        codicefiscale.validate(number)
    except StdnumError as error:
        message = _("The last letter of the codice fiscale does not match. Please check it against the card.")
        raise InvalidInputError(message, code="tax_code", field="tax_code") from error
    return number


def check_company_tax_code(value: str) -> str:
    """A company's codice fiscale: 11 digits like its VAT number, or 16 characters for a sole trader."""
    number = clean(value, " -.").upper()
    if len(number) == 16:
        return check_personal_tax_code(number)
    try:
        return check_vat_number(number)
    except InvalidInputError as error:
        message = _("The codice fiscale of a company has 11 digits, of a sole trader 16 characters.")
        raise InvalidInputError(message, code="tax_code", field="tax_code") from error


def check_recipient_code(value: str) -> str:
    """The 7-character codice destinatario of a private customer, upper case."""
    code = clean(value, " -.").upper()
    if not _RECIPIENT_CODE.fullmatch(code):
        wrong = _("The codice destinatario has 7 letters and digits; yours has %(count)s.") % {"count": len(code)}
        raise InvalidInputError(wrong, code="recipient_code", field="recipient_code")
    if code == "XXXXXXX":
        message = _("XXXXXXX is for customers outside Italy. Leave the field empty if you have no code.")
        raise InvalidInputError(message, code="recipient_code", field="recipient_code")
    return code


def check_pec(value: str) -> str:
    """A certified mail address that is not SDI's own."""
    address = check_address(value, field="pec")
    if _SDI_MAILBOX.fullmatch(address):
        message = _("This address belongs to the Sistema di Interscambio. Please give your own PEC.")
        raise InvalidInputError(message, code="pec", field="pec")
    return address


def check_postcode(value: str) -> str:
    """A five-digit CAP."""
    if not _POSTCODE.fullmatch(value.strip()):
        raise InvalidInputError(_("A CAP has five digits."), code="postcode", field="postcode")
    return value.strip()


def clean_identity(values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, InvalidInputError]]:
    """A fiscal identity put in order, and what is wrong with it by field.

    What does not belong to the kind of customer is emptied: a person has no partita IVA and no codice destinatario
    (FatturaPA routing table), a company no first and last name. Line breaks and characters that cannot be seen are
    taken out of every value, and what an invoice cannot carry is refused (`accounts.fiscal.letters`).
    """
    identity = {name: tidy(str(value)) for name, value in values.items()}
    if identity.get("kind") not in ("company", "person"):
        return identity, {"kind": _required_error("kind")}
    errors: dict[str, InvalidInputError] = {}
    is_company = identity["kind"] == "company"
    for name in ("first_name", "last_name") if is_company else ("company_name", "vat_number", "recipient_code"):
        identity[name] = ""
    required = ["street", "postcode", "city", "province"]
    required += ["company_name", "vat_number"] if is_company else ["first_name", "last_name", "tax_code"]
    for name in required:
        if not identity.get(name):
            errors[name] = _required_error(name)
    checks: dict[str, Callable[[str], str]] = {
        "vat_number": check_vat_number,
        "tax_code": check_company_tax_code if is_company else check_personal_tax_code,
        "recipient_code": check_recipient_code,
        "pec": check_pec,
        "postcode": check_postcode,
        "province": check_province,
        "country": check_country,
    }
    for name, check in checks.items():
        if identity.get(name) and name not in errors:
            try:
                identity[name] = check(identity[name])
            except InvalidInputError as error:
                errors[name] = error
    for name, limit in TEXT_LIMITS.items():
        if identity.get(name) and (refusal := _text_error(name, identity[name], limit)):
            errors[name] = refusal
    return identity, errors


def _text_error(name: str, text: str, limit: int) -> InvalidInputError | None:
    if not can_be_carried(text):
        latin_only = _("Please use Latin letters: the electronic invoice cannot carry other alphabets.")
        return InvalidInputError(latin_only, code="alphabet", field=name)
    if len(text) <= limit < len(latin(text, 10 * limit)):  # longer texts are the columns' to refuse
        message = _("On the invoice this stands as “%(text)s”: please shorten it to %(limit)s characters.")
        return InvalidInputError(message % {"text": latin(text, 10 * limit), "limit": limit}, code="length", field=name)
    return None


def check_province(value: str) -> str:
    """Two letters of an Italian province, upper case."""
    if value.upper() not in PROVINCES:
        raise InvalidInputError(_("Choose an Italian province."), code="province", field="province")
    return value.upper()


def check_country(value: str) -> str:
    """IT: customers outside Italy need another tax treatment and are not served by the shop yet."""
    if value.upper() != "IT":
        message = _("We can only invoice customers in Italy here. Please write to us for other countries.")
        raise InvalidInputError(message, code="country", field="country")
    return "IT"


def _required_error(field: str) -> InvalidInputError:
    return InvalidInputError(_("This field is needed for the invoice."), code="required", field=field)
