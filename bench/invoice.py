"""An invoice's XML, built and checked: ours, bare lxml with every value at hand, and the library a38.

Ours also does the arithmetic and SDI's own checks on the bytes; the other two only build and validate.
"""

import datetime
from decimal import Decimal
from itertools import zip_longest

import a38.fattura as f
from a38.validation import Validation
from lxml import etree

from bench.frame import BenchError, Figures, Report, Target, measure, repeat
from invoicing.fatturapa.draft import Address, Buyer, BuyerKind, InvoiceDraft, Line, Payment, Seller
from invoicing.fatturapa.preflight import violations
from invoicing.fatturapa.schema import schema_errors
from invoicing.fatturapa.totals import compute_totals
from invoicing.fatturapa.xml import NAMESPACE, Transmission, build_xml

DAY = datetime.date(2026, 11, 18)
NUMBER = "2026/00042"
TRANSMISSION = Transmission(transmitter_tax_code="11847200968", progressive="0000A")
DRAFT = InvoiceDraft(
    document_type="TD01",
    date=DAY,
    seller=Seller(
        "AI Strategy Hub S.r.l.", "11847200968", "11847200968", "RF01",
        Address("Via Solferino 36", "20121", "Milano", "MI"),
        rea_office="MI", rea_number="2098417", share_capital=Decimal("50000.00"),
    ),
    buyer=Buyer(
        BuyerKind.COMPANY, Address("Via Emilia Ovest 118", "42124", "Reggio nell'Emilia", "RE"),
        name="Officine Brandolini S.r.l.", vat_number="02764130353", recipient_code="X4K7P2Q",
    ),
    lines=(
        Line("Readiness NIS2: perimetro, misure e piano", Decimal(1), Decimal("3900.00"), Decimal(22), unit="nr"),
        Line("Formazione del consiglio di amministrazione", Decimal("2.5"), Decimal("480.00"), Decimal(22), unit="ore"),
        Line("Registro dei trattamenti", Decimal(3), Decimal("150.333"), Decimal(22), unit="nr"),
    ),
    payments=(Payment("MP08", Decimal("6772.22"), DAY),),
    notes="Ordine ORD-2026-00001",
)  # fmt: skip


def run(rounds: int, warmup: int) -> Report:
    """Milliseconds for one invoice of three lines."""
    _require_equal({"product": product(), "bare lxml": bare(), "a38": peer()})
    figures = measure(
        {"product": repeat(product, 100), "bare lxml": repeat(bare, 200), "a38": repeat(peer, 5)}, rounds, warmup
    )
    return Report("invoice", figures, _targets(figures), facts={"elements": len(_list_elements(product()))})


def _targets(figures: Figures) -> list[Target]:
    return [
        Target("product / bare lxml", figures.ratio("product", "bare lxml", "ms"), 3),
        Target("a38 / product", figures.ratio("a38", "product", "ms"), 10, at_least=True),
    ]


def product() -> bytes:
    """As invoicing issues it: the bytes that are sent, after SDI's checks."""
    xml = build_xml(DRAFT, number=NUMBER, transmission=TRANSMISSION)
    if problems := violations(xml, today=DAY):
        raise BenchError(f"preflight: {problems}")
    return xml


def bare() -> bytes:
    """The least that gives a valid file: elements from literals, the schema, the bytes."""
    root = etree.Element(f"{{{NAMESPACE}}}FatturaElettronica", nsmap={"p": NAMESPACE}, versione="FPR12")
    _grow(root, _LITERALS)
    if errors := schema_errors(root):
        raise BenchError(f"bare lxml: {errors}")
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8"))


def _grow(parent: etree._Element, children: tuple) -> None:  # type: ignore[type-arg]
    for name, content in children:
        child = etree.SubElement(parent, name)
        if isinstance(content, str):
            child.text = content
        else:
            _grow(child, content)


