-- When the next request to Stripe may be sent: one row a mode, shared by all processes. Worth nothing after a crash.
CREATE UNLOGGED TABLE ledger.stripe_pace (
    mode    text COLLATE "C" PRIMARY KEY,
    free_at timestamptz NOT NULL
) WITH (fillfactor = 10);
INSERT INTO ledger.stripe_pace VALUES ('live', '-infinity'), ('test', '-infinity');

GRANT SELECT, INSERT, UPDATE ON ledger.stripe_pace TO recount_writer;
