"""From a cart to an order, and what became of it."""
