-- The newest runs of a database that ended: their lists say who waits for a turn.
CREATE INDEX run_ended_on ON drydock.run (target_id, ended_at DESC) WHERE state = 'ended';
