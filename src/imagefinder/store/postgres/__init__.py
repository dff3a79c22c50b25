"""The store by address: PostgreSQL with pgvector."""
