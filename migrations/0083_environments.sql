-- What lists say beside the name of one database: the environments of all databases of a window, or somebody takes one with production for one of staging.
CREATE FUNCTION drydock.environments(of_window uuid, of_revision integer) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT coalesce(string_agg(e.environment, ', ' ORDER BY array_position(ARRAY['production', 'staging', 'test', 'development'], e.environment)), '')
    FROM (SELECT DISTINCT t.environment FROM drydock.window_target o JOIN drydock.target t ON t.id = o.target_id
          WHERE o.window_id = of_window AND o.revision = of_revision) e
$$;
COMMENT ON FUNCTION drydock.environments IS 'Words of the environments of a window''s databases, each once, production first.';
