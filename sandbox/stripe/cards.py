"""Stripe's published test cards and what they do, and the ready-made payment methods that stand for them.

A number outside this table is declined as a live card in test mode, so no real number is ever kept.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    code: str
    decline_code: str | None
    message: str


GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
INSUFFICIENT_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")
INCORRECT_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
PROCESSING = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
LOST = Decline("card_declined", "lost_card", "Your card was declined.")
STOLEN = Decline("card_declined", "stolen_card", "Your card was declined.")
NEEDS_AUTHENTICATION = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
LIVE_CARD = Decline(
    "card_declined",
    "test_mode_live_card",
    "Your card was declined. Your request was in test mode, but used a non test card. "
    "For a list of valid test cards, visit: https://stripe.com/docs/testing.",
)


@dataclass(frozen=True)
class Card:
    """`authentication`: when the bank asks for 3-D Secure. "unless_set_up" stops asking once a setup was completed;
    "on_session" asks only while the customer is there. `is_attachable` False also declines saving the card.
    """

    number: str
    brand: str = "visa"
    funding: str = "credit"
    country: str = "US"
    decline: Decline | None = None
    authentication: str = "never"  # never | unless_set_up | on_session | always
    is_attachable: bool = True
    refund: str = "succeeded"  # succeeded | pending | fails_later
    cvc_check: str = "pass"

    @property
    def last4(self) -> str:
        return self.number[-4:]


def _make_declined_card(number: str, decline: Decline) -> Card:
    return Card(number, decline=decline, is_attachable=False)


CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242"),
        Card("4000056655665556", funding="debit"),
        Card("4000003800000008", country="IT"),
        Card("5555555555554444", brand="mastercard"),
        Card("5200828282828210", brand="mastercard", funding="debit"),
        Card("378282246310005", brand="amex"),
        Card("6011111111111117", brand="discover"),
        Card("4000002500003155", country="FR", authentication="unless_set_up"),
        Card("4000002760003184", country="DE", authentication="always"),
        Card("4000000000003220", authentication="always"),
        Card("4000003800000446", country="IT", authentication="on_session"),
        Card("4000008400001629", authentication="always", decline=GENERIC),
        Card("4000008260003178", country="GB", authentication="always", decline=INSUFFICIENT_FUNDS),
        _make_declined_card("4000000000000002", GENERIC),
        _make_declined_card("4000000000009995", INSUFFICIENT_FUNDS),
        _make_declined_card("4000000000009987", LOST),
        _make_declined_card("4000000000009979", STOLEN),
        _make_declined_card("4000000000000069", EXPIRED),
        Card("4000000000000127", decline=INCORRECT_CVC, is_attachable=False, cvc_check="fail"),
        _make_declined_card("4000000000000119", PROCESSING),
        Card("4000000000000341", decline=GENERIC),
        Card("4000000000007726", refund="pending"),
        Card("4000000000005126", refund="fails_later"),
    )
}

READY_MADE = {
    "visa": "4242424242424242",
    "visa_debit": "4000056655665556",
    "mastercard": "5555555555554444",
    "mastercard_debit": "5200828282828210",
    "amex": "378282246310005",
    "discover": "6011111111111117",
    "it": "4000003800000008",
    "authenticationRequired": "4000002760003184",
    "authenticationRequiredOnSetup": "4000002500003155",
    "authenticationRequiredSetupForOffSession": "4000003800000446",
    "authenticationRequiredChargeDeclinedInsufficientFunds": "4000008260003178",
    "threeDSecure2Required": "4000000000003220",
    "threeDSecureRequiredChargeDeclined": "4000008400001629",
    "chargeDeclined": "4000000000000002",
    "chargeDeclinedInsufficientFunds": "4000000000009995",
    "chargeDeclinedLostCard": "4000000000009987",
    "chargeDeclinedStolenCard": "4000000000009979",
    "chargeDeclinedExpiredCard": "4000000000000069",
    "chargeDeclinedIncorrectCvc": "4000000000000127",
    "chargeDeclinedProcessingError": "4000000000000119",
    "chargeCustomerFail": "4000000000000341",
    "pendingRefund": "4000000000007726",
    "refundFail": "4000000000005126",
}


def find_ready_made(name: str, prefix: str) -> Card | None:
    """The card behind `pm_card_visa`, `pm_card_visa_chargeDeclined`, `tok_visa` and the like."""
    if not name.startswith(prefix):
        return None
    short = name.removeprefix(prefix)
    number = READY_MADE.get(short) or READY_MADE.get(short.removeprefix("visa_"))
    return CARDS[number] if number else None


def passes_luhn(number: str) -> bool:
    digits = [int(digit) for digit in reversed(number)]
    products = [digit * 2 - 9 * (digit > 4) for digit in digits[1::2]]
    return (sum(digits[::2]) + sum(products)) % 10 == 0
