"""How a customer stands in the XML: format, codice destinatario, identifiers and address by kind and country.

The routing table of the format specification (1.1.3, 1.1.4, 1.1.6, 1.4.1, 1.4.2): consumers have no partita IVA, public
administrations no PEC and a code of six, customers abroad XXXXXXX, an identifier of their country and no Italian one.
"""

from dataclasses import dataclass

from invoicing.fatturapa.draft import Address, Buyer, BuyerKind

NO_CODE = "0000000"
ABROAD = "XXXXXXX"
SAN_MARINO = "2R4GTO8"
# a consumer abroad has no number that SDI could know; the field must not be empty (00313)
NO_FOREIGN_NUMBER = "0000000"
_FOREIGN_POSTCODE = "00000"
# Greek numbers begin with EL; CHE is part of a Swiss one
_PREFIXES: dict[str, tuple[str, ...]] = {"GR": ("GR", "EL"), "CH": ()}


@dataclass(frozen=True)
class Route:
    """What FatturaPA shows of a buyer. `vat_country` and `vat_number` are both "" where there is none."""

    format: str
    recipient_code: str
    pec: str
    vat_country: str
    vat_number: str
    tax_code: str
    address: Address


def route(buyer: Buyer) -> Route:
    """The buyer's place in the XML. Keeps what is wrong as it is, for the checks to find."""
    if buyer.country != "IT":
        return _abroad(buyer)
    if buyer.kind is BuyerKind.PUBLIC_ADMINISTRATION:
        return _italian(buyer, "FPA12", buyer.recipient_code, "", buyer.vat_number)
    code = buyer.recipient_code or NO_CODE
    pec = buyer.pec if code == NO_CODE else ""  # never both (00426)
    vat_number = buyer.vat_number if buyer.kind is BuyerKind.COMPANY else ""
    return _italian(buyer, "FPR12", code, pec, vat_number)


def _italian(buyer: Buyer, format_: str, code: str, pec: str, vat_number: str) -> Route:
    vat_country = "IT" if vat_number else ""
    number = vat_number.removeprefix("IT")
    return Route(format_, code, pec, vat_country, number, buyer.tax_code, _address(buyer.address))


def _abroad(buyer: Buyer) -> Route:
    number = "".join(char for char in buyer.vat_number.upper() if char.isalnum())
    for prefix in _PREFIXES.get(buyer.country, (buyer.country,)):
        number = number.removeprefix(prefix)
    if buyer.kind is BuyerKind.PERSON:
        number = number or NO_FOREIGN_NUMBER
    code = buyer.recipient_code if buyer.recipient_code not in ("", NO_CODE) else ABROAD
    return Route("FPR12", code, "", buyer.country if number else "", number[:28], "", _address(buyer.address))


def _address(place: Address) -> Address:
    if place.country == "IT":
        return place
    # the schema has room for five digits only: the foreign post code moves behind the street
    street = f"{place.street}, {place.postcode}" if place.postcode.strip("0") else place.street
    return Address(street, _FOREIGN_POSTCODE, place.city, "", place.country)
