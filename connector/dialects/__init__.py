"""One API resource each, as conversations without I/O."""
