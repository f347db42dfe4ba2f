"""Pure values and decisions: nothing here does I/O, reads a clock, draws a random number or starts a thread."""
