"""The assistant: documents, retrieval, answers with their sources, conversations."""
