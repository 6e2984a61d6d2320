-- What people write about a window. Nothing written is changed or removed: taken back, it is only shown no more.

CREATE TABLE drydock.comment (
    id uuid PRIMARY KEY,
    window_id uuid NOT NULL,
    revision integer NOT NULL,
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    text text NOT NULL CHECK (length(text) BETWEEN 1 AND 4000),
    fact_id bigint NOT NULL UNIQUE,
    fact_at timestamptz NOT NULL,
    retracted_at timestamptz CHECK (retracted_at >= fact_at),
    FOREIGN KEY (window_id, revision) REFERENCES drydock.revision (window_id, number),
    FOREIGN KEY (fact_id, fact_at) REFERENCES drydock.fact (id, at)
);
COMMENT ON TABLE drydock.comment IS 'One comment on a window. Its fact holds a digest of the text, not the text.';
COMMENT ON COLUMN drydock.comment.id IS 'Identity; its random part is what makes the digest in the fact unguessable.';
COMMENT ON COLUMN drydock.comment.window_id IS 'On which window.';
COMMENT ON COLUMN drydock.comment.revision IS 'The newest revision when it was written.';
COMMENT ON COLUMN drydock.comment.person_id IS 'Who wrote it.';
COMMENT ON COLUMN drydock.comment.text IS 'What was written.';
COMMENT ON COLUMN drydock.comment.fact_id IS 'The fact of its writing: its place in the conversation.';
COMMENT ON COLUMN drydock.comment.fact_at IS 'When it was written, part of the fact''s key.';
COMMENT ON COLUMN drydock.comment.retracted_at IS 'When its author took it back: from then on nobody is shown the text.';
CREATE INDEX comment_window ON drydock.comment (window_id);

CREATE FUNCTION drydock.comment_guard() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.retracted_at IS NOT NULL OR NEW.retracted_at IS NULL
        OR (NEW.id, NEW.window_id, NEW.revision, NEW.person_id, NEW.text, NEW.fact_id, NEW.fact_at)
           IS DISTINCT FROM (OLD.id, OLD.window_id, OLD.revision, OLD.person_id, OLD.text, OLD.fact_id, OLD.fact_at) THEN
        RAISE EXCEPTION 'a comment is taken back or stays as it is' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'comment_fixed';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER comment_guard BEFORE UPDATE OR DELETE ON drydock.comment FOR EACH ROW EXECUTE FUNCTION drydock.comment_guard();
ALTER TABLE drydock.comment ENABLE ALWAYS TRIGGER comment_guard;
CREATE TRIGGER comment_no_truncate BEFORE TRUNCATE ON drydock.comment FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.comment ENABLE ALWAYS TRIGGER comment_no_truncate;

CREATE TABLE drydock.mention (
    comment_id uuid NOT NULL REFERENCES drydock.comment (id),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    PRIMARY KEY (comment_id, person_id)
);
COMMENT ON TABLE drydock.mention IS 'Who was named by a comment, and could see the window then.';
COMMENT ON COLUMN drydock.mention.comment_id IS 'By which comment.';
COMMENT ON COLUMN drydock.mention.person_id IS 'Who.';
CREATE TRIGGER mention_append_only BEFORE UPDATE OR DELETE ON drydock.mention FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.mention ENABLE ALWAYS TRIGGER mention_append_only;
CREATE TRIGGER mention_no_truncate BEFORE TRUNCATE ON drydock.mention FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.mention ENABLE ALWAYS TRIGGER mention_no_truncate;

-- Two more kinds of messages that somebody may switch off.
ALTER TABLE drydock.notice_off DROP CONSTRAINT notice_off_topic_check;
ALTER TABLE drydock.notice_off ADD CONSTRAINT notice_off_topic_check
    CHECK (topic IN ('asked', 'outcome', 'schedule', 'watching', 'trouble', 'conversation', 'mentioned'));
