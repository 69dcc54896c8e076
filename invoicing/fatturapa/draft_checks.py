"""What can be said of a draft before it becomes XML: mistakes SDI would not name well, and doubts.

A violation with SDI's code means that SDI would refuse the document for it; where SDI has no control the words are
ours.
"""

import base64
import re
from collections.abc import Iterator
from decimal import Decimal

from django.utils.translation import gettext as _
from stdnum import iban
from stdnum.eu import vat as eu_vat

from accounts.fiscal.checks import PROVINCES
from accounts.fiscal.countries import COUNTRIES
from core.errors import InvalidInputError
from core.mail_address import check_address
from invoicing.fatturapa import draft_texts
from invoicing.fatturapa.draft import Buyer, BuyerKind, InvoiceDraft
from invoicing.fatturapa.law import CREDIT_NOTE, EU, FLAT_RATE, INTENT_NATURE, TRANSFER
from invoicing.fatturapa.preflight import Violation
from invoicing.fatturapa.routing import NO_CODE, route
from invoicing.fatturapa.schema import MAX_BYTES
from invoicing.fatturapa.totals import Totals

_POSTCODE = re.compile(r"[0-9]{5}")
_CODES = {6: re.compile(r"[A-Z0-9]{6}"), 7: re.compile(r"[A-Z0-9]{7}")}


def errors(draft: InvoiceDraft, figures: Totals) -> Iterator[Violation]:
    """What must be mended first."""
    yield from _names(draft.buyer)
    yield from draft_texts.errors(draft)
    yield from _buyer(draft.buyer)
    yield from _countries(draft)
    yield from _intents(draft)
    yield from _attachments(draft)
    yield from _figures(draft, figures)
    for position, line in enumerate(draft.lines, start=1):
        if line.period_start and line.period_end and line.period_end < line.period_start:
            yield Violation("period", f"lines.{position}.period_end", _("The period ends before it begins."))
    if draft.seller.tax_regime == FLAT_RATE and any(summary.vat_rate for summary in figures.summaries):
        yield Violation("flat_rate_vat", "lines", _("Under the flat-rate regime (RF19) there is no VAT."))
    if draft.split_payment and draft.buyer.kind in (BuyerKind.PERSON, BuyerKind.ASSOCIATION):
        yield Violation(
            "split_payment", "split_payment", _("Only public bodies and listed companies split the payment.")
        )


def warnings(draft: InvoiceDraft) -> Iterator[Violation]:
    """What may be meant so."""
    yield from draft_texts.warnings(draft)
    buyer = draft.buyer
    way = route(buyer)
    if buyer.pec and buyer.recipient_code and buyer.recipient_code != NO_CODE:
        yield Violation("pec_unused", "buyer.pec", _("The PEC is left out: there is a codice destinatario."))
    if buyer.country == "SM" and not buyer.recipient_code and buyer.kind is BuyerKind.COMPANY:
        message = _("Businesses in San Marino are reached by the codice destinatario 2R4GTO8: please enter it.")
        yield Violation("san_marino", "buyer.recipient_code", message)
    if buyer.country in EU - {"IT"} and buyer.kind is BuyerKind.COMPANY and buyer.vat_number:
        prefix = "EL" if buyer.country == "GR" else buyer.country
        if not eu_vat.is_valid(prefix + way.vat_number):
            yield Violation(
                "vat_format", "buyer.vat_number", _("This is not the form of a VAT number of that country.")
            )
    for position, payment in enumerate(draft.payments, start=1):
        if payment.method == TRANSFER and not payment.iban:
            yield Violation("iban_missing", f"payments.{position}.iban", _("A transfer needs an IBAN to go to."))
    if draft.withholding and draft.seller.tax_regime == FLAT_RATE:
        message = _("Nothing is withheld from sellers under the flat-rate regime (art. 1, c. 67, L. 190/2014).")
        yield Violation("flat_rate_withholding", "withholding", message)


def _names(buyer: Buyer) -> Iterator[Violation]:
    is_person = buyer.kind is BuyerKind.PERSON
    needed = {"buyer.first_name": buyer.first_name, "buyer.last_name": buyer.last_name}
    for field, name in (needed if is_person else {"buyer.name": buyer.name}).items():
        if not name:
            yield Violation("00200", field, _("The customer has no name."))


