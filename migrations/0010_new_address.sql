-- A new address: confirmed by whoever reads it, and told to the old one.

ALTER TABLE drydock.outbox ADD COLUMN address text CHECK (address = lower(address) AND length(address) BETWEEN 3 AND 254);
COMMENT ON COLUMN drydock.outbox.address IS 'Where it goes instead of the person''s address of that moment: the one they had before, or the one they want to have.';

ALTER TABLE drydock.link DROP CONSTRAINT link_purpose_check;
ALTER TABLE drydock.link ADD CONSTRAINT link_purpose_check CHECK (purpose IN ('approve', 'object', 'invite', 'reset', 'address'));

CREATE TABLE drydock.new_address (
    link_id uuid PRIMARY KEY REFERENCES drydock.link (id),
    address text NOT NULL CHECK (address = lower(address) AND length(address) BETWEEN 3 AND 254)
);
COMMENT ON TABLE drydock.new_address IS 'The address a person becomes reachable at once the link mailed to it is used.';
COMMENT ON COLUMN drydock.new_address.link_id IS 'The link, of the purpose address.';
COMMENT ON COLUMN drydock.new_address.address IS 'Lower case.';
CREATE TRIGGER new_address_append_only BEFORE UPDATE OR DELETE ON drydock.new_address FOR EACH ROW EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.new_address ENABLE ALWAYS TRIGGER new_address_append_only;
CREATE TRIGGER new_address_no_truncate BEFORE TRUNCATE ON drydock.new_address FOR EACH STATEMENT EXECUTE FUNCTION drydock.refuse_change();
ALTER TABLE drydock.new_address ENABLE ALWAYS TRIGGER new_address_no_truncate;
