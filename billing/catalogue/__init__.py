"""What is sold, for whoever has to fill or explain it."""
