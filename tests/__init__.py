"""Tests of crm-connector."""
