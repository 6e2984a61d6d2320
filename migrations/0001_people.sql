-- People, teams and sessions: who may act, and how they were known.
-- Forward only; an applied file never changes. Grants are in grants.sql, applied anew by every `drydock migrate`.

CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;

CREATE TABLE drydock.installation (
    singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),
    id uuid NOT NULL,
    demo boolean NOT NULL DEFAULT false,
    name text NOT NULL DEFAULT 'Drydock' CHECK (length(name) BETWEEN 1 AND 80),
    public_url text NOT NULL CHECK (public_url ~ '^https?://[^/]+$'),
    zone text NOT NULL DEFAULT 'Etc/UTC',
    created_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE drydock.installation IS 'One row: what this installation is.';
COMMENT ON COLUMN drydock.installation.singleton IS 'Keeps the table at one row.';
COMMENT ON COLUMN drydock.installation.id IS 'Identity of the installation, part of sealed secrets and of the trail''s first fact.';
COMMENT ON COLUMN drydock.installation.demo IS 'True for a demo: serve and worker refuse it.';
COMMENT ON COLUMN drydock.installation.name IS 'Shown in the page title and in mails.';
COMMENT ON COLUMN drydock.installation.public_url IS 'Base of every link in a mail; never taken from a request.';
COMMENT ON COLUMN drydock.installation.zone IS 'IANA zone used where a person has none.';
COMMENT ON COLUMN drydock.installation.created_at IS 'When the installation was made.';

