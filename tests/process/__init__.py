"""Tests that run the connector as a process of its own, and end it in every way."""
