"""The courtesy copy of an invoice, drawn from its XML so that the numbers cannot differ.

The devices of the site: a ruled margin, hairlines, one accent, the seal, the double rule under the total.
"""

import io
import math
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files

from django.utils import translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop, pgettext, pgettext_lazy
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.pdfgen.pathobject import PDFPathObject

from accounts.fiscal.countries import country_name
from invoicing.fatturapa.law import CAUSALE, CREDIT_NOTE, FLAT_RATE_NOTE, IN_ENGLISH
from invoicing.fatturapa.view import InvoiceView, LineView, PartyView, ReferenceView, Registration, read_invoice

INK, SOFT, RULE, STRONG, ACCENT = (HexColor(c) for c in ("#13201e", "#4a5956", "#d3dbd8", "#75837f", "#085e58"))
WIDTH, HEIGHT = A4
EDGE, AXIS, TEXT, RIGHT = 16 * mm, 52 * mm, 57 * mm, WIDTH - 16 * mm
FOOT = 36 * mm
HEADING_ROWS = 6  # what is about the document and finds no room there is said below the sums
NOTES_TOGETHER = 8  # so many rows of small print stay with the sums
_FONTS = {
    "serif": ("font_source_serif_pro", "SourceSerifPro-Regular"),
    "sans": ("font_source_sans_pro", "SourceSansPro-Regular"),
    "bold": ("font_source_sans_pro", "SourceSansPro-Semibold"),
}
TITLES = {
    "TD01": gettext_noop("Invoice"), "TD02": gettext_noop("Advance invoice"), "TD04": gettext_noop("Credit note"),
    "TD05": gettext_noop("Debit note"), "TD06": gettext_noop("Fee invoice"), "TD24": gettext_noop("Deferred invoice"),
}  # fmt: skip
METHODS = {
    "MP01": gettext_noop("Cash"), "MP05": gettext_noop("Bank transfer"), "MP08": gettext_noop("Card"),
    "MP12": gettext_noop("Bank receipt (RIBA)"), "MP19": gettext_noop("SEPA direct debit"),
}  # fmt: skip
_WORDS = (
    pgettext_lazy("invoice", "Seller"),
    pgettext_lazy("invoice", "Customer"),
    gettext_noop("Paid by card"),
    gettext_noop("invoice"),
    gettext_noop("order"),
    gettext_noop("contract"),
    gettext_noop("agreement"),
    gettext_noop("Declaration of intent"),
    gettext_noop("Your reference"),
    gettext_noop("Attachments"),
    gettext_noop("Transmission"),
    gettext_noop("Format"),
    gettext_noop("Document type"),
    gettext_noop("Quantity"),
    gettext_noop("Price €"),
    gettext_noop("VAT"),
    gettext_noop("Amount €"),
    gettext_noop("Discount"),
    gettext_noop("Period"),
    gettext_noop("Net amount"),
    gettext_noop("VAT %(rate)s"),
    gettext_noop("of which pension fund %(type)s %(rate)s"),
    gettext_noop("Rounding"),
    gettext_noop("Tax withheld %(rate)s"),
    gettext_noop("Paid"),
    gettext_noop("To pay"),
    gettext_noop("VAT paid to the Treasury (split payment)"),
    gettext_noop("Total"),
    gettext_noop("Note"),
    gettext_noop("Stamp duty %(amount)s, paid by the seller to the Treasury"),
)  # fmt: skip -- labels that `both` looks up, said here for the catalogue
_COURTESY = gettext_noop(
    "Courtesy copy. The fiscal document is the XML file %(name)s, which passes through the Sistema di Interscambio."
)
_COLUMNS = (TEXT + 74 * mm, TEXT + 96 * mm, TEXT + 111 * mm, RIGHT)


