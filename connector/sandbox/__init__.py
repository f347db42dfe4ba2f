"""A faithful Yespo and Metrica to run against, with faults on demand: for the demo, tests and trials.

Written from their documents alone and importing nothing of the connector, so that the two are
independent readings of the same pages. `server.SandboxServer` runs both on one real socket.
"""
