"""The verdict on a trial: `python -m tests.chaos.check HISTORY… --source FILE --accepted FILE`.

It believes three witnesses: the source (what was written to Kafka), what the CRM accepted, and the histories
of all replicas; counters, which a kill wipes, it does not ask. All are JSON lines.

source      topic, partition, offset; entity, key, rev (null: no change of anything, to be filtered or
            dead-lettered); in the order in which they were written. A rev names one version of its entity;
            its place among the versions is that of its first line, or its `version`, a number, where given;
            topic_id, where a topic was deleted and re-created within the trial.
accepted    entity, key, rev, at; in the order of acceptance: what `crm-connector sandbox --accepted` writes;
            `service`, where it has those of several (--service).
letters     topic, partition, offset, cause (and topic_id, as above) of what the dead-letter topic holds (left
            out: the histories are believed in what they tell of it)
histories   what `history: FILE` writes (connector.recording); one file may hold several processes.

What it finds, and what excuses it:

lost         a record that is not settled, or not committed, at the end; a change that the connector counts as
             accepted, and whose version the CRM never took
duplicate    a version that was accepted more than once, or sent again although known as accepted
reorder      a version that was accepted for the first time after a newer one of its entity
overwritten  an older version that came again after a newer one, or that the CRM was left with
ghost        an acceptance that the source never had, or that nobody sent
commit       a commit past a position that is open, that was never received, or that is another's

In doubt: it was sent again, marked as doubtful, where the rule allows it and the sender could not know; or
sent although a newer one had been accepted of which nobody knew. Stale: the claim of the send had been taken
over, by the lease that its owner had, before the CRM applied it; or its sender had given up waiting.

Times are compared between processes of one host only, with --skew seconds of tolerance; inside a process the
numbers of its lines decide.
"""
