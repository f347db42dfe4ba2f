"""The deterministic simulation: the real lane, courier and ledger rules in three replicas, on virtual time.

scenario   what happens, as data drawn from a seed      sim, loop   threads and event loops, one at a time
source     the records                                  network     requests and answers, or none
process    one start of the connector                   ports, nerve   its ports: at a call it may die or stop
world      what outlives it                             run         a scenario from start to end
judge      what must hold while it runs                 verdict     what must hold at the end
history    what happened                                shrink      a smaller scenario that fails too
mutants    safeguards taken away                        checked     judged once more, by tests.chaos.check
batch, report, __main__   many seeds
"""
