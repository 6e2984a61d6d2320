-- Which databases belong together although nothing they say of themselves shows it: a replica by logical replication, another server on the same
-- machine. People who may edit a database say so; whoever plans a window is told of windows on the other one.

CREATE TABLE drydock.target_link (
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    other_id uuid NOT NULL REFERENCES drydock.target (id),
    kind text NOT NULL CHECK (kind IN ('replica', 'machine')),
    added_by uuid NOT NULL REFERENCES drydock.person (id),
    added_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (target_id, other_id),
    CONSTRAINT target_link_not_itself CHECK (target_id <> other_id)
);
COMMENT ON TABLE drydock.target_link IS 'Two databases that share something: windows on one of them are named to whoever plans on the other.';
COMMENT ON COLUMN drydock.target_link.target_id IS 'The one on whose page it was said; of a replica, the replica.';
COMMENT ON COLUMN drydock.target_link.other_id IS 'The other one; of a replica, what it replicates from.';
COMMENT ON COLUMN drydock.target_link.kind IS 'What they share: the data, or the machine.';
COMMENT ON COLUMN drydock.target_link.added_by IS 'Who said so.';
COMMENT ON COLUMN drydock.target_link.added_at IS 'When.';
-- Said from either side it is the same link.
CREATE UNIQUE INDEX target_link_once ON drydock.target_link (least(target_id, other_id), greatest(target_id, other_id));
CREATE INDEX target_link_other ON drydock.target_link (other_id);
