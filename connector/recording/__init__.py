"""What a lane does, written to a history: wrappers around its ports. Without a history there are none.

Each line has n, at, by and what (ports.History), and the destination. Positions are topic, partition, offset
and lease (which assignment of this process); a start of null asks the operator. Times are seconds since the
epoch; lease_left: seconds for which its claims are surely its own (null: for as long as it lives).

| what | in the file before | fields |
|---|---|---|
| assigned | the first record is read | partitions: topic, topic_id, partition, lease, start, committed |
| revoked, lost | it drains; it forgets | partitions: topic, partition |
| sought | it reads on from where the operator said | topic, partition, offset |
| received | it is decoded | records: topic, partition, lease, offsets |
| claimed | it is sent, or freed | since (the turn began), lease_left; events: verdict, doubtful, cause |
| sent | the request is written | request, resource, rule (resend, hold); events: attempt, doubtful |
| replied | | request; status, or reason where no answer came |
| answered | | resource; events: outcome, cause, attempt |
| settled | its position is freed | stale: how many had lost their claim; events: outcome, certain, attempt |
| unsure | it is asked again | since; settled, wanted: events of a turn that did all, or nothing |
| dead_lettered | its claim goes, its position is freed | letters: topic, partition, offset, lease, cause |
| closed | it can be committed | records: topic, partition, lease, outcome, offsets |
| committing | the commit, or the hand-over | offsets: topic, partition, offset; wait; revoked |
| committed | | offsets, as above; landed: false = the broker has refused it already |
| ended | its claims are left for others to judge | |

An event is entity, key, version ("lsn:7", "declared:7", "ts_ms:7", "offset:7"; none: a contact made for an
order) and position. Bodies are never written; keys that are e-mails or phones only as a hash, keyed by the
ledger's identity, so that replicas write the same one.
"""

from connector.recording.around import Around
from connector.recording.recorder import Recorder, Unrecorded, recorder
from connector.recording.settling import Counting

__all__ = ["Around", "Counting", "Recorder", "Unrecorded", "recorder"]
