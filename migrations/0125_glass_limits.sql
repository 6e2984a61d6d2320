-- The limits of a break-glass that a table can know stand here as well: what cannot wait starts within a day, and a policy that counts votes with a
-- second factor is not broken without one. Which procedures may be broken for is a list of the program.

CREATE FUNCTION drydock.break_glass_limits() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    times drydock.revision;
    sealed jsonb;
BEGIN
    -- Asked, or confirmed: both happen while it cannot wait. What was confirmed or ended changes no more.
    IF TG_OP = 'UPDATE' AND NEW.confirmed_at IS NULL THEN
        RETURN NEW;
    END IF;
    SELECT r.* INTO times FROM drydock.plan p JOIN drydock.revision r ON r.window_id = p.window_id AND r.number = p.revision
    WHERE p.window_id = NEW.window_id AND p.digest = NEW.digest;
    IF times.start_at IS NULL OR times.start_at > clock_timestamp() + interval '24 hours' OR times.latest_start_at <= clock_timestamp() THEN
        RAISE EXCEPTION 'it is for what starts within a day' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_soon';
    END IF;
    SELECT convert_from(p.bytes, 'UTF8')::jsonb INTO sealed FROM drydock.plan p WHERE p.window_id = NEW.window_id AND p.digest = NEW.digest;
    IF NOT NEW.needs_factor AND jsonb_path_exists(sealed, '$.policy.rules.rules[*] ? (@.assurance == "account_factor")') THEN
        RAISE EXCEPTION 'the policy of this plan counts votes with a second factor only' USING ERRCODE = 'restrict_violation', CONSTRAINT = 'break_glass_needs_factor';
    END IF;
    RETURN NEW;
END $$;
COMMENT ON FUNCTION drydock.break_glass_limits IS 'What a break-glass is for: a plan that starts within a day and whose latest start has not passed, with a second factor where its policy says so.';
CREATE TRIGGER break_glass_limits BEFORE INSERT OR UPDATE ON drydock.break_glass FOR EACH ROW EXECUTE FUNCTION drydock.break_glass_limits();
ALTER TABLE drydock.break_glass ENABLE ALWAYS TRIGGER break_glass_limits;
