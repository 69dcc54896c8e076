"""What the official schema says, in words: the field by its path, the reason, and what to do; nothing of libxml2's."""

import re

import pytest
from django.utils import translation
from lxml import etree

from invoicing.fatturapa.preflight import violations
from tests.invoicing.drafts import DAY, golden_xml

INSTANCE = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
DOCUMENT = "FatturaElettronicaBody/DatiGenerali/DatiGeneraliDocumento"
GOODS = "FatturaElettronicaBody/DatiBeniServizi"
BUYER = "FatturaElettronicaHeader/CessionarioCommittente"
ATTACHMENT = "</DatiPagamento><Allegati><NomeAttachment>a.pdf</NomeAttachment><Attachment>{}</Attachment></Allegati>"


def change(*pairs):
    """The golden document for a company without the blanks between its elements, and with other words in it."""
    root = etree.fromstring(golden_xml("company"), etree.XMLParser(remove_blank_text=True))
    xml = etree.tostring(root, encoding="unicode")
    for old, new in pairs:
        assert old in xml
        xml = xml.replace(old, new, 1)
    return xml.encode()


@pytest.mark.parametrize(
    "pair",
    [
        ("<Data>2026-11-18", "<Data> \n2026-11-18"),
        ("2026-11-18</Data>", "2026-11-18\t</Data>"),
        ("2026-11-18</DataScadenzaPagamento>", "2026-11-18 </DataScadenzaPagamento>"),
        ("<Quantita>1.00", "<Quantita> 1.00"),
        ("858.00</Imposta>", "858.00\n</Imposta>"),
        ("<NumeroLinea>1<", "<NumeroLinea> 1 <"),
        ('versione="FPR12"', 'versione="FPR12" xmlns:q="http://esempio.it/uno due.xsd"'),
        ('versione="FPR12"', 'versione="FPR12" xmlns:q="un nome"'),
        ('versione="FPR12"', f'versione="FPR12" {INSTANCE} xsi:schemaLocation="urn:a a.xsd urn:b b.xsd"'),
        ('versione="FPR12"', f'versione="FPR12" {INSTANCE} xsi:schemaLocation=""'),
        ("</DatiPagamento>", ATTACHMENT.format(" SGVsbG8= \n")),
    ],
)
def test_what_xml_schema_allows_is_no_fault(pair):
    assert violations(change(pair), today=DAY) == []


def test_used_namespace_that_is_no_address_is_still_another_element():
    xml = change(
        ('versione="FPR12"', 'versione="FPR12" xmlns:q="uno due"'), ("<Data>", "<q:Data>"), ("</Data>", "</q:Data>")
    )

    assert [violation.field for violation in violations(xml, today=DAY)] == [f"{DOCUMENT}/Data"]


