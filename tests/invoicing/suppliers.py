"""A supplier's invoice on its way to us: the file, and SDI's mail that brings it with its metadata."""

import base64
import hashlib
from datetime import UTC, datetime
from email.message import EmailMessage
from xml.sax.saxutils import escape

from sandbox.pec.envelopes import Original, transport_mail
from tests.invoicing.flow import SDI, Post

FILE = "IT02764130353_0007A.xml"
OURS = "11847200968"
SUPPLIER = "Cartoleria Blu & C. S.n.c."
_PRIVATE = "http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fattura/messaggi/v1.0"


def supplier_xml(*, to: str = OURS, number: str = "77/B", total: str = "244.00", bodies: int = 1) -> bytes:
    """An ordinary invoice of Cartoleria Blu; without `total` it is left to the summary, which is 200.00 + 44.00."""
    amount = f"<ImportoTotaleDocumento>{total}</ImportoTotaleDocumento>" if total else ""
    body = "".join(
        f"""<FatturaElettronicaBody><DatiGenerali><DatiGeneraliDocumento><TipoDocumento>TD01</TipoDocumento>
        <Divisa>EUR</Divisa><Data>2026-11-1{position}</Data>
        <Numero>{number}{position if position > 1 else ""}</Numero>
        {amount}</DatiGeneraliDocumento></DatiGenerali><DatiBeniServizi><DatiRiepilogo><AliquotaIVA>22.00</AliquotaIVA>
        <ImponibileImporto>200.00</ImponibileImporto><Imposta>44.00</Imposta></DatiRiepilogo></DatiBeniServizi>
        </FatturaElettronicaBody>"""
        for position in range(1, bodies + 1)
    )
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <p:FatturaElettronica xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.2" versione="FPR12">
    <FatturaElettronicaHeader><CedentePrestatore><DatiAnagrafici><IdFiscaleIVA><IdPaese>IT</IdPaese>
    <IdCodice>02764130353</IdCodice></IdFiscaleIVA><Anagrafica><Denominazione>{escape(SUPPLIER)}</Denominazione></Anagrafica>
    </DatiAnagrafici></CedentePrestatore><CessionarioCommittente><DatiAnagrafici><IdFiscaleIVA><IdPaese>IT</IdPaese>
    <IdCodice>{to}</IdCodice></IdFiscaleIVA></DatiAnagrafici></CessionarioCommittente></FatturaElettronicaHeader>
    {body}</p:FatturaElettronica>""".encode()


def simplified_xml() -> bytes:
    """A fattura semplificata (FSM10) to us: names without their frame, amounts with VAT by line."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
    <p:FatturaElettronicaSemplificata xmlns:p="http://ivaservizi.agenziaentrate.gov.it/docs/xsd/fatture/v1.0"
    versione="FSM10"><FatturaElettronicaHeader><CedentePrestatore><IdFiscaleIVA><IdPaese>IT</IdPaese>
    <IdCodice>03123450151</IdCodice></IdFiscaleIVA><Nome>Ada</Nome><Cognome>Neri</Cognome></CedentePrestatore>
    <CessionarioCommittente><IdentificativiFiscali><IdFiscaleIVA><IdPaese>IT</IdPaese><IdCodice>{OURS}</IdCodice>
    </IdFiscaleIVA></IdentificativiFiscali></CessionarioCommittente></FatturaElettronicaHeader><FatturaElettronicaBody>
    <DatiGenerali><DatiGeneraliDocumento><TipoDocumento>TD07</TipoDocumento><Divisa>EUR</Divisa><Data>2026-11-12</Data>
    <Numero>9</Numero></DatiGeneraliDocumento></DatiGenerali><DatiBeniServizi><Importo>61.00</Importo></DatiBeniServizi>
    <DatiBeniServizi><Importo>12.20</Importo></DatiBeniServizi></FatturaElettronicaBody>
    </p:FatturaElettronicaSemplificata>""".encode()


def metadata_xml(name: str = FILE, *, digest: str = "", identifier: str = "8123456", is_public: bool = False) -> bytes:
    """The message MT about a file, of the private or the public family."""
    root = "MetadatiInvioFile" if is_public else "FileMetadati"
    namespace = "http://www.fatturapa.gov.it/sdi/messaggi/v1.0" if is_public else _PRIVATE
    hash_element = f"<Hash>{digest}</Hash>" if digest else ""
    return f"""<?xml version="1.0" encoding="UTF-8"?><ns3:{root} xmlns:ns3="{namespace}" versione="1.0">
    <IdentificativoSdI>{identifier}</IdentificativoSdI><NomeFile>{name}</NomeFile>{hash_element}
    <MessageId>1</MessageId></ns3:{root}>""".encode()


def delivery(
    post: Post, content: bytes | None, *, name: str = FILE, digest: str | None = None, sender: str = SDI,
    identifier: str = "8123456", is_public: bool = False,
) -> bytes:  # fmt: skip
    """SDI's mail: the invoice and its metadata in one signed envelope; without `content` half of it."""
    digest = hashlib.sha256(content or b"").hexdigest() if digest is None else digest
    inner = EmailMessage()
    inner["From"], inner["To"], inner["Subject"] = sender, "fatture@pec.gestore.test", f"Invio File {identifier}"
    inner["Message-ID"] = f"<{identifier}.{len(content or b'')}@pec.fatturapa.it>"
    inner.set_content("Si trasmette la fattura.")
    metadata = metadata_xml(name, digest=digest, identifier=identifier, is_public=is_public)
    files = {f"{name.split('.', maxsplit=1)[0]}_MT_001.xml": metadata}
    invoice = {name: content} if content is not None else {}
    for file_name, data in {**invoice, **files}.items():
        inner.add_attachment(data, maintype="application", subtype="octet-stream", filename=file_name)
    raw = inner.as_bytes(policy=inner.policy.clone(linesep="\r\n"))
    original = Original(
        sender, ("fatture@pec.gestore.test",), str(inner["Subject"]), str(inner["Message-ID"]), "opec3", raw
    )
    return transport_mail(post.provider(), original, datetime.now(UTC))


def certified(
    post: Post, sender: str = "cancelleria@giustiziacert.example", subject: str = "Notifica ex art. 149-bis"
) -> bytes:
    """A true PEC mail of somebody who is not SDI."""
    inner = EmailMessage()
    inner["From"], inner["To"], inner["Subject"] = sender, "fatture@pec.gestore.test", subject
    inner["Message-ID"] = f"<{base64.b32encode(subject.encode()).decode()[:20]}@giustiziacert.example>"
    inner.set_content("Si notifica l'atto allegato.")
    raw = inner.as_bytes(policy=inner.policy.clone(linesep="\r\n"))
    original = Original(sender, ("fatture@pec.gestore.test",), subject, str(inner["Message-ID"]), "opec4", raw)
    return transport_mail(post.provider("pec.gestore.test"), original, datetime.now(UTC))
