"""SDI's own checks, made before sending: each violation carries SDI's code, so that both speak the same language.

Works on the bytes that would be sent, not on our data, so that a mistake in building them is found too. Codes and
triggers: "Elenco controlli" 2.0; those that need the tax registry are SDI's alone. Warnings are what SDI lets pass.
"""

from datetime import date

from django.utils.translation import gettext as _

from invoicing.fatturapa.preflight import documents, figures, files, form, parties, simplified
from invoicing.fatturapa.preflight.violation import BODY, Node, Violation
from invoicing.fatturapa.schema import MAX_BYTES, SIMPLIFIED, UnreadableXmlError, parse, schema_of

__all__ = ["Violation", "file_violations", "file_warnings", "violations", "warnings"]


def violations(xml: bytes, *, today: date, is_exact: bool = False) -> list[Violation]:
    """Everything SDI would refuse in this document, received on `today` (Italian date); [] when it may be sent.

    SDI tolerates a cent in a line's total and in the tax of a summary; with `is_exact`, for what we issue, there is
    none.
    """
    if len(xml) > MAX_BYTES:
        return [Violation("00003", "file", _("The file is larger than the 5 MB that SDI takes."))]
    try:
        root = parse(xml)
    except UnreadableXmlError as error:
        return [Violation("00200", "file", str(error))]
    if errors := list(form.errors(root)):
        return errors
    document, version = Node(root), root.get("versione", "")
    if schema_of(root) is SIMPLIFIED:
        return list(simplified.errors(document, version, today))
    seller, buyer = parties.of(document)
    result = [*parties.errors(document, seller, buyer, version), *documents.lot_errors(document)]
    for body in document.blocks(BODY):
        result += [*documents.errors(body, seller, buyer, today), *figures.errors(body, is_exact=is_exact)]
    return result


def warnings(xml: bytes, *, today: date) -> list[Violation]:
    """What SDI lets pass and somebody should look at all the same; only for documents without violations."""
    root = parse(xml)
    document = Node(root)
    if schema_of(root) is SIMPLIFIED:
        return list(simplified.warnings(document, today))
    result = list(parties.warnings(parties.of(document)))
    for body in document.blocks(BODY):
        result += documents.warnings(document, body, today)
    return result


def file_violations(file_name: str, content: bytes) -> list[Violation]:
    """What SDI would refuse of a file before it reads the document: its name and its size."""
    return list(files.errors(file_name, content))


def file_warnings(file_name: str) -> list[Violation]:
    """What SDI would refuse of its name, where the name is only that of a copy on somebody's disk."""
    return list(files.warnings(file_name))
