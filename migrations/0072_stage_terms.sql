-- Each stage of a policy may have terms of its own: how long before the start it is met, how often people are reminded, and what happens at
-- its deadline. What a plan's deadlines are is kept by stage, and a window knows whose turn it is.

CREATE TABLE drydock.revision_stage (
    window_id uuid NOT NULL,
    revision integer NOT NULL,
    stage integer NOT NULL CHECK (stage BETWEEN 0 AND 5),
    decide_by_at timestamptz NOT NULL,
    escalate_at timestamptz,
    remind_every_min integer,
    PRIMARY KEY (window_id, revision, stage),
    FOREIGN KEY (window_id, revision) REFERENCES drydock.revision (window_id, number),
    CONSTRAINT revision_stage_escalates_in_time CHECK (escalate_at < decide_by_at),
    CONSTRAINT revision_stage_reminds_seldom CHECK (remind_every_min >= 60)
);
COMMENT ON TABLE drydock.revision_stage IS 'When each stage of a plan has to be met. Nobody may change it: nothing is granted for that.';
COMMENT ON COLUMN drydock.revision_stage.window_id IS 'Of which window.';
COMMENT ON COLUMN drydock.revision_stage.revision IS 'Of which revision.';
COMMENT ON COLUMN drydock.revision_stage.stage IS 'Which stage, from 0.';
COMMENT ON COLUMN drydock.revision_stage.decide_by_at IS 'Not met by then, the proposal expires.';
COMMENT ON COLUMN drydock.revision_stage.escalate_at IS 'Not met by then, its second group is asked; null where there is none.';
COMMENT ON COLUMN drydock.revision_stage.remind_every_min IS 'Whoever is waited for is asked again after so many minutes; null is never.';

ALTER TABLE drydock.window ADD COLUMN stage integer NOT NULL DEFAULT 0 CHECK (stage BETWEEN 0 AND 5);
ALTER TABLE drydock.window ADD COLUMN asked_at timestamptz;
ALTER TABLE drydock.window ADD COLUMN escalated_stages integer[] NOT NULL DEFAULT '{}';
COMMENT ON COLUMN drydock.window.stage IS 'Whose turn it is: its deadlines hold. Votes alone decide whether it is met.';
COMMENT ON COLUMN drydock.window.asked_at IS 'When those who are waited for were last asked; reminders count from then.';
COMMENT ON COLUMN drydock.window.escalated_stages IS 'Stages of the newest revision whose second group was asked.';

-- Plans that were sealed before: their deadlines held for all stages.
INSERT INTO drydock.revision_stage (window_id, revision, stage, decide_by_at, escalate_at, remind_every_min)
SELECT v.window_id, v.number, s.stage, v.decide_by_at, v.escalate_at, v.remind_every_min
FROM drydock.revision v JOIN drydock.window w ON w.id = v.window_id AND w.revision = v.number CROSS JOIN generate_series(0, 5) s (stage)
WHERE w.state IN ('draft', 'proposed', 'approved');
UPDATE drydock.window SET escalated_stages = '{0,1,2,3,4,5}' WHERE escalated_revision = revision;
UPDATE drydock.window SET asked_at = reminded_at WHERE reminded_at IS NOT NULL;

ALTER TABLE drydock.revision DROP COLUMN escalate_at, DROP COLUMN remind_every_min;
ALTER TABLE drydock.window DROP COLUMN escalated_revision, DROP COLUMN reminded_at;