def render(xml: bytes, *, file_name: str, sha256: str, language: str = "it", is_draft: bool = False) -> bytes:
    """An A4 PDF of the invoice in `xml`; the same input gives the same bytes. `language` is "it" or "en".

    A customer abroad reads Italian with English beside it, whatever `language` says. A draft is marked across the page.
    """
    view = read_invoice(xml)
    with translation.override("it" if view.is_foreign else language):
        sheet = _Sheet(view, file_name, sha256, pages=1, is_draft=is_draft)
        if (pages := sheet.draw()) > 1:  # drawn again, now that it is known how many there are
            sheet = _Sheet(view, file_name, sha256, pages=pages, is_draft=is_draft)
            sheet.draw()
        return sheet.finish()


class _Sheet:
    """One PDF in the making: a canvas and how far down the page we are."""

    def __init__(self, view: InvoiceView, file_name: str, sha256: str, *, pages: int, is_draft: bool) -> None:
        _register_fonts()
        self.view, self.file_name, self.sha256, self.pages, self.is_draft = view, file_name, sha256, pages, is_draft
        self.buffer = io.BytesIO()
        self.overflow: list[str] = []
        language = translation.get_language() or "it"
        self.pdf = Canvas(self.buffer, pagesize=A4, invariant=1, lang=language, initialFontName="sans")  # type: ignore[arg-type]
        self.pdf.setTitle(f"{_title(view)} {view.number}")
        self.pdf.setAuthor(view.seller.name)
        self.pdf.setViewerPreference("DisplayDocTitle", "true")
        self.pdf.setSubject(_("Courtesy copy of an electronic invoice"))

    def draw(self) -> int:
        y = self._parties(self._heading(self._top()))
        y = self._table_head(y)
        for line in self.view.lines:
            rows, asides = self._description(line)
            if y - (len(rows) * 4.6 + len(asides) * 4) * mm < FOOT + 12 * mm:
                y = self._next_page()
            y = self._line(line, rows, asides, y)
        sums, to_pay, notes = self._sums(), self._to_pay(), self._notes()
        together = min(len(notes), NOTES_TOGETHER)
        if y - (len(sums) * 6.2 + len(to_pay) * 6 + together * 4.2 + 24) * mm < FOOT:
            y = self._next_page()
        y = self._totals(y - 2 * mm, sums, to_pay)
        for note in notes:
            if y < FOOT:
                y = self._next_page(with_table=False)
            y = self.block(TEXT, y, [note], 7.8, 4.2 * mm, SOFT)
        self._foot()
        return int(self.pdf.getPageNumber())

    def finish(self) -> bytes:
        self.pdf.save()
        return self.buffer.getvalue()

    # --- words ---

    def both(self, msgid: str, context: str = "", **values: str) -> str:
        """A label in the reader's language; abroad in Italian and, after a stroke, in English."""
        label = pgettext(context, msgid) if context else _(msgid)
        return f"{label} / {msgid}" % values if self.view.is_foreign else label % values

    # --- devices ---

    def write(self, x: float, y: float, text: str, role: str = "sans", size: float = 9, colour: Color = INK) -> None:
        self.pdf.setFont(role, size)
        self.pdf.setFillColor(colour)
        self.pdf.drawString(x, y, text)

    def write_end(
        self, x: float, y: float, text: str, role: str = "sans", size: float = 9, colour: Color = INK
    ) -> None:
        self.write(x - pdfmetrics.stringWidth(text, role, size), y, text, role, size, colour)

    def block(self, x: float, y: float, rows: Sequence[str], size: float, lead: float, colour: Color = INK) -> float:
        for row in rows:
            self.write(x, y, row, size=size, colour=colour)
            y -= lead
        return y

    def rule(self, x1: float, y: float, x2: float, colour: Color = RULE, width: float = 0.5) -> None:
        self.pdf.setStrokeColor(colour)
        self.pdf.setLineWidth(width)
        self.pdf.line(x1, y, x2, y)

    def double(self, x1: float, y: float, x2: float) -> None:
        self.rule(x1, y, x2, INK, 0.7)
        self.rule(x1, y - 1.6, x2, INK, 0.7)

    def seal(self, cx: float, cy: float, radius: float, swing: float) -> None:
        self.pdf.saveState()
        self.pdf.translate(cx, cy)
        self.pdf.setStrokeColor(ACCENT)
        self.pdf.setLineWidth(0.22)
        for path in _rosette(radius, swing):
            self.pdf.drawPath(path)
        self.pdf.restoreState()

    # --- parts, from the top ---

    def _top(self) -> float:
        if self.is_draft:
            self._watermark()
        y = HEIGHT - 20 * mm
        self.pdf.setStrokeColor(INK)
        self.pdf.setLineWidth(0.8)
        for dx, dy in ((0, 1.8), (1.8, 0), (0, -1.8), (-1.8, 0)):
            self.pdf.circle(EDGE + 4.2 * mm + dx * mm, y + 1.8 * mm + dy * mm, 2.4 * mm)
        self.pdf.setFillColor(ACCENT)
        self.pdf.circle(EDGE + 4.2 * mm, y + 1.8 * mm, 0.8 * mm, stroke=0, fill=1)
        self.write(TEXT, y, "AI Strategy Hub", "serif", 15)
        self.write_end(RIGHT, y, self.view.seller.name, size=8.5, colour=SOFT)
        self.double(0, y - 7.5 * mm, WIDTH)
        self.pdf.setStrokeColor(RULE)
        self.pdf.setLineWidth(0.5)
        self.pdf.line(AXIS, y - 8.2 * mm, AXIS, 0)
        return y - 8 * mm

    def _watermark(self) -> None:
        self.pdf.saveState()
        self.pdf.translate(WIDTH / 2, HEIGHT / 2)
        self.pdf.rotate(52)
        self.pdf.setFont("bold", 96)
        self.pdf.setFillColor(RULE)
        self.pdf.drawCentredString(0, 0, _("Draft").upper())
        self.pdf.restoreState()

    def _heading(self, y: float) -> float:
        self.seal(RIGHT - 17 * mm, y - 22 * mm, 74, 22)
        self.seal(RIGHT - 17 * mm, y - 22 * mm, 36, 14)
        title = f"{_title(self.view)} {self.view.number}"
        room = RIGHT - 34 * mm - TEXT
        size = min(27.0, 27 * room / pdfmetrics.stringWidth(title, "serif", 27))
        self.write(TEXT, y - 18 * mm, title, "serif", size)
        low = y - 25.5 * mm
        about = _("of %(day)s") % {"day": date_format(self.view.day, "DATE_FORMAT")}
        if self.view.is_foreign:
            about += f" / {TITLES.get(self.view.document_type, 'Invoice')} of {self.view.day:%d %B %Y}"
        details = [about, *filter(None, map(self._reference, self.view.references)), *_join_notes(self.view.notes)]
        if self.view.administration_reference:
            details.append(f"{self.both('Your reference')} {self.view.administration_reference}")
        rows = _wrap([", ".join(details)], 9.5, room)
        low = self.block(TEXT, low, rows[:HEADING_ROWS], 9.5, 4.8 * mm, SOFT)
        self.overflow = rows[HEADING_ROWS:]
        if self.view.is_paid_by_card:
            self.write(TEXT, low - 0.7 * mm, self.both("Paid by card"), size=9.5, colour=ACCENT)
        return min(y - 46 * mm, low - 10 * mm)

    def _reference(self, reference: ReferenceView) -> str:
        """An order with its codes, or the invoice this document is about, unless the notes say it already."""
        if reference.kind == "invoice" and any(reference.number in note for note in self.view.notes):
            return ""
        label = self.both(reference.kind)
        day = f" {date_format(reference.day, 'SHORT_DATE_FORMAT')}" if reference.day else ""
        codes = "".join(f", {name} {code}" for name, code in (("CUP", reference.cup), ("CIG", reference.cig)) if code)
        return f"{label} {reference.number}{day}{codes}"

    def _parties(self, y: float) -> float:
        view, aside = self.view, TEXT + 80 * mm
        self.write(EDGE, y, self.both("Seller", "invoice"), "bold", 8.5)
        seller = [
            *_address(view.seller, EDGE, AXIS - 3 * mm, 7.8),
            *_wrap(_registration(view.registration), 7.8, AXIS - 3 * mm - EDGE),
        ]
        low = self.block(EDGE, y - 5 * mm, seller, 7.8, 4.2 * mm, SOFT)
        self.write(TEXT, y, self.both("Customer", "invoice"), "bold", 8.5)
        low_buyer = self.block(TEXT, y - 5.5 * mm, _address(view.buyer, TEXT, aside - 4 * mm, 10), 10, 5.2 * mm)
        self.write(aside, y, self.both("Transmission"), "bold", 8.5)
        rows = [(self.both("Format"), view.format), (self.both("Document type"), view.document_type)]
        rows.append(("PEC", view.pec) if view.pec else ("Codice destinatario", view.recipient_code))
        for position, (label, value) in enumerate(rows):
            self.write(aside, y - 5.5 * mm - position * 5.2 * mm, label, size=8.5, colour=SOFT)
            self.write_end(RIGHT, y - 5.5 * mm - position * 5.2 * mm, value, size=8.5)
        return min(y - 36 * mm, low - 6 * mm, low_buyer - 6 * mm)

    def _table_head(self, y: float) -> float:
        labels = ("Quantity", "Price €", "VAT", "Amount €")
        self.write(TEXT, y, _("Description"), size=8, colour=SOFT)
        for x, label in zip(_COLUMNS, labels, strict=True):
            self.write_end(x, y, _(label), size=8, colour=SOFT)
        if self.view.is_foreign:  # too narrow for two languages in a row
            y -= 3.4 * mm
            self.write(TEXT, y, "Description", size=6.8, colour=SOFT)
            for x, label in zip(_COLUMNS, labels, strict=True):
                self.write_end(x, y, label, size=6.8, colour=SOFT)
        self.rule(TEXT, y - 2.2 * mm, RIGHT, STRONG, 0.7)
        return y - 8 * mm

    def _description(self, line: LineView) -> tuple[list[str], list[str]]:
        """What the line is about, and below it in small print its period and discounts."""
        width = _COLUMNS[0] - TEXT - 18 * mm
        asides = [self._period(*line.period)] if any(line.period) else []
        if line.discounts:
            values = ", ".join(
                change.lstrip("-").replace(".", "," if _is_italian() else ".") for change in line.discounts
            )
            asides.append(f"{self.both('Discount')} {values}")
        for protocol, day in line.intents:
            when = f", {date_format(day, 'SHORT_DATE_FORMAT')}" if day else ""
            asides.append(f"{self.both('Declaration of intent')} {protocol}{when}")
        wrapped = [piece for aside in asides for piece in simpleSplit(aside, "sans", 8, width)]
        return list[str](simpleSplit(line.description, "sans", 10, width)), wrapped

    def _period(self, start: date | None, end: date | None) -> str:
        days = [date_format(day, "SHORT_DATE_FORMAT") if day else "…" for day in (start, end)]
        return f"{self.both('Period')} {days[0]} – {days[1]}"

    def _line(self, line: LineView, rows: Sequence[str], asides: Sequence[str], y: float) -> float:
        self.write_end(AXIS - 4 * mm, y, line.number, "serif", 10, ACCENT)
        quantity = "" if line.quantity is None else f"{_digits(line.quantity)} {line.unit}".strip()
        rate = line.nature or _percent(line.vat_rate)
        values = (quantity, _digits(line.unit_price), rate, _digits(line.total))
        for x, value in zip(_COLUMNS, values, strict=True):
            self.write_end(x, y, value, size=10)
        y = self.block(TEXT, y, rows, 10, 4.6 * mm)
        y = self.block(TEXT, y + 0.4 * mm, asides, 8, 4 * mm, SOFT) if asides else y
        if line is not self.view.lines[-1]:
            self.rule(TEXT, y + 1 * mm, RIGHT)
        return y - 4.5 * mm

    def _sums(self) -> list[tuple[str, str]]:
        rows = []
        for summary in self.view.summaries:
            rate = summary.nature or _percent(summary.vat_rate)
            rows.append((f"{self.both('Net amount')} {summary.nature}".strip(), _euros(summary.net)))
            if not summary.nature:
                rows.append((self.both("VAT %(rate)s", rate=rate), _euros(summary.vat)))
        for fund in self.view.funds:
            label = self.both("of which pension fund %(type)s %(rate)s", type=fund.type, rate=_percent(fund.rate))
            rows.append((label, _euros(fund.amount)))
        if self.view.rounding:
            rows.append((self.both("Rounding"), _euros(self.view.rounding)))
        return rows

    def _to_pay(self) -> list[tuple[str, str]]:
        """What follows the total: deductions, and what is paid or to be paid, how and by when."""
        view = self.view
        rows = [
            (self.both("Tax withheld %(rate)s", rate=_percent(held.rate)), _euros(-held.amount))
            for held in view.withholdings
        ]
        if view.split_vat:
            rows.append((self.both("VAT paid to the Treasury (split payment)"), _euros(-view.split_vat)))
        if view.is_paid_by_card:
            paid = sum((payment.amount for payment in view.payments), Decimal(0))
            return [*rows, (self.both("Paid"), _euros(paid)), (self.both("To pay"), _euros(view.due - paid))]
        if view.document_type != CREDIT_NOTE and (rows or view.payments):
            rows.append((self.both("To pay"), _euros(view.due)))
        for payment in view.payments:
            day = f", {date_format(payment.due_date, 'SHORT_DATE_FORMAT')}" if payment.due_date else ""
            rows.append((f"{self.both(METHODS.get(payment.method, payment.method))}{day}", _euros(payment.amount)))
        return rows

    def _notes(self) -> list[str]:
        """Small print: what the heading had no room for, why there is no VAT, stamp duty, the IBAN to pay to."""
        texts = [
            " / ".join(
                filter(None, (f"{block.nature} {block.law_reference}".strip(), IN_ENGLISH.get(block.law_reference)))
            )
            for block in self.view.summaries
            if block.law_reference
        ]
        if self.view.stamp_duty:
            texts.append(
                self.both(
                    "Stamp duty %(amount)s, paid by the seller to the Treasury", amount=_euros(self.view.stamp_duty)
                )
            )
        texts += dict.fromkeys(
            f"IBAN {payment.iban}" + (f", BIC {payment.bic}" if payment.bic else "")
            for payment in self.view.payments
            if payment.iban
        )
        if self.view.attachments:
            texts.append(f"{self.both('Attachments')}: {', '.join(self.view.attachments)}")
        return [*self.overflow, *_wrap(texts, 7.8, RIGHT - TEXT)]

    def _totals(self, y: float, sums: Sequence[tuple[str, str]], to_pay: Sequence[tuple[str, str]]) -> float:
        left = TEXT + (36 if self.view.is_foreign else 60) * mm
        for label, value in sums:
            self.write(left, y, label, size=9.5, colour=SOFT)
            self.write_end(RIGHT, y, value, size=9.5)
            y -= 6.2 * mm
        self.rule(left, y + 2.2 * mm, RIGHT, INK, 0.7)
        self.write(left, y - 4.6 * mm, self.both("Total"), "bold", 10)
        self.write_end(RIGHT, y - 5 * mm, _euros(self.view.total), size=16)
        self.double(left, y - 9 * mm, RIGHT)
        y -= 15.5 * mm
        for label, value in to_pay:
            self.write(left, y, label, size=9.5, colour=SOFT)
            self.write_end(RIGHT, y, value, size=9.5)
            y -= 6 * mm
        return y - 2 * mm

    def _foot(self) -> None:
        self.rule(EDGE, 30 * mm, RIGHT)
        self.write(EDGE, 24.5 * mm, self.both("Note"), "bold", 8)
        note = _(_COURTESY) % {"name": self.file_name}
        if self.view.is_foreign:
            note += " / " + _COURTESY % {"name": self.file_name}
        rows = simpleSplit(note, "sans", 8, RIGHT - TEXT)
        size, lead = (8, 4.1) if len(rows) < 3 else (6.8, 3.1)
        self.block(TEXT, 24.5 * mm, simpleSplit(note, "sans", size, RIGHT - TEXT), size, lead * mm, SOFT)
        self.write(TEXT, 15.2 * mm, f"SHA-256  {self.sha256}", size=6.6, colour=SOFT)
        page = self.pdf.getPageNumber()
        self.write(
            EDGE, 15.2 * mm, _("Page %(page)s of %(pages)s") % {"page": page, "pages": self.pages}, size=8, colour=SOFT
        )

    def _next_page(self, *, with_table: bool = True) -> float:
        self._foot()
        self.pdf.showPage()
        top = self._top() - 12 * mm
        return self._table_head(top) if with_table else top


