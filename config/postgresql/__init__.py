"""Django's database backend for PostgreSQL, with one thing changed: see `base`."""
