"""The texts of a draft against the one rule for text (`accounts.fiscal.letters`): missing, lost, changed or cut."""

from collections.abc import Iterator
from typing import NamedTuple

from django.utils.translation import gettext as _

from accounts.fiscal.letters import basic_latin, can_be_carried, changed_signs, latin
from invoicing.fatturapa.draft import BuyerKind, InvoiceDraft, PurchaseOrder
from invoicing.fatturapa.preflight import Violation
from invoicing.fatturapa.routing import route

_ANY_LENGTH = 1_000_000


class _Text(NamedTuple):
    """A text and the room that the format has for it; identifiers (Basic Latin) are never cut, names and prose are."""

    field: str
    text: str
    limit: int = _ANY_LENGTH
    is_identifier: bool = False
    is_needed: bool = False

    def on_invoice(self) -> str:
        """As it would stand there with room for all of it."""
        return basic_latin(self.text, _ANY_LENGTH) if self.is_identifier else latin(self.text, _ANY_LENGTH)


def errors(draft: InvoiceDraft) -> Iterator[Violation]:
    """Texts that are needed and empty, in another alphabet, or identifiers that are too long."""
    for item in _texts(draft):
        if not item.text.strip():
            if item.is_needed:
                yield Violation("required", item.field, _("This is needed and missing."))
        elif not can_be_carried(item.text):
            message = _("Please use Latin letters: the electronic invoice cannot carry other alphabets.")
            yield Violation("alphabet", item.field, message)
        elif item.is_identifier and len(item.on_invoice()) > item.limit:
            message = _("“%(text)s” is too long: the invoice has room for %(limit)s characters here.")
            yield Violation("too_long", item.field, message % {"text": item.on_invoice(), "limit": item.limit})


def warnings(draft: InvoiceDraft) -> Iterator[Violation]:
    """Texts of which somebody would notice that they stand otherwise on the invoice, or not whole."""
    for item in _texts(draft):
        if changes := changed_signs(item.text, is_basic=item.is_identifier):
            words = ", ".join(f"{sign} → {fit or '–'}" for sign, fit in changes.items())
            message = _("Signs that FatturaPA cannot carry are written otherwise: %(signs)s.") % {"signs": words}
            yield Violation("letters_replaced", item.field, message)
        if len(item.on_invoice()) > item.limit:
            message = _("Cut after %(limit)s characters: FatturaPA has no room for more.") % {"limit": item.limit}
            yield Violation("shortened", item.field, message)


def _texts(draft: InvoiceDraft) -> Iterator[_Text]:
    yield from _parties(draft)
    yield _Text("notes", draft.notes)
    for position, line in enumerate(draft.lines, start=1):
        yield _Text(f"lines.{position}.description", line.description, 1000, is_needed=True)
        yield _Text(f"lines.{position}.unit", line.unit, 10, is_identifier=True)
        yield _Text(f"lines.{position}.administration_reference", line.administration_reference, 20, is_identifier=True)
    yield _Text("administration_reference", draft.administration_reference, 20, is_identifier=True)
    if draft.purchase_order:
        yield from _reference("purchase_order", draft.purchase_order)
    for name in ("purchase_orders", "contracts", "agreements"):
        for position, reference in enumerate(getattr(draft, name), start=1):
            yield from _reference(f"{name}.{position}", reference)
    for position, attachment in enumerate(draft.attachments, start=1):
        yield _Text(f"attachments.{position}.name", attachment.name, 60, is_needed=True)
        yield _Text(f"attachments.{position}.format", attachment.format, 10, is_identifier=True)
        yield _Text(f"attachments.{position}.description", attachment.description, 100)
    for position, linked in enumerate(draft.linked_invoices, start=1):
        yield _Text(f"linked_invoices.{position}.number", linked.number, 20, is_identifier=True, is_needed=True)


def _reference(field: str, reference: PurchaseOrder) -> Iterator[_Text]:
    yield _Text(f"{field}.id", reference.id, 20, is_identifier=True, is_needed=True)
    yield _Text(f"{field}.cup", reference.cup, 15, is_identifier=True)
    yield _Text(f"{field}.cig", reference.cig, 15, is_identifier=True)
    yield _Text(f"{field}.item", reference.item, 20, is_identifier=True)
    yield _Text(f"{field}.project", reference.project, 100)


def _parties(draft: InvoiceDraft) -> Iterator[_Text]:
    seller, buyer, address = draft.seller, draft.buyer, route(draft.buyer).address
    yield _Text("seller.name", seller.name, 80, is_needed=True)
    yield _Text("seller.address.street", seller.address.street, 60, is_needed=True)
    yield _Text("seller.address.city", seller.address.city, 60, is_needed=True)
    yield _Text("seller.rea_number", seller.rea_number, 20, is_identifier=True)
    if buyer.kind is BuyerKind.PERSON or not buyer.name:
        yield _Text("buyer.first_name", buyer.first_name, 60)
        yield _Text("buyer.last_name", buyer.last_name, 60)
    else:
        yield _Text("buyer.name", buyer.name, 80)
    yield _Text("buyer.address.street", address.street, 60, is_needed=True)
    yield _Text("buyer.address.city", address.city, 60, is_needed=True)