CREATE TABLE drydock.person (
    id uuid PRIMARY KEY,
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 120),
    email text NOT NULL CHECK (email = lower(email) AND length(email) BETWEEN 3 AND 254),
    zone text NOT NULL DEFAULT 'Etc/UTC',
    shared_address boolean NOT NULL DEFAULT false,
    active boolean NOT NULL DEFAULT true,
    may_vote_from timestamptz NOT NULL DEFAULT '-infinity',
    changed_by uuid REFERENCES drydock.person (id),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT person_email_once UNIQUE (email)
);
COMMENT ON TABLE drydock.person IS 'A human being who is told, votes or acts; may have no account.';
COMMENT ON COLUMN drydock.person.id IS 'Identity; the trail names people by it, never by name or address.';
COMMENT ON COLUMN drydock.person.name IS 'As people call them.';
COMMENT ON COLUMN drydock.person.email IS 'Lower case; where mail goes and what signs in.';
COMMENT ON COLUMN drydock.person.zone IS 'IANA zone in which times are shown to them.';
COMMENT ON COLUMN drydock.person.shared_address IS 'A mailbox read by several people: may be told, cannot vote.';
COMMENT ON COLUMN drydock.person.active IS 'False after deactivation: every right ends at once.';
COMMENT ON COLUMN drydock.person.may_vote_from IS '24 h after a change of address or role; before it no vote counts.';
COMMENT ON COLUMN drydock.person.changed_by IS 'Who last changed address or role: this person does not vote on that one''''s windows until then.';
COMMENT ON COLUMN drydock.person.created_at IS 'When first recorded.';

CREATE TABLE drydock.account (
    person_id uuid PRIMARY KEY REFERENCES drydock.person (id),
    password_hash text NOT NULL CHECK (password_hash LIKE '$argon2id$%'),
    failures integer NOT NULL DEFAULT 0 CHECK (failures >= 0),
    blocked_until timestamptz NOT NULL DEFAULT '-infinity',
    password_changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    theme text NOT NULL DEFAULT 'system' CHECK (theme IN ('system', 'light', 'dark'))
);
COMMENT ON TABLE drydock.account IS 'The sign-in of a person.';
COMMENT ON COLUMN drydock.account.person_id IS 'Whose.';
COMMENT ON COLUMN drydock.account.password_hash IS 'PHC string, argon2id.';
COMMENT ON COLUMN drydock.account.failures IS 'Failed sign-ins since the last good one.';
COMMENT ON COLUMN drydock.account.blocked_until IS 'Sign-in is refused before it, after repeated failures.';
COMMENT ON COLUMN drydock.account.password_changed_at IS 'When the password was last set.';
COMMENT ON COLUMN drydock.account.theme IS 'Preferred colours.';

CREATE TABLE drydock.global_role (
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    role text NOT NULL CHECK (role IN ('admin', 'auditor')),
    granted_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (person_id, role)
);
COMMENT ON TABLE drydock.global_role IS 'Rights that are not bound to a team.';
COMMENT ON COLUMN drydock.global_role.person_id IS 'Who holds it.';
COMMENT ON COLUMN drydock.global_role.role IS 'admin: people, teams, policies, settings. auditor: sees everything, changes nothing.';
COMMENT ON COLUMN drydock.global_role.granted_at IS 'Since when.';

CREATE TABLE drydock.team (
    id uuid PRIMARY KEY,
    short_name text NOT NULL CHECK (short_name ~ '^[a-z][a-z0-9-]{1,30}$'),
    name text NOT NULL CHECK (length(name) BETWEEN 1 AND 80),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT team_short_name_once UNIQUE (short_name)
);
COMMENT ON TABLE drydock.team IS 'A group that owns databases.';
COMMENT ON COLUMN drydock.team.id IS 'Identity.';
COMMENT ON COLUMN drydock.team.short_name IS 'Lower-case handle, used in addresses and filters.';
COMMENT ON COLUMN drydock.team.name IS 'As people call it.';
COMMENT ON COLUMN drydock.team.created_at IS 'When made.';

CREATE TABLE drydock.membership (
    team_id uuid NOT NULL REFERENCES drydock.team (id),
    person_id uuid NOT NULL REFERENCES drydock.person (id),
    role text NOT NULL CHECK (role IN ('lead', 'engineer', 'stakeholder')),
    deputy boolean NOT NULL DEFAULT false,
    since timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (team_id, person_id)
);
COMMENT ON TABLE drydock.membership IS 'A person in a team, with a role there.';
COMMENT ON COLUMN drydock.membership.team_id IS 'The team.';
COMMENT ON COLUMN drydock.membership.person_id IS 'The member.';
COMMENT ON COLUMN drydock.membership.role IS 'What the member may do there.';
COMMENT ON COLUMN drydock.membership.deputy IS 'Stands in for the lead: belongs to the group "leads and deputies".';
COMMENT ON COLUMN drydock.membership.since IS 'Since when.';
CREATE INDEX membership_person ON drydock.membership (person_id);

CREATE TABLE drydock.session (
    key bytea PRIMARY KEY CHECK (length(key) = 32),
    data jsonb NOT NULL,
    person_id uuid REFERENCES drydock.person (id),
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    last_seen_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamptz NOT NULL,
    absolute_end_at timestamptz NOT NULL,
    elevated_until timestamptz NOT NULL DEFAULT '-infinity',
    address text NOT NULL DEFAULT '',
    agent text NOT NULL DEFAULT '' CHECK (length(agent) <= 300),
    version bigint NOT NULL DEFAULT 1
);
COMMENT ON TABLE drydock.session IS 'A browser session; the key in the cookie is never stored.';
COMMENT ON COLUMN drydock.session.key IS 'SHA-256 of the session id.';
COMMENT ON COLUMN drydock.session.data IS 'Flash messages and typed form text only; never identity.';
COMMENT ON COLUMN drydock.session.person_id IS 'Who signed in; null before.';
COMMENT ON COLUMN drydock.session.created_at IS 'When the browser got it.';
COMMENT ON COLUMN drydock.session.last_seen_at IS 'Last request by the person; moves the idle end.';
COMMENT ON COLUMN drydock.session.expires_at IS 'Idle end.';
COMMENT ON COLUMN drydock.session.absolute_end_at IS 'Twelve hours after sign-in, whatever happens.';
COMMENT ON COLUMN drydock.session.elevated_until IS 'Password typed again lately: control votes and credentials allowed until then.';
COMMENT ON COLUMN drydock.session.address IS 'Client address at sign-in, for the sessions page.';
COMMENT ON COLUMN drydock.session.agent IS 'Browser at sign-in, for the sessions page.';
COMMENT ON COLUMN drydock.session.version IS 'Counts saves.';
CREATE INDEX session_person ON drydock.session (person_id);
CREATE INDEX session_expiry ON drydock.session (expires_at);

CREATE TABLE drydock.submission (
    key bytea PRIMARY KEY CHECK (length(key) = 32),
    session_key bytea NOT NULL REFERENCES drydock.session (key) ON DELETE CASCADE,
    answer jsonb,
    claimed_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON TABLE drydock.submission IS 'A form that was sent: an equal second one is answered like the first and does nothing.';
COMMENT ON COLUMN drydock.submission.key IS 'SHA-256 over session, the form''s own token, path and body.';
COMMENT ON COLUMN drydock.submission.session_key IS 'Session it came from; forgotten with it.';
COMMENT ON COLUMN drydock.submission.answer IS 'Where the first one was sent on to, with what message; null while it is worked on.';
COMMENT ON COLUMN drydock.submission.claimed_at IS 'When the first one came.';
CREATE INDEX submission_session ON drydock.submission (session_key);

CREATE TABLE drydock.setting (
    key text PRIMARY KEY CHECK (key ~ '^[a-z][a-z0-9_.]{1,60}$'),
    value jsonb NOT NULL,
    changed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    changed_by uuid REFERENCES drydock.person (id)
);
COMMENT ON TABLE drydock.setting IS 'What people change at run time.';
COMMENT ON COLUMN drydock.setting.key IS 'Dotted name, such as smtp.host.';
COMMENT ON COLUMN drydock.setting.value IS 'The value; secrets are never here.';
COMMENT ON COLUMN drydock.setting.changed_at IS 'When last changed.';
COMMENT ON COLUMN drydock.setting.changed_by IS 'By whom; null for the first run.';
