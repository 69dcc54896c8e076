"""Who buys, as the tax office knows them."""
