"""SDI's own checks, made before sending: each violation carries SDI's code, so that both speak the same language.

Works on the bytes that would be sent, not on our data, so that a mistake in building them is found too. Codes and
triggers: "Elenco controlli" 2.0; those that need the tax registry are SDI's alone. Warnings are what SDI lets pass.
"""

from datetime import date

from django.utils.translation import gettext as _

from invoicing.fatturapa.preflight import documents, figures, files, parties
from invoicing.fatturapa.preflight.violation import BODY, Node, Violation
from invoicing.fatturapa.schema import MAX_BYTES, UnreadableXmlError, parse, schema_errors

__all__ = ["Violation", "file_violations", "file_warnings", "violations", "warnings"]


def violations(xml: bytes, *, today: date) -> list[Violation]:
    """Everything SDI would refuse in this document, received on `today` (Italian date); [] when it may be sent."""
    if len(xml) > MAX_BYTES:
        return [Violation("00003", "", _("The file is larger than the 5 MB that SDI takes."))]
    try:
        root = parse(xml)
    except UnreadableXmlError as error:
        return [Violation("00200", "", str(error))]
    if errors := schema_errors(root):
        return [Violation("00200", "", error) for error in errors]
    document = Node(root)
    seller, buyer = parties.of(document)
    result = [*parties.errors(document, seller, buyer, root.get("versione", "")), *documents.lot_errors(document)]
    for body in document.blocks(BODY):
        result += [*documents.errors(body, seller, buyer, today), *figures.errors(body)]
    return result


def warnings(xml: bytes, *, today: date) -> list[Violation]:
    """What SDI lets pass and somebody should look at all the same; only for documents without violations."""
    document = Node(parse(xml))
    result = list(parties.warnings(document))
    for body in document.blocks(BODY):
        result += documents.warnings(document, body, today)
    return result


def file_violations(file_name: str, content: bytes) -> list[Violation]:
    """What SDI would refuse of a file before it reads the document: its name and its size."""
    return list(files.errors(file_name, content))


def file_warnings(file_name: str) -> list[Violation]:
    """What SDI would refuse of its name, where the name is only that of a copy on somebody's disk."""
    return list(files.warnings(file_name))
