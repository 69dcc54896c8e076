"""Seller, customer and the way to them: 00301–00330, 00417, 00426–00428, 00471, 00476."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.utils.translation import gettext as _

from accounts.fiscal.checks import has_known_office, is_tax_code, is_vat_number
from invoicing.fatturapa.preflight.violation import BODY, GENERAL, HEADER, Node, Violation
from invoicing.fatturapa.routing import ABROAD, NO_CODE

# documents that one party cannot send to itself
_TO_ANOTHER = frozenset(
    ("TD01", "TD02", "TD03", "TD06", "TD16", "TD17", "TD18", "TD19", "TD20", "TD24", "TD25", "TD28", "TD29")
)


@dataclass(frozen=True)
class Party:
    """The identifiers of seller or customer as the XML has them."""

    country: str
    vat_number: str
    tax_code: str


def of(root: Node) -> tuple[Party, Party]:
    """Seller and customer of all the file's documents."""
    header = root.block(HEADER)
    return _party(header, "CedentePrestatore"), _party(header, "CessionarioCommittente")


def _party(header: Node, name: str) -> Party:
    return party_of(header.block(name, "DatiAnagrafici"))


def party_of(identity: Node) -> Party:
    """The identifiers in the block that holds them."""
    vat = identity.block("IdFiscaleIVA")
    return Party(vat.text("IdPaese"), vat.text("IdCodice"), identity.text("CodiceFiscale"))


def errors(root: Node, seller: Party, buyer: Party, version: str) -> Iterator[Violation]:
    """What SDI refuses in the header, for all documents of the file; `version` is the root's attribute."""
    yield from common_errors(root, seller, buyer, version)
    yield from _same(root, seller, buyer)


def common_errors(root: Node, seller: Party, buyer: Party, version: str) -> Iterator[Violation]:
    """Those of them that ordinary and simplified invoices share."""
    yield from _transmission(root, version, buyer)
    yield from _identifiers(seller, buyer)
    if "IT" not in (seller.country, buyer.country or "IT"):
        yield Violation("00476", "buyer.country", _("Seller and customer are both outside Italy."))


def warnings(both: tuple[Party, Party]) -> Iterator[Violation]:
    """A partita IVA names the office that gave it; an unknown one is odd, but SDI asks the registry, not the number."""
    for party, field in zip(both, ("seller", "buyer"), strict=True):
        if party.country == "IT" and not has_known_office(party.vat_number):
            message = _("The partita IVA is of no known tax office: please check it.")
            yield Violation("vat_office", f"{field}.vat_number", message)


def _transmission(root: Node, version: str, buyer: Party) -> Iterator[Violation]:
    transmission = root.block(HEADER, "DatiTrasmissione")
    format_, code = transmission.text("FormatoTrasmissione"), transmission.text("CodiceDestinatario")
    pec = transmission.text("PECDestinatario").lower()
    if version != format_:
        yield Violation("00428", "format", _("The format in the header and in the root differ."))
    if len(code) != (6 if format_ == "FPA12" else 7):
        expected = 6 if format_ == "FPA12" else 7
        message = _("The codice destinatario of a %(format)s document has %(count)s characters.")
        yield Violation("00427", "buyer.recipient_code", message % {"format": format_, "count": expected})
    if pec and code != NO_CODE:
        yield Violation("00426", "buyer.pec", _("A PEC may only be given where there is no codice destinatario."))
    if pec.startswith("sdi") and pec.endswith("@pec.fatturapa.it"):
        yield Violation("00330", "buyer.pec", _("The PEC is a mailbox of the Sistema di Interscambio."))
    if code == ABROAD and buyer.country in ("", "IT"):
        message = _("XXXXXXX is only for customers outside Italy, with an identifier of their country.")
        yield Violation("00313", "buyer.recipient_code", message)


def _identifiers(seller: Party, buyer: Party) -> Iterator[Violation]:
    if not buyer.vat_number and not buyer.tax_code:
        yield Violation("00417", "buyer", _("The customer has neither a partita IVA nor a codice fiscale."))
    if seller.country == "IT" and not is_vat_number(seller.vat_number):
        yield Violation("00301", "seller.vat_number", _("The seller's partita IVA is not valid."))
    if buyer.country == "IT" and not is_vat_number(buyer.vat_number):
        yield Violation("00305", "buyer.vat_number", _("The customer's partita IVA is not valid."))
    if seller.tax_code and not is_tax_code(seller.tax_code):
        yield Violation("00302", "seller.tax_code", _("The seller's codice fiscale is not valid."))
    if buyer.tax_code and not is_tax_code(buyer.tax_code):
        yield Violation("00306", "buyer.tax_code", _("The customer's codice fiscale is not valid."))


def _same(root: Node, seller: Party, buyer: Party) -> Iterator[Violation]:
    is_same = bool(
        (seller.vat_number and (seller.country, seller.vat_number) == (buyer.country, buyer.vat_number))
        or (not buyer.vat_number and seller.tax_code and seller.tax_code == buyer.tax_code)
    )
    types = {general.text("TipoDocumento") for general in root.blocks(BODY, *GENERAL)}
    if is_same and types & _TO_ANOTHER:
        yield Violation("00471", "buyer", _("Seller and customer are the same."))
    if not is_same and types & {"TD21", "TD27"}:
        yield Violation("00472", "buyer", _("In this type of document seller and customer must be the same."))
