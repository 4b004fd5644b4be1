"""Write it down: one decision, one record, and nothing secret in it."""
