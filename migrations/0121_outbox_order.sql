-- What was owed first is sent first, also among messages that became due at the same instant: after an outage those are many.

DROP INDEX drydock.outbox_due;
CREATE INDEX outbox_due ON drydock.outbox (next_at, fact_id, id) WHERE state IN ('waiting', 'sending');
