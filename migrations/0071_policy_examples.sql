-- Examples kept with the policies: an imagined window, and who had to approve it then. A change of policy has to keep them true.

CREATE TABLE drydock.policy_case (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    target_id uuid NOT NULL REFERENCES drydock.target (id),
    procedure text NOT NULL CHECK (length(procedure) BETWEEN 1 AND 100),
    risk text NOT NULL CHECK (risk IN ('R0', 'R1', 'R2', 'R3', 'R4')),
    most_mib bigint NOT NULL CHECK (most_mib >= 0),
    proposer_id uuid NOT NULL REFERENCES drydock.person (id),
    absent uuid[] NOT NULL,
    policy_id uuid NOT NULL REFERENCES drydock.policy (id),
    people integer NOT NULL CHECK (people >= 0),
    reachable boolean NOT NULL,
    kept_by uuid NOT NULL REFERENCES drydock.person (id),
    kept_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT policy_case_name_once UNIQUE (name)
);
COMMENT ON TABLE drydock.policy_case IS 'An imagined window, and what the policies have to answer about it.';
COMMENT ON COLUMN drydock.policy_case.id IS 'Identity.';
COMMENT ON COLUMN drydock.policy_case.name IS 'As people call it.';
COMMENT ON COLUMN drydock.policy_case.target_id IS 'On which database.';
COMMENT ON COLUMN drydock.policy_case.procedure IS 'Key of the procedure.';
COMMENT ON COLUMN drydock.policy_case.risk IS 'The worst class of its plan.';
COMMENT ON COLUMN drydock.policy_case.most_mib IS 'Most data its plan may touch, in MiB.';
COMMENT ON COLUMN drydock.policy_case.proposer_id IS 'Who proposes it.';
COMMENT ON COLUMN drydock.policy_case.absent IS 'Who is not there to vote.';
COMMENT ON COLUMN drydock.policy_case.policy_id IS 'Expected: the policy that rules.';
COMMENT ON COLUMN drydock.policy_case.people IS 'Expected: how many different people have to approve; 0 where it is approved beforehand.';
COMMENT ON COLUMN drydock.policy_case.reachable IS 'Expected: whether it can be approved.';
COMMENT ON COLUMN drydock.policy_case.kept_by IS 'Who kept it.';
COMMENT ON COLUMN drydock.policy_case.kept_at IS 'When.';
