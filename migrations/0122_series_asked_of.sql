-- Whom the dates of a series ask, where an index finds it: the first page of everybody looks for it.

CREATE FUNCTION drydock.digest_asks(bytes bytea) RETURNS uuid[] LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(array_agg(DISTINCT p.id::uuid), '{}')
    FROM jsonb_array_elements(convert_from(bytes, 'UTF8')::jsonb -> 'dates') d, jsonb_each(d -> 'eligible') e, jsonb_array_elements_text(e.value) p (id)
$$;
COMMENT ON FUNCTION drydock.digest_asks IS 'Everybody who may vote on any date of a series digest, by its bytes.';
ALTER TABLE drydock.series_digest ADD COLUMN asked_of uuid[] NOT NULL GENERATED ALWAYS AS (drydock.digest_asks(bytes)) STORED;
COMMENT ON COLUMN drydock.series_digest.asked_of IS 'Everybody who may vote on any of its dates, as its bytes say.';
CREATE INDEX series_digest_asked_of ON drydock.series_digest USING gin (asked_of);
