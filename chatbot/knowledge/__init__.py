"""The knowledge base: files, web pages and articles in, and the questions it has no answer to."""
