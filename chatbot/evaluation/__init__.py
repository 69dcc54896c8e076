"""How good search and answers are: measured, bounded by a gate, kept as a trend."""
