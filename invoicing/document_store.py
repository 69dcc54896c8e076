"""What issuing keeps while everybody else waits for the counter, by hand; and bytes kept for ten years.

Documents are written once, never changed, and known by their SHA-256.
"""

import hashlib
from datetime import datetime
from typing import Any

from django.db import connection
from psycopg.types.json import Jsonb

from invoicing.models import Document, Invoice

# one statement for rows that are nothing without each other
_KEEP = """
    WITH document AS (
        INSERT INTO invoicing_document (kind, name, content_type, content, sha256, created_at)
        VALUES ('xml', %(file_name)s, 'application/xml', %(xml)s, %(sha256)s, clock_timestamp())
        RETURNING id
    ), file AS (
        INSERT INTO invoicing_invoicefile (invoice_id, file_name, draft, xml_id, created_at)
        SELECT %(invoice)s, %(file_name)s, %(draft)s, id, clock_timestamp() FROM document
        RETURNING id
    ), submission AS (
        INSERT INTO invoicing_submission (file_id, next_try_at)
        SELECT id, %(at)s FROM file WHERE %(state)s = 'issued'
    )
    INSERT INTO invoicing_invoiceevent (invoice_id, document_id, state, text, at)
    SELECT %(invoice)s, id, %(state)s, %(text)s, %(at)s FROM document
"""


def store(kind: "Document.Kind", name: str, content_type: str, content: bytes) -> Document:
    """Keep one document."""
    return Document.objects.create(
        kind=kind, name=name[:120], content_type=content_type, content=content, sha256=_digest(content)
    )


def keep_file(
    invoice: Invoice, *, file_name: str, xml: bytes, draft: Any, state: "Invoice.State", text: str, at: datetime
) -> str:
    """Keep the file of an invoice with the draft (as JSON) it was made of, note the step, and return its SHA-256.

    One that need not be signed is queued for SDI.
    """
    digest = _digest(xml)
    values: dict[str, Any] = {
        "invoice": invoice.pk, "file_name": file_name, "xml": xml, "sha256": digest, "draft": Jsonb(draft),
        "state": str(state), "text": text, "at": at,
    }  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute(_KEEP, values)
    return digest


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
