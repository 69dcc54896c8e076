"""What is sold and how it is paid: catalogue, cart, orders, Stripe."""
