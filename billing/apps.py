"""Registers the billing app, its checks, and the address of Stripe for whoever uses its SDK."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BillingConfig(AppConfig):
    name = "billing"
    verbose_name = _("Sales")

    def ready(self) -> None:
        from accounts.documents.orders import find_orders_by  # noqa: PLC0415
        from billing import checks  # noqa: F401, PLC0415 -- registers itself
        from billing.clients import stripe  # noqa: PLC0415
        from billing.models import Order  # noqa: PLC0415

        stripe.configure()
        find_orders_by(lambda customer: Order.objects.visible_to(customer).numbers())
