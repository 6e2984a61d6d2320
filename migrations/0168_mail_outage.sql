-- After an outage of the mail server everything that waited for it leaves as soon as it takes one message, what was owed first before the rest: not each
-- at the end of a pause of its own, which is hours by then.

ALTER TABLE drydock.outbox ADD COLUMN unreached boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN drydock.outbox.unreached IS 'The last try found no mail server that would talk: nothing is known against the message itself.';
CREATE INDEX outbox_unreached ON drydock.outbox (id) WHERE state = 'waiting' AND unreached;
