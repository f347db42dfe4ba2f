"""Tests of the sandbox: a test for each sentence of the API page that it plays."""
