"""The courtesy copy of an invoice, drawn from its XML so that the numbers cannot differ.

The devices of the site: a ruled margin, hairlines, one accent, the seal, the double rule under the total.
"""

import io
import math
from collections.abc import Sequence
from decimal import Decimal
from functools import lru_cache
from importlib.resources import files

from django.utils import translation
from django.utils.formats import date_format, number_format
from django.utils.translation import gettext as _
from django.utils.translation import pgettext
from reportlab.lib.colors import Color, HexColor
from reportlab.lib.pagesizes import A4
from reportlab.lib.units import mm
from reportlab.lib.utils import simpleSplit
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from invoicing.reading import InvoiceView, LineView, PartyView, Registration, read_invoice

INK, SOFT, RULE, STRONG, ACCENT = (HexColor(c) for c in ("#13201e", "#4a5956", "#d3dbd8", "#75837f", "#085e58"))
WIDTH, HEIGHT = A4
EDGE, AXIS, TEXT, RIGHT = 16 * mm, 52 * mm, 57 * mm, WIDTH - 16 * mm
FOOT = 36 * mm
_FONTS = {
    "serif": ("font_source_serif_pro", "SourceSerifPro-Regular"),
    "sans": ("font_source_sans_pro", "SourceSansPro-Regular"),
    "bold": ("font_source_sans_pro", "SourceSansPro-Semibold"),
}
_COLUMNS = (TEXT + 74 * mm, TEXT + 96 * mm, TEXT + 111 * mm, RIGHT)


def render(xml: bytes, *, file_name: str, sha256: str, language: str = "it") -> bytes:
    """An A4 PDF of the invoice in `xml`; the same input gives the same bytes. `language` is "it" or "en"."""
    view = read_invoice(xml)
    with translation.override(language):
        # drawn twice: the first time only to know how many pages there are
        pages = _Sheet(view, file_name, sha256, language, pages=0).draw()
        sheet = _Sheet(view, file_name, sha256, language, pages=pages)
        sheet.draw()
        return sheet.finish()


