-- That a receiver said yes is the worker's to write, and nobody else's: until now only a person's name kept the two ends of a call apart, and a
-- web process that leaves it out would have spoken for the receiver.

ALTER TABLE drydock.run_call ADD COLUMN answered_at timestamptz;
COMMENT ON COLUMN drydock.run_call.answered_at IS 'When the receiver said yes; null where a person said that it is done.';

ALTER TABLE drydock.run_call DISABLE TRIGGER run_call_guard;
UPDATE drydock.run_call SET answered_at = done_at WHERE done_at IS NOT NULL AND settled_by IS NULL;
ALTER TABLE drydock.run_call ENABLE ALWAYS TRIGGER run_call_guard;

ALTER TABLE drydock.run_call ADD CONSTRAINT run_call_said_by_one CHECK (num_nonnulls(answered_at, settled_by) = num_nonnulls(done_at));
