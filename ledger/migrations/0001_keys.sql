-- The key store: one key a subject, wrapped by the master key, and the blind index for look-up by e-mail.
-- It may live in a database of its own (RECOUNT_KEYS_DATABASE_URL), with backups that are kept for days only.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recount_keys') THEN
        BEGIN
            CREATE ROLE recount_keys NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'recount_keys', 'MEMBER') THEN
        GRANT recount_keys TO CURRENT_USER;
    END IF;
END $$;

CREATE TABLE subject_keys.keys (
    subject      text COLLATE "C" PRIMARY KEY,
    wrapped_key  bytea,               -- NULL once destroyed: a tombstone, so that no new key is made
    created_at   timestamptz NOT NULL DEFAULT now(),
    destroyed_at timestamptz,
    CHECK ((wrapped_key IS NULL) = (destroyed_at IS NOT NULL))
);
CREATE TABLE subject_keys.blind_index (
    digest  bytea NOT NULL,
    subject text COLLATE "C" NOT NULL,
    PRIMARY KEY (digest, subject)
);
CREATE INDEX blind_index_subject_idx ON subject_keys.blind_index (subject);

GRANT USAGE ON SCHEMA subject_keys TO recount_keys;
GRANT SELECT, INSERT, UPDATE ON subject_keys.keys TO recount_keys;
GRANT SELECT, INSERT, DELETE ON subject_keys.blind_index TO recount_keys;
GRANT SELECT ON subject_keys.migrations TO recount_keys;