class _Sheet:
    """One PDF in the making: a canvas and how far down the page we are."""

    def __init__(self, view: InvoiceView, file_name: str, sha256: str, language: str, pages: int) -> None:
        _register_fonts()
        self.view, self.file_name, self.sha256, self.pages = view, file_name, sha256, pages
        self.buffer = io.BytesIO()
        self.pdf = Canvas(self.buffer, pagesize=A4, invariant=1, lang=language, initialFontName="sans")  # type: ignore[arg-type]
        self.pdf.setTitle(f"{_title(view)} {view.number}")
        self.pdf.setAuthor(view.seller.name)
        self.pdf.setSubject(_("Courtesy copy of an electronic invoice"))

    def draw(self) -> int:
        y = self._parties(self._heading(self._top()))
        y = self._table_head(y)
        for line in self.view.lines:
            rows = self._description(line)
            if y - len(rows) * 4.6 * mm < FOOT + 12 * mm:
                y = self._next_page()
            y = self._line(line, rows, y)
        needed = (len(self.view.summaries) * 12.4 + 40) * mm
        if y - needed < FOOT:
            y = self._next_page()
        self._totals(y - 2 * mm)
        self._foot()
        return int(self.pdf.getPageNumber())

    def finish(self) -> bytes:
        self.pdf.save()
        return self.buffer.getvalue()

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

    def seal(self, cx: float, cy: float, radius: float, swing: float, lobes: int = 12, turns: int = 4) -> None:
        """r = R + a·cos(nθ), turned a few times."""
        self.pdf.setStrokeColor(ACCENT)
        self.pdf.setLineWidth(0.22)
        for turn in range(turns):
            path, steps = self.pdf.beginPath(), lobes * 24
            for step in range(steps):
                angle = 2 * math.pi * step / steps
                reach = (radius + swing * math.cos(lobes * angle)) * 0.17 * mm
                angle += 2 * math.pi * turn / lobes / turns
                (path.lineTo if step else path.moveTo)(cx + reach * math.cos(angle), cy + reach * math.sin(angle))
            path.close()
            self.pdf.drawPath(path)

    # --- parts, from the top ---

    def _top(self) -> float:
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

    def _heading(self, y: float) -> float:
        self.seal(RIGHT - 17 * mm, y - 22 * mm, 74, 22)
        self.seal(RIGHT - 17 * mm, y - 22 * mm, 36, 14)
        self.write(TEXT, y - 18 * mm, f"{_title(self.view)} {self.view.number}", "serif", 27)
        about = _("of %(day)s") % {"day": date_format(self.view.day, "DATE_FORMAT")}
        self.write(TEXT, y - 25.5 * mm, ", ".join([about, *self.view.notes])[:90], size=9.5, colour=SOFT)
        if self.view.is_paid_by_card:
            self.write(TEXT, y - 31 * mm, _("Paid by card"), size=9.5, colour=ACCENT)
        return y - 46 * mm

    def _parties(self, y: float) -> float:
        view, aside = self.view, TEXT + 80 * mm
        self.write(EDGE, y, pgettext("invoice", "Seller"), "bold", 8.5)
        seller = [
            *_address(view.seller, EDGE, AXIS - 3 * mm, 7.8),
            *_wrapped(_registration(view.registration), 7.8, AXIS - 3 * mm - EDGE),
        ]
        low = self.block(EDGE, y - 5 * mm, seller, 7.8, 4.2 * mm, SOFT)
        self.write(TEXT, y, pgettext("invoice", "Customer"), "bold", 8.5)
        low_buyer = self.block(TEXT, y - 5.5 * mm, _address(view.buyer, TEXT, aside - 4 * mm, 10), 10, 5.2 * mm)
        self.write(aside, y, _("Transmission"), "bold", 8.5)
        rows = [(_("Format"), view.format), (_("Document type"), view.document_type)]
        rows.append(("PEC", view.pec) if view.pec else (_("Codice destinatario"), view.recipient_code))
        for position, (label, value) in enumerate(rows):
            self.write(aside, y - 5.5 * mm - position * 5.2 * mm, label, size=8.5, colour=SOFT)
            self.write_end(RIGHT, y - 5.5 * mm - position * 5.2 * mm, value, size=8.5)
        return min(y - 36 * mm, low - 6 * mm, low_buyer - 6 * mm)

    def _table_head(self, y: float) -> float:
        self.write(TEXT, y, _("Description"), size=8, colour=SOFT)
        for x, label in zip(_COLUMNS, (_("Quantity"), _("Price €"), _("VAT"), _("Amount €")), strict=True):
            self.write_end(x, y, label, size=8, colour=SOFT)
        self.rule(TEXT, y - 2.2 * mm, RIGHT, STRONG, 0.7)
        return y - 8 * mm

    def _description(self, line: LineView) -> list[str]:
        return list[str](simpleSplit(line.description, "sans", 10, _COLUMNS[0] - TEXT - 18 * mm))

    def _line(self, line: LineView, rows: Sequence[str], y: float) -> float:
        self.write_end(AXIS - 4 * mm, y, line.number, "serif", 10, ACCENT)
        quantity = "" if line.quantity is None else _digits(line.quantity)
        values = (quantity, _digits(line.unit_price), _percent(line.vat_rate), _digits(line.total))
        for x, value in zip(_COLUMNS, values, strict=True):
            self.write_end(x, y, value, size=10)
        y = self.block(TEXT, y, rows, 10, 4.6 * mm)
        if line is not self.view.lines[-1]:
            self.rule(TEXT, y + 1 * mm, RIGHT)
        return y - 4.5 * mm

    def _totals(self, y: float) -> None:
        left = TEXT + 60 * mm
        for summary in self.view.summaries:
            rows = (
                (_("Net amount"), summary.net),
                (_("VAT %(rate)s") % {"rate": _percent(summary.vat_rate)}, summary.vat),
            )
            for label, value in rows:
                self.write(left, y, label, size=9.5, colour=SOFT)
                self.write_end(RIGHT, y, f"{_digits(value)} €", size=9.5)
                y -= 6.2 * mm
        self.rule(left, y + 2.2 * mm, RIGHT, INK, 0.7)
        self.write(left, y - 4.6 * mm, _("Total"), "bold", 10)
        self.write_end(RIGHT, y - 5 * mm, f"{_digits(self.view.total)} €", size=16)
        self.double(left, y - 9 * mm, RIGHT)
        if self.view.is_paid_by_card:
            paid = sum((payment.amount for payment in self.view.payments), Decimal(0))
            for position, (label, value) in enumerate(((_("Paid"), paid), (_("To pay"), self.view.total - paid))):
                self.write(left, y - (15.5 + 6 * position) * mm, label, size=9.5, colour=SOFT)
                self.write_end(RIGHT, y - (15.5 + 6 * position) * mm, f"{_digits(value)} €", size=9.5)

    def _foot(self) -> None:
        self.rule(EDGE, 30 * mm, RIGHT)
        self.write(EDGE, 24.5 * mm, _("Note"), "bold", 8)
        note = _(
            "Courtesy copy. The fiscal document is the XML file %(name)s, transmitted to the Sistema di Interscambio."
        ) % {"name": self.file_name}
        self.block(TEXT, 24.5 * mm, simpleSplit(note, "sans", 8, RIGHT - TEXT), 8, 4.1 * mm, SOFT)
        self.write(TEXT, 15.2 * mm, f"SHA-256  {self.sha256}", size=6.6, colour=SOFT)
        page = self.pdf.getPageNumber()
        self.write(
            EDGE, 15.2 * mm, _("Page %(page)s of %(pages)s") % {"page": page, "pages": self.pages}, size=8, colour=SOFT
        )

    def _next_page(self) -> float:
        self._foot()
        self.pdf.showPage()
        return self._table_head(self._top() - 12 * mm)