def _line(number: str, text: str, quantity: str, unit: str, price: str, total: str) -> tuple[str, tuple]:  # type: ignore[type-arg]
    return "DettaglioLinee", (
        ("NumeroLinea", number), ("Descrizione", text), ("Quantita", quantity), ("UnitaMisura", unit),
        ("PrezzoUnitario", price), ("PrezzoTotale", total), ("AliquotaIVA", "22.00"),
    )  # fmt: skip


_LITERALS = (
    ("FatturaElettronicaHeader", (
        ("DatiTrasmissione", (
            ("IdTrasmittente", (("IdPaese", "IT"), ("IdCodice", "11847200968"))),
            ("ProgressivoInvio", "0000A"), ("FormatoTrasmissione", "FPR12"), ("CodiceDestinatario", "X4K7P2Q"),
        )),
        ("CedentePrestatore", (
            ("DatiAnagrafici", (
                ("IdFiscaleIVA", (("IdPaese", "IT"), ("IdCodice", "11847200968"))),
                ("CodiceFiscale", "11847200968"),
                ("Anagrafica", (("Denominazione", "AI Strategy Hub S.r.l."),)),
                ("RegimeFiscale", "RF01"),
            )),
            ("Sede", (
                ("Indirizzo", "Via Solferino 36"), ("CAP", "20121"), ("Comune", "Milano"), ("Provincia", "MI"),
                ("Nazione", "IT"),
            )),
            ("IscrizioneREA", (
                ("Ufficio", "MI"), ("NumeroREA", "2098417"), ("CapitaleSociale", "50000.00"),
                ("StatoLiquidazione", "LN"),
            )),
        )),
        ("CessionarioCommittente", (
            ("DatiAnagrafici", (
                ("IdFiscaleIVA", (("IdPaese", "IT"), ("IdCodice", "02764130353"))),
                ("Anagrafica", (("Denominazione", "Officine Brandolini S.r.l."),)),
            )),
            ("Sede", (
                ("Indirizzo", "Via Emilia Ovest 118"), ("CAP", "42124"), ("Comune", "Reggio nell'Emilia"),
                ("Provincia", "RE"), ("Nazione", "IT"),
            )),
        )),
    )),
    ("FatturaElettronicaBody", (
        ("DatiGenerali", (
            ("DatiGeneraliDocumento", (
                ("TipoDocumento", "TD01"), ("Divisa", "EUR"), ("Data", "2026-11-18"), ("Numero", "2026/00042"),
                ("ImportoTotaleDocumento", "6772.22"), ("Causale", "Ordine ORD-2026-00001"),
            )),
        )),
        ("DatiBeniServizi", (
            _line("1", "Readiness NIS2: perimetro, misure e piano", "1.00", "nr", "3900.00", "3900.00"),
            _line("2", "Formazione del consiglio di amministrazione", "2.50", "ore", "480.00", "1200.00"),
            _line("3", "Registro dei trattamenti", "3.00", "nr", "150.333", "451.00"),
            ("DatiRiepilogo", (
                ("AliquotaIVA", "22.00"), ("ImponibileImporto", "5551.00"), ("Imposta", "1221.22"),
                ("EsigibilitaIVA", "I"),
            )),
        )),
        ("DatiPagamento", (
            ("CondizioniPagamento", "TP02"),
            ("DettaglioPagamento", (
                ("ModalitaPagamento", "MP08"), ("DataScadenzaPagamento", "2026-11-18"), ("ImportoPagamento", "6772.22"),
            )),
        )),
    )),
)  # fmt: skip


def peer() -> bytes:
    """The same invoice by a38: its model, its own validation, its bytes."""
    invoice = f.FatturaPrivati12(fattura_elettronica_header=_peer_header(), fattura_elettronica_body=[_peer_body()])
    validation = Validation()
    invoice.validate(validation)
    if validation.errors:
        raise BenchError(f"a38: {[str(error) for error in validation.errors]}")
    return bytes(etree.tostring(invoice.build_etree(lxml=True), xml_declaration=True, encoding="UTF-8"))


