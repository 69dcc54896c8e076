"""Vendors that carry mail."""
