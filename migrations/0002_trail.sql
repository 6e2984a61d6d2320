-- The trail: append-only facts, sealed in batches that form one signed chain.
-- Partitioned by month, because facts are never deleted and old months are read seldom.

CREATE SEQUENCE drydock.fact_id_seq AS bigint;

CREATE TABLE drydock.fact (
    id bigint NOT NULL DEFAULT nextval('drydock.fact_id_seq'),
    at timestamptz NOT NULL DEFAULT clock_timestamp(),
    system_identifier text NOT NULL,
    xid xid8 NOT NULL DEFAULT pg_current_xact_id(),
    actor_kind text NOT NULL CHECK (actor_kind IN ('person', 'link', 'worker', 'system', 'operator')),
    actor_id uuid,
    team_id uuid,
    window_id uuid,
    action text NOT NULL CHECK (action ~ '^[a-z_]+\.[a-z_]+$'),
    object_kind text NOT NULL,
    object_id text NOT NULL,
    result text NOT NULL CHECK (result IN ('done', 'refused')),
    bytes bytea NOT NULL CHECK (length(bytes) <= 1048576),
    leaf bytea NOT NULL,
    PRIMARY KEY (id, at),
    CONSTRAINT fact_leaf_matches CHECK (leaf = sha256('\x00'::bytea || bytes))
) PARTITION BY RANGE (at);
COMMENT ON TABLE drydock.fact IS 'One append-only audit record.';
COMMENT ON COLUMN drydock.fact.id IS 'Order of writing, with gaps where a transaction failed.';
COMMENT ON COLUMN drydock.fact.at IS 'When, by this database''s clock.';
COMMENT ON COLUMN drydock.fact.system_identifier IS 'Cluster that wrote it; a restored copy elsewhere has the same, a new cluster another.';
COMMENT ON COLUMN drydock.fact.xid IS 'Transaction that wrote it: the sealer waits for slower ones by it.';
COMMENT ON COLUMN drydock.fact.actor_kind IS 'How the actor was known.';
COMMENT ON COLUMN drydock.fact.actor_id IS 'Person behind it, where there is one.';
COMMENT ON COLUMN drydock.fact.team_id IS 'Team concerned, for filters.';
COMMENT ON COLUMN drydock.fact.window_id IS 'Window concerned, for filters.';
COMMENT ON COLUMN drydock.fact.action IS 'What happened: noun.verb.';
COMMENT ON COLUMN drydock.fact.object_kind IS 'Kind of thing it happened to.';
COMMENT ON COLUMN drydock.fact.object_id IS 'Which one.';
COMMENT ON COLUMN drydock.fact.result IS 'Whether it was done or refused.';
COMMENT ON COLUMN drydock.fact.bytes IS 'Canonical JSON of the whole fact: what is hashed.';
COMMENT ON COLUMN drydock.fact.leaf IS 'SHA-256(0x00 ‖ bytes), RFC 6962.';
CREATE TABLE drydock.fact_rest PARTITION OF drydock.fact DEFAULT;
CREATE INDEX fact_at ON drydock.fact (at DESC, id DESC);
CREATE INDEX fact_window ON drydock.fact (window_id, id DESC) WHERE window_id IS NOT NULL;
CREATE INDEX fact_actor ON drydock.fact (actor_id, id DESC) WHERE actor_id IS NOT NULL;
CREATE INDEX fact_action ON drydock.fact (action, id DESC);
CREATE INDEX fact_sealing ON drydock.fact (system_identifier, xid, id);

CREATE TABLE drydock.seal_batch (
    n bigint PRIMARY KEY CHECK (n >= 1),
    count integer NOT NULL CHECK (count BETWEEN 1 AND 512),
    first_fact_id bigint NOT NULL,
    last_fact_id bigint NOT NULL,
    root bytea NOT NULL CHECK (length(root) = 32),
    previous bytea NOT NULL CHECK (length(previous) = 32),
    hash bytea NOT NULL CHECK (length(hash) = 32),
    header bytea NOT NULL,
    signature bytea NOT NULL CHECK (length(signature) = 64),
    public_key bytea NOT NULL CHECK (length(public_key) = 32),
    system_identifier text NOT NULL,
    horizon xid8 NOT NULL,
    sealed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT seal_batch_hash_once UNIQUE (hash),
    CONSTRAINT seal_batch_previous_once UNIQUE (previous)
);
COMMENT ON TABLE drydock.seal_batch IS 'One signed link of the chain.';
COMMENT ON COLUMN drydock.seal_batch.n IS 'Position, without gaps.';
COMMENT ON COLUMN drydock.seal_batch.count IS 'Facts in the batch.';
COMMENT ON COLUMN drydock.seal_batch.first_fact_id IS 'Smallest fact id in it.';
COMMENT ON COLUMN drydock.seal_batch.last_fact_id IS 'Largest fact id in it.';
COMMENT ON COLUMN drydock.seal_batch.root IS 'RFC 6962 root over the leaves, in order of position.';
COMMENT ON COLUMN drydock.seal_batch.previous IS 'Hash of the batch before; zeros for the first.';
COMMENT ON COLUMN drydock.seal_batch.hash IS 'SHA-256 of the canonical batch header: the head, once newest.';
COMMENT ON COLUMN drydock.seal_batch.header IS 'Canonical JSON that hash and signature are taken of.';
COMMENT ON COLUMN drydock.seal_batch.signature IS 'Ed25519 over the hash, by a key outside the database.';
COMMENT ON COLUMN drydock.seal_batch.public_key IS 'Key that signed.';
COMMENT ON COLUMN drydock.seal_batch.system_identifier IS 'Cluster in which it was sealed.';
COMMENT ON COLUMN drydock.seal_batch.horizon IS 'Every fact of this cluster whose transaction is below it is in this batch or an earlier one; 0 while facts of an earlier cluster are sealed.';
COMMENT ON COLUMN drydock.seal_batch.sealed_at IS 'When.';

