-- Whoever breaks the glass owes a review by somebody else; while one is overdue, the next plan of the team asks for one more approver.

CREATE TABLE drydock.glass_review (
    glass_id uuid PRIMARY KEY REFERENCES drydock.break_glass (id),
    justified boolean NOT NULL,
    outcome text NOT NULL CHECK (length(btrim(outcome)) > 0 AND length(outcome) <= 4000),
    reviewed_by uuid NOT NULL REFERENCES drydock.person (id),
    reviewed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE drydock.glass_review IS 'What somebody who had no part in a break-glass found about it afterwards, once.';
COMMENT ON COLUMN drydock.glass_review.glass_id IS 'Which break-glass.';
COMMENT ON COLUMN drydock.glass_review.justified IS 'Whether it had to be.';
COMMENT ON COLUMN drydock.glass_review.outcome IS 'What was found, and what follows from it.';
COMMENT ON COLUMN drydock.glass_review.reviewed_by IS 'Who: neither of the two, nor whoever wrote a revision.';
COMMENT ON COLUMN drydock.glass_review.reviewed_at IS 'When.';

CREATE FUNCTION drydock.glass_review_guard() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE glass drydock.break_glass;
BEGIN
    SELECT * INTO glass FROM drydock.break_glass g WHERE g.id = NEW.glass_id;
    IF glass.confirmed_at IS NULL THEN
        RAISE EXCEPTION 'nothing was broken' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'glass_review_of_confirmed';
    END IF;
    IF NEW.reviewed_by IN (glass.asked_by, glass.confirmed_by) OR EXISTS (SELECT FROM drydock.contributor c WHERE c.window_id = glass.window_id AND c.person_id = NEW.reviewed_by) THEN
        RAISE EXCEPTION 'nobody reviews what they had a part in' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'glass_review_by_others';
    END IF;
    IF NOT EXISTS (SELECT FROM drydock.window w WHERE w.id = glass.window_id AND drydock.may_break_glass(NEW.reviewed_by, w.team_id, true)) THEN
        RAISE EXCEPTION 'leads and deputies of the owner team and administrators review' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'glass_review_by_right';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER glass_review_guard BEFORE INSERT ON drydock.glass_review FOR EACH ROW EXECUTE FUNCTION drydock.glass_review_guard();
ALTER TABLE drydock.glass_review ENABLE ALWAYS TRIGGER glass_review_guard;
CREATE TRIGGER glass_review_append_only BEFORE UPDATE OR DELETE ON drydock.glass_review FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.glass_review ENABLE ALWAYS TRIGGER glass_review_append_only;
CREATE TRIGGER glass_review_no_truncate BEFORE TRUNCATE ON drydock.glass_review FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.glass_review ENABLE ALWAYS TRIGGER glass_review_no_truncate;
