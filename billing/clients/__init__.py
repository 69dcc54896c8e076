"""The vendors of billing."""
