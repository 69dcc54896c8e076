"""The vendors of the assistant."""