CREATE TABLE drydock.seal_member (
    fact_id bigint NOT NULL,
    fact_at timestamptz NOT NULL,
    batch bigint NOT NULL REFERENCES drydock.seal_batch (n),
    position integer NOT NULL CHECK (position >= 0),
    leaf bytea NOT NULL CHECK (length(leaf) = 32),
    PRIMARY KEY (batch, position),
    CONSTRAINT seal_member_once UNIQUE (fact_id),
    FOREIGN KEY (fact_id, fact_at) REFERENCES drydock.fact (id, at)
);
COMMENT ON TABLE drydock.seal_member IS 'Which fact stands where in which batch.';
COMMENT ON COLUMN drydock.seal_member.fact_id IS 'The fact.';
COMMENT ON COLUMN drydock.seal_member.fact_at IS 'Its time, part of its key.';
COMMENT ON COLUMN drydock.seal_member.batch IS 'The batch.';
COMMENT ON COLUMN drydock.seal_member.position IS 'Place of its leaf, from 0; rises with the fact''s id.';
COMMENT ON COLUMN drydock.seal_member.leaf IS 'Its leaf when it was sealed: tells which fact of a batch was changed later.';

CREATE FUNCTION drydock.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'rows of % are never changed or removed', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END $$;
CREATE TRIGGER fact_append_only BEFORE UPDATE OR DELETE ON drydock.fact FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.fact ENABLE ALWAYS TRIGGER fact_append_only;
CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON drydock.fact FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.fact ENABLE ALWAYS TRIGGER fact_no_truncate;
-- Statement triggers are not inherited by partitions, which can be truncated by name.
CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON drydock.fact_rest FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.fact_rest ENABLE ALWAYS TRIGGER fact_no_truncate;
CREATE TRIGGER seal_batch_append_only BEFORE UPDATE OR DELETE ON drydock.seal_batch FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.seal_batch ENABLE ALWAYS TRIGGER seal_batch_append_only;
CREATE TRIGGER seal_batch_no_truncate BEFORE TRUNCATE ON drydock.seal_batch FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.seal_batch ENABLE ALWAYS TRIGGER seal_batch_no_truncate;
CREATE TRIGGER seal_member_append_only BEFORE UPDATE OR DELETE ON drydock.seal_member FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.seal_member ENABLE ALWAYS TRIGGER seal_member_append_only;
CREATE TRIGGER seal_member_no_truncate BEFORE TRUNCATE ON drydock.seal_member FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.seal_member ENABLE ALWAYS TRIGGER seal_member_no_truncate;

CREATE FUNCTION drydock.seal_batch_follows() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE newest drydock.seal_batch%ROWTYPE;
BEGIN
    SELECT * INTO newest FROM drydock.seal_batch b ORDER BY b.n DESC LIMIT 1;
    IF NEW.n <> coalesce(newest.n, 0) + 1 OR NEW.previous <> coalesce(newest.hash, decode(repeat('00', 32), 'hex')) THEN
        RAISE EXCEPTION 'batch % does not follow batch %', NEW.n, coalesce(newest.n, 0) USING ERRCODE = 'restrict_violation', CONSTRAINT = 'seal_batch_follows';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER seal_batch_follows BEFORE INSERT ON drydock.seal_batch FOR EACH ROW EXECUTE FUNCTION drydock.seal_batch_follows();
ALTER TABLE drydock.seal_batch ENABLE ALWAYS TRIGGER seal_batch_follows;

-- A batch is whole when its transaction commits, and full from then on: every place below `count` is taken.
CREATE FUNCTION drydock.seal_batch_whole() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM drydock.seal_member m WHERE m.batch = NEW.n
        HAVING count(*) = NEW.count AND min(m.position) = 0 AND max(m.position) = NEW.count - 1
            AND min(m.fact_id) = NEW.first_fact_id AND max(m.fact_id) = NEW.last_fact_id) THEN
        RAISE EXCEPTION 'batch % does not hold the % facts it says', NEW.n, NEW.count USING ERRCODE = 'restrict_violation', CONSTRAINT = 'seal_batch_whole';
    END IF;
    RETURN NULL;
