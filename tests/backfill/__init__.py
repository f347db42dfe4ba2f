"""A backfill at its size beside live traffic: see __main__."""
