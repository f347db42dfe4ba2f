"""Faithful stand-ins for the CRMs, to run against, with faults on demand. Imports nothing of the connector."""
