"""Self-service account recovery."""