# field, what the Italian message says, change
FAULTS = [
    (
        "@schemaLocation",
        "ne manca una metà",
        ('versione="FPR12"', f'versione="FPR12" {INSTANCE} xsi:schemaLocation="a"'),
    ),
    (
        f"{DOCUMENT}/@schemaLocation",
        "coppie",
        ("<DatiGeneraliDocumento>", f'<DatiGeneraliDocumento {INSTANCE} xsi:schemaLocation="a b c">'),
    ),
    ("@versione", "Manca l’attributo “versione”", (' versione="FPR12"', "")),
    ("@altro", "toglietelo", ('versione="FPR12"', 'versione="FPR12" altro="1"')),
    (f"{DOCUMENT}/Data/@a", "Qui non è previsto", ("<Data>", '<Data a="b">')),
    (f"{DOCUMENT}/Data", "“18/11/2026” non è una data", ("<Data>2026-11-18", "<Data>18/11/2026")),
    (f"{DOCUMENT}/Data", "è richiesto almeno 1970-01-01", ("<Data>2026-11-18", "<Data>1969-11-18")),
    (f"{DOCUMENT}/Data", "“Data” è vuoto", ("<Data>2026-11-18", "<Data>")),
    (f"{DOCUMENT}/Numero", "deve esserci Data", ("<Data>2026-11-18</Data>", "")),
    (f"{DOCUMENT}/Datax", "non può stare qui", ("<Data>", "<Datax/><Data>")),
    (f"{DOCUMENT}/Divisa", "ha uno spazio prima o dopo “EUR”", ("<Divisa>EUR", "<Divisa> EUR")),
    (f"{DOCUMENT}/Divisa", "servono 3 lettere maiuscole", ("<Divisa>EUR", "<Divisa>€")),
    (f"{DOCUMENT}/TipoDocumento", "sono ammessi TD01, TD02", ("TD01", "TD99")),
    (f"{DOCUMENT}/Numero", "Qui non sono ammessi accenti", ("<Numero>2026", "<Numero>è2026")),
    (f"{BUYER}/Sede/Provincia", "servono 2 lettere maiuscole", ("<Provincia>RE", "<Provincia>re")),
    (f"{BUYER}/Sede/CAP", "servono cinque cifre", ("<CAP>42124", "<CAP>4212")),
    (f"{BUYER}/DatiAnagrafici/Anagrafica/Denominazione", "non ammette: €", ("Officine", "€ Officine")),
    (f"{BUYER}/DatiAnagrafici/Anagrafica/Denominazione", "da 1 a 80", ("Officine", "x" * 90)),
    (
        f"{BUYER}/DatiAnagrafici/Anagrafica/Nome",
        "non può stare qui",
        ("Officine Brandolini S.r.l.</Denominazione>", "x</Denominazione><Nome>y</Nome>"),
    ),
    (f"{GOODS}/DettaglioLinee/Quantita", "2–8 decimali", ("<Quantita>1.00", "<Quantita>1")),
    (f"{GOODS}/DatiRiepilogo/Imposta", "scrivetelo con il punto", ("858.00</Imposta>", "858,00</Imposta>")),
    (
        f"{GOODS}/DatiRiepilogo/AliquotaIVA",
        "al massimo 100.00",
        ("<DatiRiepilogo><AliquotaIVA>22.00", "<DatiRiepilogo><AliquotaIVA>222.00"),
    ),
    (f"{GOODS}/DettaglioLinee/NumeroLinea", "non è un numero intero", ("<NumeroLinea>1<", "<NumeroLinea>uno<")),
    (GOODS, "nessun testo proprio", ("</DatiRiepilogo>", "</DatiRiepilogo>testo")),
    ("FatturaElettronicaBody/Allegati/Attachment", "base64", ("</DatiPagamento>", ATTACHMENT.format("%%%"))),
    (
        f"{DOCUMENT}/DatiBollo",
        "è incompleto: deve seguire BolloVirtuale",
        ("<ImportoTotale", "<DatiBollo/><ImportoTotale"),
    ),
    ("file", "L’XML non è ben formato (riga", ("</Data>", "</Dato>")),
    ("file", "L’XML non è ben formato (riga", ("Brandolini", "& Brandolini")),
    ("file", "namespace non dichiarato", ("<Data>", '<Data z:a="1">')),
    ("FatturaElettronica", "L’elemento radice è", ("xsd/fatture/v1.2", "xsd/fatture/v1.3")),
]


@pytest.mark.parametrize(("field", "words", "pair"), FAULTS)
def test_fault_of_form_names_its_field_and_says_what_to_do(field, words, pair):
    with translation.override("it"):
        errors = violations(change(pair), today=DAY)

    assert [(error.code, error.field) for error in errors] == [("00200", field)]
    assert words in errors[0].message


@pytest.mark.parametrize(("field", "words", "pair"), FAULTS)
def test_no_word_of_the_library_is_repeated(field, words, pair):
    messages = {}
    for language in ("it", "en"):
        with translation.override(language):
            messages[language] = violations(change(pair), today=DAY)[0].message

    assert messages["it"] != messages["en"]
    for message in messages.values():
        assert not re.search(r"facet|atomic type|XML_|\{http|p\{Is|<string>|not expected|%\(", message)


def test_elements_of_one_name_are_told_apart_by_their_position():
    line = "<DettaglioLinee><NumeroLinea>2</NumeroLinea><Descrizione>x</Descrizione><PrezzoUnitario>0</PrezzoUnitario>"
    line += "<PrezzoTotale>0.00</PrezzoTotale><AliquotaIVA>22.00</AliquotaIVA></DettaglioLinee>"

    errors = violations(change(("<DatiRiepilogo>", f"{line}<DatiRiepilogo>")), today=DAY)

    assert [error.field for error in errors] == [f"{GOODS}/DettaglioLinee[2]/PrezzoUnitario"]


def test_bytes_of_another_encoding_are_named():
    with translation.override("it"):
        errors = violations(golden_xml("company").replace(b"Officine", b"Officin\xe8"), today=DAY)

    assert [error.field for error in errors] == ["file"]
    assert "salvate il file in UTF-8" in errors[0].message
