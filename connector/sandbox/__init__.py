"""A faithful Yespo to run against, with faults on demand; for the demo, the tests and a user's own trials.

Written from Yespo's documents alone and importing nothing of the connector, so that the two are
independent readings of the same pages. `server.SandboxServer` runs it on a real socket.
"""
