"""The store: SQLAlchemy, and only here. People and answers are two sides that do not know each other."""
