"""Documents between customers and the house: files, services, and their doors."""
