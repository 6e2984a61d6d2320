-- A change of design may be tried on an empty copy of the schema before anybody approves it. That makes a database on somebody's server for a
-- moment, so each registration says whether it may.

ALTER TABLE drydock.target ADD COLUMN trial_copy boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN drydock.target.trial_copy IS 'Workers may make an empty copy of the schema on the same server to try changes of design, and drop it.';