def _title(view: InvoiceView) -> str:
    return _(TITLES.get(view.document_type, "Invoice"))


def _join_notes(notes: Sequence[str]) -> list[str]:
    """The notes, those put together again that were cut to fit into a Causale (2.1.1.11), as `xml.pieces` cuts."""
    whole: list[str] = []
    before = ""
    for note in notes:
        first_word = note.partition(" ")[0]
        if before and note != FLAT_RATE_NOTE and len(f"{before} {first_word}") > CAUSALE:
            is_in_a_word = len(before) == CAUSALE and " " not in before
            whole[-1] += note if is_in_a_word else f" {note}"
        else:
            whole.append(note)
        before = note
    return whole


def _address(party: PartyView, left: float, right: float, size: float) -> list[str]:
    rows = [party.name, party.street, party.town, *([_country(party.country)] if party.country != "IT" else [])]
    if party.vat_number:
        rows.append(_("VAT no. %(number)s") % {"number": party.vat_number})
    if party.tax_code:
        rows.append(_("C.F. %(number)s") % {"number": party.tax_code})
    return _wrap(rows, size, right - left)


def _country(code: str) -> str:
    """Its name in Italian and, where it is another, in English: who reads of it is abroad."""
    return " / ".join(dict.fromkeys(country_name(code, language) for language in ("it", "en")))


