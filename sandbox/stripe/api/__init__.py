"""The HTTP routes by resource; `ENDPOINTS` is all of them."""

from sandbox.stripe.api import (
    account,
    catalogue,
    customers,
    discounts,
    events,
    invoices,
    payment_intents,
    payment_methods,
    portal,
    refunds,
    setup_intents,
    subscriptions,
    tax_rates,
    test_clocks,
    webhook_endpoints,
)
from sandbox.stripe.api.endpoint import Endpoint

ENDPOINTS: list[Endpoint] = [
    endpoint
    for module in (
        account,
        catalogue,
        customers,
        discounts,
        events,
        invoices,
        payment_intents,
        payment_methods,
        portal,
        refunds,
        setup_intents,
        subscriptions,
        tax_rates,
        test_clocks,
        webhook_endpoints,
    )
    for endpoint in module.ENDPOINTS
]
