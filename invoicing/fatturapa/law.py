"""What the law fixes and what it leaves open, in one place: code lists, thresholds, the wording of each Natura.

Points that an accountant should confirm for the seller are marked "to confirm"; see docs/decisions.md.
"""

from decimal import Decimal

# Tariff art. 13, DPR 642/1972: two euros on documents with more than 77.47 euros free of VAT.
STAMP_AMOUNT = Decimal("2.00")
STAMP_THRESHOLD = Decimal("77.47")
# To confirm: the set of the Agenzia's own "Elenco B"; opinions differ on N1 and N5. A setting replaces it.
STAMP_NATURES = frozenset({"N2.1", "N2.2", "N3.5", "N3.6", "N4"})
STAMP_LINE = "Imposta di bollo assolta in modo virtuale, art. 6 DM 17 giugno 2014"
STAMP_LINE_NATURE = "N1"

DOCUMENT_TYPES = ("TD01", "TD02", "TD04", "TD05", "TD06", "TD24")
CREDIT_NOTE = "TD04"
NOTES = frozenset({"TD04", "TD05"})  # they are about an earlier invoice
FLAT_RATE = "RF19"
INTENT_NATURE = "N3.5"
INTENT = "INTENTO"  # TipoDato of a declaration of intent (AdE, provv. 293390/2021 of 28 October 2021)
CARD = "MP08"
TRANSFER = "MP05"

EU = frozenset(
    "AT BE BG CY CZ DE DK EE EL ES FI FR GR HR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()  # noqa: SIM905
)

NATURES = {
    "N1": "Escluse ex art. 15, DPR 633/1972",
    "N2.1": "Non soggette, artt. da 7 a 7-septies, DPR 633/1972",
    "N2.2": "Non soggette, altri casi",
    "N3.1": "Non imponibili, esportazioni, art. 8, c. 1, lett. a) e b), DPR 633/1972",
    "N3.2": "Non imponibili, cessioni intracomunitarie, art. 41, DL 331/1993",
    "N3.3": "Non imponibili, cessioni verso San Marino, art. 71, DPR 633/1972",
    "N3.4": "Non imponibili, operazioni assimilate alle esportazioni, art. 8-bis, DPR 633/1972",
    "N3.5": "Non imponibili, dichiarazione d'intento, art. 8, c. 1, lett. c), DPR 633/1972",
    "N3.6": "Non imponibili, altre operazioni che non concorrono al plafond",
    "N4": "Esenti, art. 10, DPR 633/1972",
    "N5": "Regime del margine, DL 41/1995",
    "N6.1": "Inversione contabile, rottami, art. 74, c. 7 e 8, DPR 633/1972",
    "N6.2": "Inversione contabile, oro e argento, art. 17, c. 5, DPR 633/1972",
    "N6.3": "Inversione contabile, subappalto edile, art. 17, c. 6, lett. a), DPR 633/1972",
    "N6.4": "Inversione contabile, fabbricati, art. 17, c. 6, lett. a-bis), DPR 633/1972",
    "N6.5": "Inversione contabile, telefoni cellulari, art. 17, c. 6, lett. b), DPR 633/1972",
    "N6.6": "Inversione contabile, prodotti elettronici, art. 17, c. 6, lett. c), DPR 633/1972",
    "N6.7": "Inversione contabile, comparto edile, art. 17, c. 6, lett. a-ter), DPR 633/1972",
    "N6.8": "Inversione contabile, settore energetico, art. 17, c. 6, lett. d-bis)-d-quater), DPR 633/1972",
    "N6.9": "Inversione contabile, altri casi, art. 17, DPR 633/1972",
    "N7": "IVA assolta in altro Stato UE, art. 74-sexies, DPR 633/1972",
}
_FLAT_RATE_REFERENCE = "Regime forfettario, art. 1, c. 54-89, L. 190/2014"
_CASH_VAT, _CASH_VAT_PUBLIC = "RF17", "RF16"
# art. 32-bis, c. 4, DL 83/2012 wants the note on the invoice
_PAYABILITY_REFERENCES = {
    _CASH_VAT: "IVA per cassa, art. 32-bis, DL 83/2012",
    _CASH_VAT_PUBLIC: "IVA a esigibilità differita, art. 6, c. 5, DPR 633/1972",
}
_SPLIT_PAYMENT_REFERENCE = "Scissione dei pagamenti, art. 17-ter, DPR 633/1972"
# art. 21, c. 6-bis, DPR 633/1972 asks for these very words
_EU_REFERENCE = "Inversione contabile, art. 7-ter, DPR 633/1972"
_OUTSIDE_EU_REFERENCE = "Operazione non soggetta, art. 7-ter, DPR 633/1972"
# what the wording means to a customer abroad
IN_ENGLISH = {
    _EU_REFERENCE: "Reverse charge, art. 196, Directive 2006/112/EC",
    _OUTSIDE_EU_REFERENCE: "Outside the scope of Italian VAT",
}
CAUSALE = 200  # characters of one Causale (2.1.1.11); it may be repeated
FLAT_RATE_NOTE = (
    "Operazione in franchigia da IVA, art. 1, commi 54-89, L. 190/2014. "
    "Si chiede di non applicare la ritenuta alla fonte, comma 67."
)


def vat_payability(tax_regime: str, *, is_split: bool, is_public: bool, is_taxable: bool) -> str:
    """EsigibilitaIVA (2.2.2.7). Cash VAT (RF17) is for customers who act as a business; RF16 for public bodies."""
    if is_split:
        return "S"
    is_deferred = (tax_regime == _CASH_VAT and is_taxable) or (tax_regime == _CASH_VAT_PUBLIC and is_public)
    return "D" if is_deferred else "I"


def law_reference(
    nature: str, *, tax_regime: str, buyer_country: str, is_split: bool, is_deferred: bool = False
) -> str:
    """RiferimentoNormativo (2.2.2.8) of a summary, "" where none is due; at most 100 characters."""
    if not nature and is_deferred:
        return _PAYABILITY_REFERENCES.get(tax_regime, "")
    if not nature:
        return _SPLIT_PAYMENT_REFERENCE if is_split else ""
    if nature == "N2.2" and tax_regime == FLAT_RATE:
        return _FLAT_RATE_REFERENCE
    if nature == "N2.1" and buyer_country != "IT":
        return _EU_REFERENCE if buyer_country in EU else _OUTSIDE_EU_REFERENCE
    return NATURES.get(nature, "")
