"""SDI's controls on the content of a schema-valid invoice, one function per part of the document.

Numbers such as 2.2.2.5 are those of the FatturaPA layout. Amounts are exact fractions; rounding is half away from zero.
"""

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import NamedTuple

from lxml import etree

from sandbox.pec.fiscal_codes import is_fiscal_code, is_vat_number

DESCRIPTIONS = {
    "00001": "Nome file non valido",
    "00002": "Nome file duplicato: un file con lo stesso nome è già stato trasmesso",
    "00003": "Le dimensioni del file superano quelle ammesse",
    "00102": "File non integro: firma assente o non valida",
    "00106": "File o archivio vuoto o corrotto",
    "00200": "File non conforme al formato",
    "00201": "Superato il numero massimo di errori di formato",
    "00301": "IdFiscaleIVA del CedentePrestatore non valido",
    "00302": "CodiceFiscale del CedentePrestatore non valido",
    "00305": "IdFiscaleIVA del CessionarioCommittente non valido",
    "00306": "CodiceFiscale del CessionarioCommittente non valido",
    "00311": "CodiceDestinatario non valido",
    "00312": "CodiceDestinatario non attivo",
    "00313": "CodiceDestinatario XXXXXXX ammesso solo con IdFiscaleIVA estero del CessionarioCommittente",
    "00330": "PECDestinatario non valida: è una casella del Sistema di Interscambio",
    "00400": "Natura non presente a fronte di AliquotaIVA pari a zero (2.2.1.14)",
    "00401": "Natura presente a fronte di AliquotaIVA diversa da zero (2.2.1.14)",
    "00403": "Data della fattura successiva alla data di ricezione",
    "00404": "Fattura duplicata",
    "00409": "Fattura duplicata nel lotto",
    "00411": "DatiRitenuta non presente a fronte di Ritenuta pari a SI in DettaglioLinee",
    "00413": "Natura non presente in DatiCassaPrevidenziale a fronte di AliquotaIVA pari a zero",
    "00414": "Natura presente in DatiCassaPrevidenziale a fronte di AliquotaIVA diversa da zero",
    "00415": "DatiRitenuta non presente a fronte di Ritenuta pari a SI in DatiCassaPrevidenziale",
    "00417": "IdFiscaleIVA e CodiceFiscale del CessionarioCommittente entrambi assenti",
    "00418": "Data della nota di credito anteriore a quella della fattura collegata",
    "00419": "DatiRiepilogo non presente per un valore di AliquotaIVA",
    "00420": "EsigibilitaIVA pari a S non ammessa con Natura di inversione contabile (N6.x)",
    "00421": "Imposta non calcolata secondo le specifiche (2.2.2.6)",
    "00422": "ImponibileImporto non calcolato secondo le specifiche (2.2.2.5)",
    "00423": "PrezzoTotale non calcolato secondo le specifiche (2.2.1.11)",
    "00424": "AliquotaIVA non indicata in termini percentuali",
    "00425": "Numero della fattura privo di caratteri numerici",
    "00427": "CodiceDestinatario di lunghezza non coerente con FormatoTrasmissione",
    "00428": "FormatoTrasmissione non coerente con l'attributo versione",
    "00429": "Natura non presente in DatiRiepilogo a fronte di AliquotaIVA pari a zero",
    "00430": "Natura presente in DatiRiepilogo a fronte di AliquotaIVA diversa da zero",
    "00437": "ScontoMaggiorazione del documento senza Percentuale e senza Importo",
    "00438": "ScontoMaggiorazione della linea senza Percentuale e senza Importo",
    "00443": "Valori di AliquotaIVA di linee e cassa non corrispondenti a quelli di DatiRiepilogo",
    "00444": "Valori di Natura di linee e cassa non corrispondenti a quelli di DatiRiepilogo",
    "00445": "Natura generica (N2, N3, N6) non più ammessa",
    "00471": "CedentePrestatore e CessionarioCommittente coincidono per un TipoDocumento che non lo ammette",
    "00472": "CedentePrestatore e CessionarioCommittente diversi per un TipoDocumento TD21 o TD27",
    "00473": "Paese del CedentePrestatore non ammesso per il TipoDocumento",
    "00474": "AliquotaIVA pari a zero non ammessa per il TipoDocumento TD21",
    "00475": "IdFiscaleIVA del CessionarioCommittente non presente per il TipoDocumento",
    "00476": "CedentePrestatore e CessionarioCommittente entrambi con IdPaese diverso da IT",
}

