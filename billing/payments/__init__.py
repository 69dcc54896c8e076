"""Money: intents, the inbox of Stripe’s events, and what a settled payment sets off."""