def _title(view: InvoiceView) -> str:
    return _("Credit note") if view.document_type == "TD04" else _("Invoice")


def _address(party: PartyView, left: float, right: float, size: float) -> list[str]:
    rows = [party.name, party.street, party.town]
    if party.vat_number:
        rows.append(_("VAT no. %(number)s") % {"number": party.vat_number})
    if party.tax_code:
        rows.append(_("C.F. %(number)s") % {"number": party.tax_code})
    return _wrapped(rows, size, right - left)


def _wrapped(rows: Sequence[str], size: float, width: float) -> list[str]:
    return [piece for row in rows for piece in simpleSplit(row, "sans", size, width)]


def _registration(told: Registration) -> list[str]:
    regimes = {"RF01": _("Ordinary regime (RF01)"), "RF19": _("Flat-rate regime (RF19)")}
    rows = [f"REA {told.rea}"] if told.rea else []
    if told.share_capital is not None:
        rows.append(_("Share capital %(amount)s €") % {"amount": _digits(told.share_capital)})
    return [*rows, regimes.get(told.tax_regime, told.tax_regime)]


def _digits(value: Decimal) -> str:
    places = max(2, min(8, -int(value.normalize().as_tuple().exponent)))
    sign = "−" if value < 0 else ""
    return sign + number_format(abs(value), decimal_pos=places, use_l10n=True, force_grouping=True)


def _percent(rate: Decimal) -> str:
    return f"{number_format(rate.normalize() + 0, use_l10n=True)} %"


@lru_cache(maxsize=1)
def _register_fonts() -> None:
    for role, (package, name) in _FONTS.items():
        pdfmetrics.registerFont(TTFont(role, str(files(package) / "files" / f"{name}.ttf")))