_SDI_MAILBOX = re.compile(r"sdi\d{2,3}@pec\.fatturapa\.it", re.IGNORECASE)
_OTHER_PARTY = {f"TD{n:02}" for n in (1, 2, 3, 6, 16, 17, 18, 19, 20, 24, 25, 28, 29)}
_SAME_PARTY = {"TD21", "TD27"}
_FROM_ABROAD = {"TD17", "TD18", "TD19", "TD28"}
_BUYER_VAT_ID = {f"TD{n:02}" for n in (16, 17, 18, 19, 20, 22, 23, 28, 29)}
_GENERIC_NATURES = {"N2", "N3", "N6"}
_TOLERANCE = Fraction(1, 100)  # of 00421 and 00423: a cent is let pass, more is not


class DocumentKey(NamedTuple):
    """What makes a document unique for SDI (00404): the date counts only under art. 73."""

    seller: str
    year: str
    number: str
    is_credit_note: bool
    art73_date: str


@dataclass(frozen=True)
class Party:
    """The two identifiers of seller or buyer; empty when absent."""

    country: str
    vat_id: str
    fiscal_code: str

    def is_same(self, other: "Party") -> bool:
        if self.vat_id and other.vat_id:
            return (self.country, self.vat_id) == (other.country, other.vat_id)
        return bool(self.fiscal_code) and self.fiscal_code == other.fiscal_code


@dataclass(frozen=True)
class VatAmount:
    """An amount at a VAT rate: a line (2.2.1), a social security fund (2.1.1.7) or a summary (2.2.2)."""

    rate: Fraction
    natura: str
    amount: Fraction

    @property
    def group(self) -> tuple[Fraction, str]:
        return self.rate, self.natura


def codes(root: etree._Element, received_on: date, known_documents: frozenset[DocumentKey]) -> list[str]:
    """Codes of every control that fails; `received_on` is the day in Rome."""
    failures = [*_transmission(root), *_parties(root), *_uniqueness(root, known_documents)]
    for body in root.iterfind("FatturaElettronicaBody"):
        failures += [*_document(body, received_on), *_lines(body), *_funds(body), *_summaries(body), *_matching(body)]
        failures += _document_type(root, body)
    return failures


def registry_codes(root: etree._Element) -> list[str]:
    """Codes for Italian identifiers that no register can know, because their check character is wrong."""
    failures = []
    for party, vat_code, fiscal_code in ((seller(root), "00301", "00302"), (buyer(root), "00305", "00306")):
        if party.country == "IT" and not is_vat_number(party.vat_id):
            failures.append(vat_code)
        if party.fiscal_code and not is_fiscal_code(party.fiscal_code):
            failures.append(fiscal_code)
    return failures


def seller(root: etree._Element) -> Party:
    return _party(root, "FatturaElettronicaHeader/CedentePrestatore/DatiAnagrafici")


def buyer(root: etree._Element) -> Party:
    return _party(root, "FatturaElettronicaHeader/CessionarioCommittente/DatiAnagrafici")


def document_keys(root: etree._Element) -> list[DocumentKey]:
    party = seller(root)
    keys = []
    for general in root.iterfind("FatturaElettronicaBody/DatiGenerali/DatiGeneraliDocumento"):
        day = _text(general, "Data")[:10]
        is_credit_note = _text(general, "TipoDocumento") == "TD04"
        art73_date = day if _text(general, "Art73") else ""
        keys.append(
            DocumentKey(party.country + party.vat_id, day[:4], _text(general, "Numero"), is_credit_note, art73_date)
        )
    return keys