END $$;
CREATE CONSTRAINT TRIGGER seal_batch_whole AFTER INSERT ON drydock.seal_batch DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION drydock.seal_batch_whole();
ALTER TABLE drydock.seal_batch ENABLE ALWAYS TRIGGER seal_batch_whole;
CREATE FUNCTION drydock.seal_member_fits() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM drydock.seal_batch b WHERE b.n = NEW.batch AND NEW.position < b.count) THEN
        RAISE EXCEPTION 'batch % has no place %', NEW.batch, NEW.position USING ERRCODE = 'restrict_violation', CONSTRAINT = 'seal_member_fits';
    END IF;
    RETURN NEW;
END $$;
CREATE TRIGGER seal_member_fits BEFORE INSERT ON drydock.seal_member FOR EACH ROW EXECUTE FUNCTION drydock.seal_member_fits();
ALTER TABLE drydock.seal_member ENABLE ALWAYS TRIGGER seal_member_fits;

-- Adds the partition of one month; the services may call it, and it can do nothing else.
CREATE FUNCTION drydock.add_fact_month(month date) RETURNS void LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE first date := date_trunc('month', month)::date; name text := 'fact_' || to_char(date_trunc('month', month), 'YYYY_MM');
BEGIN
    IF to_regclass('drydock.' || quote_ident(name)) IS NULL THEN
        EXECUTE format('CREATE TABLE drydock.%I PARTITION OF drydock.fact FOR VALUES FROM (%L) TO (%L)', name, first || ' 00:00:00+00', (first + interval '1 month')::date || ' 00:00:00+00');
        EXECUTE format('CREATE TRIGGER fact_no_truncate BEFORE TRUNCATE ON drydock.%I FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change()', name);
        EXECUTE format('ALTER TABLE drydock.%I ENABLE ALWAYS TRIGGER fact_no_truncate', name);
    END IF;
END $$;

CREATE TABLE drydock.service_lease (
    job text PRIMARY KEY CHECK (job ~ '^[a-z_]+$'),
    owner text NOT NULL,
    epoch bigint NOT NULL DEFAULT 1,
    lease_until timestamptz NOT NULL
);
COMMENT ON TABLE drydock.service_lease IS 'Which process does a job that only one may do: the sealer, the scheduler.';
COMMENT ON COLUMN drydock.service_lease.job IS 'The job.';
COMMENT ON COLUMN drydock.service_lease.owner IS 'Process that holds it.';
COMMENT ON COLUMN drydock.service_lease.epoch IS 'Rises by one with every change of owner.';
COMMENT ON COLUMN drydock.service_lease.lease_until IS 'Ends by this database''s clock.';

CREATE TABLE drydock.service_state (
    job text NOT NULL CHECK (job ~ '^[a-z_]+$'),
    process text NOT NULL CHECK (length(process) BETWEEN 1 AND 200),
    state text NOT NULL CHECK (state ~ '^[a-z_]+$'),
    detail text NOT NULL DEFAULT '' CHECK (length(detail) <= 2000),
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (job, process)
);
COMMENT ON TABLE drydock.service_state IS 'What a worker process says about one of its jobs, for pages and for the gate.';
COMMENT ON COLUMN drydock.service_state.job IS 'The job: the sealer''s anchor file, for instance.';
COMMENT ON COLUMN drydock.service_state.process IS 'Process that says so.';
COMMENT ON COLUMN drydock.service_state.state IS 'ok, or the name of what is wrong.';
COMMENT ON COLUMN drydock.service_state.detail IS 'In words: what is wrong and who can mend it.';
COMMENT ON COLUMN drydock.service_state.since IS 'Since when it is in this state.';
COMMENT ON COLUMN drydock.service_state.seen_at IS 'When it last said so.';

CREATE TABLE drydock.clock_guard (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    highest_at timestamptz NOT NULL,
    system_identifier text NOT NULL,
    timeline integer NOT NULL,
    frozen_reason text
);
COMMENT ON TABLE drydock.clock_guard IS 'One row: the highest time seen, to notice a clock that goes back or a restored copy.';
COMMENT ON COLUMN drydock.clock_guard.singleton IS 'Keeps the table at one row.';
COMMENT ON COLUMN drydock.clock_guard.highest_at IS 'Highest clock_timestamp() any worker saw.';
COMMENT ON COLUMN drydock.clock_guard.system_identifier IS 'Cluster identity seen with it.';
COMMENT ON COLUMN drydock.clock_guard.timeline IS 'Timeline seen with it.';
COMMENT ON COLUMN drydock.clock_guard.frozen_reason IS 'Why starts are frozen until acknowledged; null when they are not.';
