"""SDI's own checks, made before sending: each finding carries SDI's code, so that both speak the same language.

Works on the bytes that would be sent, not on our data, so that a mistake in building them is found too. Codes and
triggers: "Elenco controlli" 2.0; those that need the tax registry are SDI's alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from django.utils.translation import gettext as _
from lxml import etree
from stdnum.it import codicefiscale, iva

from core.money import vat_on
from invoicing.schema import UnreadableXmlError, parse, schema_errors

_CENT = Decimal("0.01")


@dataclass(frozen=True)
class Finding:
    """One reason for SDI to refuse: its code, the part concerned, and what it means."""

    code: str
    field: str
    message: str


def findings(xml: bytes, *, today: date) -> list[Finding]:
    """Everything SDI would refuse in this file, received on `today` (Italian date); [] when it may be sent."""
    try:
        root = parse(xml)
    except UnreadableXmlError as error:
        return [Finding("00200", "", str(error))]
    if errors := schema_errors(root):
        return [Finding("00200", "", error) for error in errors]
    found = list(_header(root))
    for body in root.iterfind("FatturaElettronicaBody"):
        found += _document(body, today)
        found += _lines(body)
        found += _summaries(body)
    return found


def _text(node: etree._Element, path: str) -> str:
    return node.findtext(path, "").strip()


def _number(node: etree._Element, path: str, default: str = "0") -> Decimal:
    return Decimal(_text(node, path) or default)


def _header(root: etree._Element) -> Iterator[Finding]:
    format_ = _text(root, "FatturaElettronicaHeader/DatiTrasmissione/FormatoTrasmissione")
    code = _text(root, "FatturaElettronicaHeader/DatiTrasmissione/CodiceDestinatario")
    pec = _text(root, "FatturaElettronicaHeader/DatiTrasmissione/PECDestinatario")
    seller = root.find("FatturaElettronicaHeader/CedentePrestatore/DatiAnagrafici")
    buyer = root.find("FatturaElettronicaHeader/CessionarioCommittente/DatiAnagrafici")
    if root.get("versione") != format_:
        yield Finding("00428", "format", _("The format in the header and in the root differ."))
    if len(code) != (6 if format_ == "FPA12" else 7):
        yield Finding("00427", "buyer.recipient_code", _("The codice destinatario does not fit the format."))
    if pec and code != "0000000":
        yield Finding("00426", "buyer.pec", _("A PEC may only be given where there is no codice destinatario."))
    if pec.lower().startswith("sdi") and pec.lower().endswith("@pec.fatturapa.it"):
        yield Finding("00330", "buyer.pec", _("The PEC is a mailbox of the Sistema di Interscambio."))
    if seller is None or buyer is None:
        return
    yield from _identities(seller, buyer, code)


def _identities(seller: etree._Element, buyer: etree._Element, code: str) -> Iterator[Finding]:
    seller_country, seller_vat = _text(seller, "IdFiscaleIVA/IdPaese"), _text(seller, "IdFiscaleIVA/IdCodice")
    buyer_country, buyer_vat = _text(buyer, "IdFiscaleIVA/IdPaese"), _text(buyer, "IdFiscaleIVA/IdCodice")
    seller_tax_code, buyer_tax_code = _text(seller, "CodiceFiscale"), _text(buyer, "CodiceFiscale")
    if not buyer_vat and not buyer_tax_code:
        yield Finding("00417", "buyer", _("The customer has neither a partita IVA nor a codice fiscale."))
    if code == "XXXXXXX" and buyer_country in ("", "IT"):
        yield Finding("00313", "buyer.recipient_code", _("XXXXXXX is only for customers outside Italy."))
    if seller_country == "IT" and not iva.is_valid(seller_vat):
        yield Finding("00301", "seller.vat_number", _("The seller's partita IVA is not valid."))
    if buyer_country == "IT" and not iva.is_valid(buyer_vat):
        yield Finding("00305", "buyer.vat_number", _("The customer's partita IVA is not valid."))
    if seller_tax_code and not _is_tax_code(seller_tax_code):
        yield Finding("00302", "seller.tax_code", _("The seller's codice fiscale is not valid."))
    if buyer_tax_code and not _is_tax_code(buyer_tax_code):
        yield Finding("00306", "buyer.tax_code", _("The customer's codice fiscale is not valid."))
    if "IT" not in (seller_country, buyer_country or "IT"):
        yield Finding("00476", "buyer.country", _("Seller and customer are both outside Italy."))
    if (seller_country, seller_vat) == (buyer_country, buyer_vat) or (
        seller_tax_code and seller_tax_code == buyer_tax_code
    ):
        yield Finding("00471", "buyer", _("Seller and customer are the same."))


def _is_tax_code(value: str) -> bool:
    return bool(codicefiscale.is_valid(value)) if len(value) == 16 else bool(iva.is_valid(value))


def _document(body: etree._Element, today: date) -> Iterator[Finding]:
    general = "DatiGenerali/DatiGeneraliDocumento"
    day, number = _text(body, f"{general}/Data"), _text(body, f"{general}/Numero")
    if day > today.isoformat():
        yield Finding("00403", "date", _("The date of the invoice is in the future."))
    if not any(char.isdigit() for char in number):
        yield Finding("00425", "number", _("The number of the invoice has no digit."))


def _lines(body: etree._Element) -> Iterator[Finding]:
    for line in body.iterfind("DatiBeniServizi/DettaglioLinee"):
        field = f"lines.{_text(line, 'NumeroLinea')}"
        rate, nature = _number(line, "AliquotaIVA"), _text(line, "Natura")
        if rate == 0 and not nature:
            yield Finding("00400", field, _("A line without VAT needs its Natura."))
        if rate > 0 and nature:
            yield Finding("00401", field, _("A line with VAT must not have a Natura."))
        if 0 < rate < 1:
            yield Finding("00424", field, _("The rate is not in percent."))
        if nature in ("N2", "N3", "N6"):
            yield Finding("00445", field, _("The Natura needs its subcode, for instance N2.1."))
        expected = _discounted(line) * _number(line, "Quantita", "1")
        if abs(expected - _number(line, "PrezzoTotale")) >= _CENT:
            yield Finding("00423", field, _("The line's total is not its unit price times its quantity."))


def _discounted(line: etree._Element) -> Decimal:
    """The unit price after each discount or surcharge in turn; an amount beats a percentage."""
    price = _number(line, "PrezzoUnitario")
    for change in line.iterfind("ScontoMaggiorazione"):
        amount = (
            _number(change, "Importo")
            if change.find("Importo") is not None
            else price * _number(change, "Percentuale") / 100
        )
        price += amount if _text(change, "Tipo") == "MG" else -amount
    return price


def _summaries(body: etree._Element) -> Iterator[Finding]:
    lines = body.findall("DatiBeniServizi/DettaglioLinee") + body.findall(
        "DatiGenerali/DatiGeneraliDocumento/DatiCassaPrevidenziale"
    )
    sums: dict[tuple[Decimal, str], Decimal] = {}
    for line in lines:
        key = _number(line, "AliquotaIVA"), _text(line, "Natura")
        amount = "PrezzoTotale" if line.tag == "DettaglioLinee" else "ImportoContributoCassa"
        sums[key] = sums.get(key, Decimal(0)) + _number(line, amount)
    told: dict[tuple[Decimal, str], Decimal] = {}
    for block in body.iterfind("DatiBeniServizi/DatiRiepilogo"):
        key = _number(block, "AliquotaIVA"), _text(block, "Natura")
        told[key] = told.get(key, Decimal(0)) + _number(block, "ImponibileImporto") - _number(block, "Arrotondamento")
        yield from _summary(block, key)
    if len(told) < len(sums):
        yield Finding("00419", "summary", _("A rate of the lines is missing in the summary."))
    if {rate for rate, _nature in sums} != {rate for rate, _nature in told}:
        yield Finding("00443", "summary", _("Lines and summary do not have the same rates."))
    if {nature for _rate, nature in sums} != {nature for _rate, nature in told}:
        yield Finding("00444", "summary", _("Lines and summary do not have the same Natura."))
    for key in sums.keys() & told.keys():
        if abs(sums[key] - told[key]) >= 1:
            yield Finding("00422", "summary", _("The taxable amount is not the sum of its lines."))


def _summary(block: etree._Element, key: tuple[Decimal, str]) -> Iterator[Finding]:
    rate, nature = key
    if rate == 0 and not nature:
        yield Finding("00429", "summary", _("A summary without VAT needs its Natura."))
    if rate > 0 and nature:
        yield Finding("00430", "summary", _("A summary with VAT must not have a Natura."))
    tax, net = _number(block, "Imposta"), _number(block, "ImponibileImporto")
    if abs(tax - vat_on(net, rate)) >= _CENT:
        yield Finding("00421", "summary", _("The tax is not the rate times the taxable amount."))
    if _text(block, "EsigibilitaIVA") == "S" and nature.startswith("N6"):
        yield Finding("00420", "summary", _("Reverse charge and split payment exclude each other."))
