-- When each API key was last used, and by which process it was answered. This is no event: it is worth nothing once it
-- is old, and would bury the log. So it stands beside it, written by a role that may do this alone.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'recount_key_uses') THEN
        BEGIN
            CREATE ROLE recount_key_uses NOLOGIN;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END IF;
    IF NOT pg_has_role(current_user, 'recount_key_uses', 'MEMBER') THEN
        GRANT recount_key_uses TO CURRENT_USER;
    END IF;
END $$;

CREATE TABLE ledger.key_uses (
    key_id  text COLLATE "C" PRIMARY KEY,
    used_at timestamptz NOT NULL,
    process text NOT NULL
);
GRANT USAGE ON SCHEMA ledger TO recount_key_uses;
GRANT SELECT, INSERT, UPDATE ON ledger.key_uses TO recount_key_uses;
GRANT SELECT ON ledger.key_uses TO recount_reader;