def _wrap(rows: Sequence[str], size: float, width: float) -> list[str]:
    return [piece for row in rows for piece in simpleSplit(row, "sans", size, width)]


def _registration(registration: Registration) -> list[str]:
    regimes = {"RF01": _("Ordinary regime (RF01)"), "RF19": _("Flat-rate regime (RF19)")}
    rows = [f"REA {registration.rea}"] if registration.rea else []
    if registration.share_capital is not None:
        rows.append(_("Share capital %(amount)s €") % {"amount": _digits(registration.share_capital)})
    return [*rows, regimes.get(registration.tax_regime, registration.tax_regime)]


def _digits(value: Decimal) -> str:
    places = max(2, min(8, -int(value.normalize().as_tuple().exponent)))
    sign = "−" if value < 0 else ""
    return sign + number_format(abs(value), decimal_pos=places, use_l10n=True, force_grouping=True)


def _euros(value: Decimal) -> str:
    return f"{_digits(value)} €"


def _is_italian() -> bool:
    return translation.get_language() == "it"


def _percent(rate: Decimal) -> str:
    return f"{number_format(rate.normalize() + 0, use_l10n=True)} %"


@lru_cache(maxsize=4)
def _rosette(radius: float, swing: float, lobes: int = 12, turns: int = 4) -> list[PDFPathObject]:
    """r = R + a·cos(nθ), turned a few times, around the origin; reckoned once, as it is on every page."""
    paths = []
    for turn in range(turns):
        path, steps = PDFPathObject(), lobes * 24
        for step in range(steps):
            angle = 2 * math.pi * step / steps
            reach = (radius + swing * math.cos(lobes * angle)) * 0.17 * mm
            angle += 2 * math.pi * turn / lobes / turns
            (path.lineTo if step else path.moveTo)(reach * math.cos(angle), reach * math.sin(angle))
        path.close()
        paths.append(path)
    return paths


@lru_cache(maxsize=1)
def _register_fonts() -> None:
    for role, (package, name) in _FONTS.items():
        pdfmetrics.registerFont(TTFont(role, str(files(package) / "files" / f"{name}.ttf")))