def _party(root: etree._Element, path: str) -> Party:
    return Party(
        _text(root, f"{path}/IdFiscaleIVA/IdPaese"),
        _text(root, f"{path}/IdFiscaleIVA/IdCodice"),
        _text(root, f"{path}/CodiceFiscale"),
    )


def _transmission(root: etree._Element) -> Iterator[str]:
    header = "FatturaElettronicaHeader/DatiTrasmissione"
    transmission_format, recipient = (
        _text(root, f"{header}/FormatoTrasmissione"),
        _text(root, f"{header}/CodiceDestinatario"),
    )
    if transmission_format != root.get("versione"):
        yield "00428"
    if len(recipient) != (6 if transmission_format == "FPA12" else 7):
        yield "00427"
    if recipient == "XXXXXXX" and buyer(root).country in ("", "IT"):
        yield "00313"
    if _SDI_MAILBOX.fullmatch(_text(root, f"{header}/PECDestinatario")):
        yield "00330"


def _parties(root: etree._Element) -> Iterator[str]:
    customer = buyer(root)
    if not customer.vat_id and not customer.fiscal_code:
        yield "00417"
    if seller(root).country != "IT" and customer.country not in ("", "IT"):
        yield "00476"


def _uniqueness(root: etree._Element, known_documents: frozenset[DocumentKey]) -> Iterator[str]:
    keys = document_keys(root)
    if known_documents.intersection(keys):
        yield "00404"
    if len(set(keys)) < len(keys):
        yield "00409"


def _document(body: etree._Element, received_on: date) -> Iterator[str]:
    general = "DatiGenerali/DatiGeneraliDocumento"
    day = _day(_text(body, f"{general}/Data"))
    if day > received_on:
        yield "00403"
    if not re.search("[0-9]", _text(body, f"{general}/Numero")):
        yield "00425"
    if _text(body, f"{general}/TipoDocumento") == "TD04":
        dates = (_text(part, "Data") for part in body.iterfind("DatiGenerali/DatiFattureCollegate"))
        if any(text and day < _day(text) for text in dates):
            yield "00418"
    if any(_is_bare(discount) for discount in body.iterfind(f"{general}/ScontoMaggiorazione")):
        yield "00437"


def _document_type(root: etree._Element, body: etree._Element) -> Iterator[str]:
    kind = _kind(body)
    issuer, customer = seller(root), buyer(root)
    if kind in _OTHER_PARTY and issuer.is_same(customer):
        yield "00471"
    if kind in _SAME_PARTY and not issuer.is_same(customer):
        yield "00472"
    if _is_wrong_country(kind, issuer.country):
        yield "00473"
    if kind == "TD21" and any(
        line.rate == 0 for line in _vat_amounts(body, "DatiBeniServizi/DettaglioLinee", "PrezzoTotale")
    ):
        yield "00474"
    if kind in _BUYER_VAT_ID and not customer.vat_id:
        yield "00475"


def _is_wrong_country(kind: str, country: str) -> bool:
    if country == "OO":
        return kind not in ("TD17", "TD19")
    if kind == "TD28":
        return country != "SM"
    return (kind in _FROM_ABROAD and country == "IT") or (kind == "TD29" and country != "IT")


def _lines(body: etree._Element) -> Iterator[str]:
    is_withheld = body.find("DatiGenerali/DatiGeneraliDocumento/DatiRitenuta") is not None
    for line in body.iterfind("DatiBeniServizi/DettaglioLinee"):
        yield from _natura(body, line, missing="00400", superfluous="00401")
        if _text(line, "Ritenuta") == "SI" and not is_withheld:
            yield "00411"
        discounts = line.findall("ScontoMaggiorazione")
        if any(_is_bare(discount) for discount in discounts):
            yield "00438"
        elif abs(_line_total(line, discounts) - _amount(line, "PrezzoTotale")) > _TOLERANCE:
            yield "00423"


def _line_total(line: etree._Element, discounts: list[etree._Element]) -> Fraction:
    """Unit price after each discount or surcharge in turn, times the quantity."""
    price = _amount(line, "PrezzoUnitario")
    for discount in discounts:
        change = _amount(discount, "Importo") or price * _amount(discount, "Percentuale") / 100
        price += change if _text(discount, "Tipo") == "MG" else -change
    return price * (_amount(line, "Quantita") if _text(line, "Quantita") else 1)


