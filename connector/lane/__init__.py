"""One destination: from Kafka to what is settled.

lane         the story, a turn at a time; commit is its last line
intake       record → decode, map, check → what is planned
dispatch     claim, hand to the courier, settle
settling     what became of a claim, in the ledger's words
burial       dead letters until they are durable
books        which positions are open, what became of each
partitions   what the group gave, how far it is done, what asks the operator
outages      what is paused, and when it is tried again
view         what an operator sees of it
"""
