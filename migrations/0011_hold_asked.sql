-- A person lets a run wait after its current item: asked here, taken up by the worker at the next safe point.

ALTER TABLE drydock.run
    ADD COLUMN hold_asked_at timestamptz,
    ADD COLUMN hold_asked_by uuid REFERENCES drydock.person (id),
    ADD COLUMN hold_asked_reason text CHECK (length(btrim(hold_asked_reason)) BETWEEN 1 AND 2000),
    ADD CONSTRAINT run_hold_asked_whole CHECK ((hold_asked_at IS NULL) = (hold_asked_by IS NULL) AND (hold_asked_at IS NULL) = (hold_asked_reason IS NULL)),
    ADD CONSTRAINT run_hold_asked_taken CHECK (hold_asked_at IS NULL OR state IN ('leased', 'ended'));
COMMENT ON COLUMN drydock.run.hold_asked_at IS 'When somebody asked to hold it after the current item; null again once it is held.';
COMMENT ON COLUMN drydock.run.hold_asked_by IS 'Who.';
COMMENT ON COLUMN drydock.run.hold_asked_reason IS 'Why.';