def _funds(body: etree._Element) -> Iterator[str]:
    is_withheld = body.find("DatiGenerali/DatiGeneraliDocumento/DatiRitenuta") is not None
    for fund in body.iterfind("DatiGenerali/DatiGeneraliDocumento/DatiCassaPrevidenziale"):
        yield from _natura(body, fund, missing="00413", superfluous="00414")
        if _text(fund, "Ritenuta") == "SI" and not is_withheld:
            yield "00415"


def _natura(body: etree._Element, part: etree._Element, *, missing: str, superfluous: str) -> Iterator[str]:
    rate, natura = _amount(part, "AliquotaIVA"), _text(part, "Natura")
    if _kind(body) != "TD16":
        if rate == 0 and not natura:
            yield missing
        if rate and natura:
            yield superfluous
    if natura in _GENERIC_NATURES:
        yield "00445"
    if 0 < rate < 1:
        yield "00424"


def _summaries(body: etree._Element) -> Iterator[str]:
    for summary in body.iterfind("DatiBeniServizi/DatiRiepilogo"):
        yield from _natura(body, summary, missing="00429", superfluous="00430")
        if _text(summary, "EsigibilitaIVA") == "S" and _text(summary, "Natura").startswith("N6"):
            yield "00420"
        tax = _cents(_amount(summary, "AliquotaIVA") * _amount(summary, "ImponibileImporto") / 100)
        if abs(tax - _amount(summary, "Imposta")) > _TOLERANCE:
            yield "00421"


def _matching(body: etree._Element) -> Iterator[str]:
    """Lines and funds against summaries: rates, naturas and taxable amounts."""
    parts = [
        *_vat_amounts(body, "DatiBeniServizi/DettaglioLinee", "PrezzoTotale"),
        *_vat_amounts(body, "DatiGenerali/DatiGeneraliDocumento/DatiCassaPrevidenziale", "ImportoContributoCassa"),
    ]
    summaries = _vat_amounts(body, "DatiBeniServizi/DatiRiepilogo", "ImponibileImporto")
    rates, summary_rates = {part.rate for part in parts}, {summary.rate for summary in summaries}
    if len(summaries) < len(rates):
        yield "00419"
    elif rates != summary_rates:
        yield "00443"
    if _natures(parts) != _natures(summaries):
        yield "00444"
    rounding = _vat_amounts(body, "DatiBeniServizi/DatiRiepilogo", "Arrotondamento")
    for group in {summary.group for summary in summaries}:
        if abs(_sum(summaries, group) - _sum(parts, group) - _sum(rounding, group)) >= 1:
            yield "00422"


def _natures(parts: Iterable[VatAmount]) -> set[str]:
    return {part.natura for part in parts if part.natura}


def _sum(parts: Iterable[VatAmount], group: tuple[Fraction, str]) -> Fraction:
    return sum((part.amount for part in parts if part.group == group), Fraction(0))


def _vat_amounts(body: etree._Element, path: str, amount: str) -> list[VatAmount]:
    return [
        VatAmount(_amount(part, "AliquotaIVA"), _text(part, "Natura"), _amount(part, amount))
        for part in body.iterfind(path)
    ]


def _kind(body: etree._Element) -> str:
    return _text(body, "DatiGenerali/DatiGeneraliDocumento/TipoDocumento")


def _is_bare(discount: etree._Element) -> bool:
    return discount.find("Percentuale") is None and discount.find("Importo") is None


def _text(element: etree._Element, path: str) -> str:
    return (element.findtext(path) or "").strip()


def _amount(element: etree._Element, path: str) -> Fraction:
    """The number at `path`, 0 when absent."""
    return Fraction(_text(element, path) or 0)


def _cents(value: Fraction) -> Fraction:
    return Fraction(math.floor(abs(value) * 100 + Fraction(1, 2)) * (-1 if value < 0 else 1), 100)


def _day(text: str) -> date:
    return date.fromisoformat(text[:10])
