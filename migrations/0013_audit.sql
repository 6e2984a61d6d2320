-- Reading the trail by object, by request and by the address of a sign-in, at any size.

-- A part of what a fact says, by its path; null where its bytes are not the JSON they should be: a fact that was tampered with stays
-- readable, and the verification names it.
CREATE FUNCTION drydock.fact_says(bytes bytea, VARIADIC path text[]) RETURNS text LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog, pg_temp AS $$
BEGIN
    RETURN convert_from(bytes, 'UTF8')::jsonb #>> path;
EXCEPTION WHEN OTHERS THEN
    RETURN NULL;
END $$;
COMMENT ON FUNCTION drydock.fact_says(bytea, text[]) IS 'A part of what a fact says, by its path.';

CREATE INDEX fact_object ON drydock.fact (object_id, id DESC);
COMMENT ON INDEX drydock.fact_object IS 'Facts of one object, newest first; also asked before some facts are written again.';
CREATE INDEX fact_request ON drydock.fact (drydock.fact_says(bytes, 'request'), id DESC);
COMMENT ON INDEX drydock.fact_request IS 'Facts of one request or process step.';
CREATE INDEX fact_address ON drydock.fact (drydock.fact_says(bytes, 'payload', 'address'), id DESC) WHERE action IN ('session.start', 'session.confirm');
COMMENT ON INDEX drydock.fact_address IS 'Sign-ins from one address: the only facts that hold one.';
