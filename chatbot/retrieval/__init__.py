"""Finding passages: vectors and words, both languages, in one statement."""
