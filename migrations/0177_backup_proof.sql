-- A backup can be proven: a worker restores the newest one of its folder into a throwaway server of its own and compares it with the database.

ALTER TABLE drydock.examination DROP CONSTRAINT examination_kind_check;
ALTER TABLE drydock.examination ADD CONSTRAINT examination_kind_check CHECK (kind IN ('connection_test', 'preview', 'probe', 'password_rotation', 'backup_proof'));

-- What a worker proved, beside what people vouch for. Web processes have no right on the two columns, so no page can make a proof.
ALTER TABLE drydock.backup_record ADD COLUMN examination_id uuid REFERENCES drydock.examination (id);
ALTER TABLE drydock.backup_record ADD COLUMN proof jsonb;
ALTER TABLE drydock.backup_record ADD CONSTRAINT backup_record_proof CHECK (
    (examination_id IS NULL) = (proof IS NULL)
    AND (proof IS NULL OR (jsonb_typeof(proof -> 'restored') = 'object' AND proof -> 'faults' = '[]'::jsonb)));
CREATE UNIQUE INDEX backup_record_examination ON drydock.backup_record (examination_id) WHERE examination_id IS NOT NULL;
CREATE INDEX backup_record_proven ON drydock.backup_record (target_id, taken_at DESC) WHERE proof IS NOT NULL;
COMMENT ON TABLE drydock.backup_record IS 'An outside backup that an engineer vouches for, or that a worker restored.';
COMMENT ON COLUMN drydock.backup_record.examination_id IS 'The question it is the answer to; null for one that a person vouches for.';
COMMENT ON COLUMN drydock.backup_record.proof IS 'What the worker found; null for one that a person vouches for. A backup with a fault is not recorded.';
COMMENT ON COLUMN drydock.backup_record.recorded_by IS 'Who vouches, or who asked for the proof.';

ALTER TABLE drydock.worker_key ADD COLUMN proves_backups boolean NOT NULL DEFAULT false;
COMMENT ON COLUMN drydock.worker_key.proves_backups IS 'The worker that was heard of last with this key has a folder of backups.';