def _peer_header() -> f.FatturaElettronicaHeader:
    seller, buyer = DRAFT.seller, DRAFT.buyer
    return f.FatturaElettronicaHeader(
        dati_trasmissione=f.DatiTrasmissione(
            id_trasmittente=f.IdTrasmittente("IT", TRANSMISSION.transmitter_tax_code),
            progressivo_invio=TRANSMISSION.progressive, codice_destinatario=buyer.recipient_code,
            formato_trasmissione="FPR12",
        ),
        cedente_prestatore=f.CedentePrestatore(
            dati_anagrafici=f.DatiAnagraficiCedentePrestatore(
                id_fiscale_iva=f.IdFiscaleIVA(seller.country, seller.vat_number), codice_fiscale=seller.tax_code,
                anagrafica=f.Anagrafica(denominazione=seller.name), regime_fiscale=seller.tax_regime,
            ),
            sede=_peer_address(seller.address),
            iscrizione_rea=f.IscrizioneREA(
                ufficio=seller.rea_office, numero_rea=seller.rea_number, capitale_sociale=str(seller.share_capital),
                stato_liquidazione="LN",
            ),
        ),
        cessionario_committente=f.CessionarioCommittente(
            dati_anagrafici=f.DatiAnagraficiCessionarioCommittente(
                id_fiscale_iva=f.IdFiscaleIVA(buyer.country, buyer.vat_number),
                anagrafica=f.Anagrafica(denominazione=buyer.name),
            ),
            sede=_peer_address(buyer.address),
        ),
    )  # fmt: skip


def _peer_address(address: Address) -> f.Sede:
    return f.Sede(
        indirizzo=address.street, cap=address.postcode, comune=address.city, provincia=address.province,
        nazione=address.country,
    )  # fmt: skip


def _peer_body() -> f.FatturaElettronicaBody:
    goods = f.DatiBeniServizi()
    for line in compute_totals(DRAFT).lines:
        goods.add_dettaglio_linee(
            descrizione=line.description, quantita=line.quantity, unita_misura=line.unit,
            prezzo_unitario=line.unit_price, prezzo_totale=line.total, aliquota_iva=line.vat_rate,
        )  # fmt: skip
    goods.build_dati_riepilogo()
    body = f.FatturaElettronicaBody(dati_beni_servizi=goods)
    body.dati_generali.dati_generali_documento = f.DatiGeneraliDocumento(  # type: ignore[assignment]
        tipo_documento=DRAFT.document_type, divisa=DRAFT.currency, data=DRAFT.date, numero=NUMBER,
        causale=[DRAFT.notes],
    )  # fmt: skip
    body.build_importo_totale_documento()
    details = [
        f.DettaglioPagamento(
            modalita_pagamento=payment.method, data_scadenza_pagamento=payment.due_date,
            importo_pagamento=payment.amount,
        )
        for payment in DRAFT.payments
    ]  # fmt: skip
    terms = DRAFT.payment_terms
    body.dati_pagamento = [f.DatiPagamento(condizioni_pagamento=terms, dettaglio_pagamento=details)]  # type: ignore[assignment]
    return body


def _list_elements(xml: bytes) -> list[tuple[str, str, dict[str, str]]]:
    """What a document says: its elements in order with text and attributes, whatever prefix stands before the root."""
    root = etree.fromstring(xml)
    return [
        (str(element.tag), (element.text or "").strip(), {str(name): str(value) for name, value in element.items()})
        for element in root.iter()
    ]


def _require_equal(documents: dict[str, bytes]) -> None:
    """Raise unless all say the same as the first, which the official schema finds valid."""
    (first, xml), *others = documents.items()
    for name, other in others:
        for ours, theirs in zip_longest(_list_elements(xml), _list_elements(other)):
            if ours != theirs:
                raise BenchError(f"{first} says {ours}, {name} says {theirs}")
