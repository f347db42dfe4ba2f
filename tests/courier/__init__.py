"""Batches in flight."""