def _buyer(buyer: Buyer) -> Iterator[Violation]:
    if buyer.email and not _is_email(buyer.email):
        yield Violation("email", "buyer.email", _("This is no e-mail address."))
    length = 6 if buyer.kind is BuyerKind.PUBLIC_ADMINISTRATION else 7
    if (
        buyer.country == "IT"
        and (buyer.recipient_code or length == 6)
        and not _CODES[length].fullmatch(buyer.recipient_code)
    ):
        message = _("The codice destinatario of this customer has %(count)s letters and digits.") % {"count": length}
        yield Violation("00427", "buyer.recipient_code", message)
    if buyer.kind is BuyerKind.PUBLIC_ADMINISTRATION and buyer.country != "IT":
        yield Violation("choice", "buyer.kind", _("Only Italian bodies are reached as public administrations."))
    if buyer.country != buyer.address.country:
        return  # a company with an Italian partita IVA and its seat abroad: the address is the other country's
    if buyer.country == "IT" and not _POSTCODE.fullmatch(buyer.address.postcode):
        yield Violation("00200", "buyer.address.postcode", _("A CAP has five digits."))
    if buyer.country == "IT" and buyer.address.province and buyer.address.province not in PROVINCES:
        yield Violation("province", "buyer.address.province", _("This is no Italian province."))
    if buyer.country != "IT" and buyer.kind is not BuyerKind.PERSON and not buyer.vat_number:
        yield Violation("00417", "buyer.vat_number", _("A company abroad needs an identifier of its country."))


def _countries(draft: InvoiceDraft) -> Iterator[Violation]:
    """The schema takes any two capitals for a country."""
    countries = {
        "seller.country": draft.seller.country,
        "seller.address.country": draft.seller.address.country,
        "buyer.country": draft.buyer.country,
        "buyer.address.country": draft.buyer.address.country,
    }
    for field, country in countries.items():
        if country not in COUNTRIES:
            message = _("There is no country “%(code)s”: two letters of ISO 3166-1 are expected, such as IT, DE or GR.")
            yield Violation("country", field, message % {"code": country})


def _intents(draft: InvoiceDraft) -> Iterator[Violation]:
    """A sale without VAT by N3.5 names the exporter's declaration; a credit note on it may stay without (a doubt)."""
    for position, line in enumerate(draft.lines, start=1):
        if line.nature == INTENT_NATURE and not draft.intent_of(line) and draft.document_type != CREDIT_NOTE:
            message = _(
                "N3.5 rests on a declaration of intent: enter its protocol (08060120341234567-000001) and the date of "
                "its receipt."
            )
            yield Violation("intent_missing", f"lines.{position}.declaration_of_intent", message)
        if line.declaration_of_intent and line.nature != INTENT_NATURE:
            message = _("A declaration of intent belongs to lines of Natura N3.5.")
            yield Violation("intent_unused", f"lines.{position}.declaration_of_intent", message)


def _attachments(draft: InvoiceDraft) -> Iterator[Violation]:
    for position, attachment in enumerate(draft.attachments, start=1):
        try:
            base64.b64decode(attachment.content, validate=True)
        except ValueError:
            message = _("The attachment is not written in base64: attach the file again.")
            yield Violation("base64", f"attachments.{position}.content", message)
    if sum(len(attachment.content) for attachment in draft.attachments) > MAX_BYTES:
        message = _(
            "The attachments are too large: with them the invoice may have 5 MB, of which files take about 3.7."
        )
        yield Violation("00003", "attachments", message)


def _is_email(text: str) -> bool:
    try:
        check_address(text)
    except InvalidInputError:
        return False
    return True


def _figures(draft: InvoiceDraft, figures: Totals) -> Iterator[Violation]:
    if figures.gross < 0 or figures.due < 0:
        message = _("The total is negative: give back money by a credit note with positive amounts.")
        yield Violation("negative_total", "lines", message)
    amounts = [payment.amount for payment in draft.payments]
    if len(amounts) > 1 and None in amounts:
        yield Violation("payments", "payments", _("Each of several payments needs its amount."))
    elif amounts and None not in amounts:
        paid = sum((amount for amount in amounts if amount is not None), Decimal(0))
        if paid != figures.due:
            message = _("The payments are %(paid)s, the customer owes %(due)s.") % {"paid": paid, "due": figures.due}
            yield Violation("payments", "payments", message)
    for position, payment in enumerate(draft.payments, start=1):
        if payment.iban and not iban.is_valid(payment.iban):
            yield Violation("iban", f"payments.{position}.iban", _("This is not a valid IBAN."))
