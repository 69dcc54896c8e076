"""What a customer has, so that every address of the site has something to show or to refuse."""

import re
from dataclasses import dataclass
from typing import Any

from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.utils import timezone

from accounts.login import devices
from accounts.login.origin import Origin
from accounts.models import CustomerDocument, DataExport, KnownDevice, UserSession
from accounts.privacy import exports
from billing.models import Order
from billing.ordering import services
from chatbot.models import Conversation, Ticket, TicketAttachment
from chatbot.tickets import links
from chatbot.tickets import services as tickets
from invoicing.models import Invoice
from invoicing.services import issue_invoice
from tests.accounts.documents.papers import upload
from tests.factories import make_order, make_profile, make_service, sign_in
from tests.invoicing.drafts import DAY, make_draft
from tests.queues import claim_row


@dataclass
class Belongings:
    """What the customer has, and a guest's ticket that the guest alone can reach."""

    order: Order
    invoice: Invoice
    ticket: Ticket
    guests: Ticket
    export: DataExport
    document: CustomerDocument
    session: UserSession
    device: KnownDevice


def make_belongings(customer: Any) -> Belongings:
    """An order, an invoice, a ticket, a document and a copy of the customer's data; one more service in the cart."""
    service = make_service()
    make_profile(customer)
    order = make_order(customer)
    services.add_to_cart(cart=services.find_cart(token=None, user=customer), user=customer, service=service)
    invoice = issue_invoice(
        draft=make_draft(), customer=customer, reference=order.number, language="it", today=DAY, now=timezone.now()
    )
    conversation = Conversation.objects.create(user=customer, caller="x")
    ticket = tickets.open_from_conversation(
        conversation=conversation, reason="asked", text="", guest=None, now=timezone.now()
    )
    answer_with_file(ticket, customer)
    mario = tickets.Guest("Mario Rossi", "mario@posta.example")
    guests = tickets.open_from_text(text="Ciao", customer=None, guest=mario, language="it", now=timezone.now())
    answer_with_file(guests, None)
    session = sign_in(Client(), customer)
    devices.remember(user=customer, kind="web", origin=Origin(), now=timezone.now())
    device = KnownDevice.objects.get(user=customer)
    return Belongings(order, invoice, ticket, guests, make_export(customer), upload(customer), session, device)


def make_export(customer: Any) -> DataExport:
    """Asked for as customers do; what is in it does not matter here, and takes its time."""
    now = timezone.now()
    export = claim_row(exports.request_export(user=customer, now=now))
    export.path.parent.mkdir()
    export.path.write_bytes(b"a ZIP")
    export.finish(ready_at=now, expires_at=now + DataExport.RETENTION, size=5)
    return export


def answer_with_file(ticket: Ticket, author: Any) -> None:
    file = SimpleUploadedFile("nota.txt", b"Una nota.")
    tickets.answer_as_customer(ticket=ticket, text="Ecco", files=[file], author=author, now=timezone.now())


def address(route: str, belongings: Belongings) -> str:
    """The route with what the owner has in its places."""
    number = belongings.order.number
    if "fatture" in route or "invoices" in route:
        number = belongings.invoice.number
    elif "richieste" in route or "tickets" in route:
        number = belongings.ticket.number
    by_link = route.startswith("richieste/")
    files = TicketAttachment.objects.filter(message__ticket=belongings.guests if by_link else belongings.ticket)
    reference = belongings.export.reference if "copia" in route or "export" in route else files.get().reference
    if "document" in route:
        reference = belongings.document.reference
    token = links.token_of(belongings.guests) if by_link else "x"
    if "conversations" in route:
        token = str(belongings.ticket.conversation.token)
    values = {
        "number": number, "slug": "readiness-nis2", "name": "privacy", "token": token, "kind": "xml",
        "reference": str(reference), "version": "1",
        "session_id": str(belongings.session.pk), "device_id": str(belongings.device.pk),
    }  # fmt: skip
    path = re.sub(r"\(\?P<(\w+)>[^)]*\)|<\w+:(\w+)>", lambda match: values[match[1] or match[2]], route)
    return "/" + path.replace("^.*$", "nowhere").strip("^$")
