"""Tests against real programs: a Kafka broker, sockets, databases."""
