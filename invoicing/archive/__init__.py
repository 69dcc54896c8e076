"""The ten-year archive: packages for the accountant, and proof that no byte has changed."""
