"""What the audit trail calls acts about orders and payments."""

from django.utils.translation import gettext_lazy as _

from core.wording import EUR, Act

ACTS = {
    "order.placed": Act(_("Placed the order {name}: {gross}"), gross=EUR),
    "order.paid": Act(_("The order {name} was paid: {amount}"), amount=EUR),
    "order.processing": Act(_("Started work on the order {name}")),
    "order.completed": Act(_("Completed work on the order {name}")),
    "order.cancelled": Act(_("Cancelled the order {name}")),
    "user.deleted_at_stripe": Act(_("Had Stripe delete what it knew of the account {name}")),
    "payment.flagged": Act(_("A payment of the order {name} does not match and waits for a person")),
    "payment.invoiced": Act(_("Had the invoice of the payment {name} issued")),
    "stripeevent.retried": Act(_("Had the Stripe event {name} processed again")),
}
