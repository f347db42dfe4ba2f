"""The edges: one outside thing each. Only `wiring` imports them."""
