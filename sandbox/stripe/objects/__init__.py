"""New objects with every field of the API version, in the state in which Stripe first shows them."""
