-- The log: one table, appended to under one lock, never changed.
--
-- The first five columns are those of the eventsourcing library's PostgreSQL application recorder.
-- Roles are NOLOGIN and assumed with SET ROLE, so that one DATABASE_URL is enough.

DO $$
DECLARE r text;
BEGIN
    FOREACH r IN ARRAY ARRAY['recount_writer', 'recount_projector', 'recount_reader', 'recount_keys'] LOOP
        -- roles belong to the whole cluster: another database of it, or its administrator, may have made them
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = r) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', r);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;
            END;
        END IF;
        IF NOT pg_has_role(current_user, r, 'MEMBER') THEN
            EXECUTE format('GRANT %I TO CURRENT_USER', r);
        END IF;
    END LOOP;
END $$;

CREATE TABLE ledger.events (
    originator_id      text COLLATE "C" NOT NULL,
    originator_version bigint NOT NULL,
    topic              text COLLATE "C" NOT NULL,
    state              bytea NOT NULL,
    notification_id    bigserial NOT NULL,
    metadata           bytea NOT NULL,
    recorded_at        timestamptz NOT NULL,
    PRIMARY KEY (originator_id, originator_version),
    CHECK (originator_version >= 1)
);
-- The client compresses (ledger/codec.py); the server's pglz would only cost time. Rows stay in the page as long as
-- they fit: going out of line costs a second table's insert and look-up.
ALTER TABLE ledger.events SET (toast_tuple_target = 8160);
ALTER TABLE ledger.events ALTER COLUMN state SET STORAGE EXTERNAL;
ALTER TABLE ledger.events ALTER COLUMN metadata SET STORAGE EXTERNAL;
CREATE UNIQUE INDEX events_notification_id_idx ON ledger.events (notification_id);
-- Operators' events are few; folding "as of" reads them without walking Stripe's.
CREATE INDEX events_own_idx ON ledger.events (topic, notification_id) WHERE topic NOT LIKE 'stripe.%';

CREATE FUNCTION ledger.refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'the log is append-only: % refused', TG_OP USING ERRCODE = 'insufficient_privilege';
END $$;
CREATE TRIGGER events_are_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.events
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Append units: each all or nothing, all in one round trip.
--
-- The lock is taken in a statement of its own. Each later statement of a VOLATILE function has a new snapshot in
-- READ COMMITTED, so the checks see whatever the previous holder committed. The lock is released after the commit
-- became visible: commit order is position order.
--
-- A unit loses when one of its (stream, version) is taken, or would leave a gap in its stream; it is then dropped
-- whole. No two units of one call may write to the same stream (the caller sees to that).
-- Returns a row per event that was inserted.
--
-- The planner settings keep the checks on the primary key whatever the statistics say.
CREATE FUNCTION ledger.append_units(
    units int[], streams text[], versions bigint[], topics text[], states bytea[], metadatas bytea[]
) RETURNS TABLE (stream text, version bigint, pos bigint)
LANGUAGE plpgsql VOLATILE SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    losers int[];
    stamp timestamptz;
BEGIN
    PERFORM pg_advisory_xact_lock(x'5EC00002'::int);

    SELECT array_agg(n.u) INTO losers
    FROM unnest(units, streams, versions) AS n (u, s, v)
    JOIN ledger.events e ON e.originator_id = n.s AND e.originator_version = n.v;

    IF (SELECT max(v) > 1 FROM unnest(versions) AS v) THEN
        SELECT losers || array_agg(n.u) INTO losers
        FROM unnest(units, streams, versions) AS n (u, s, v)
        WHERE n.v > 1
          AND NOT EXISTS (SELECT FROM ledger.events e
                          WHERE e.originator_id = n.s AND e.originator_version = n.v - 1)
          AND NOT EXISTS (SELECT FROM unnest(units, streams, versions) AS m (u, s, v)
                          WHERE m.u = n.u AND m.s = n.s AND m.v = n.v - 1);
    END IF;

    SELECT greatest(clock_timestamp(),
                    (SELECT e.recorded_at FROM ledger.events e ORDER BY e.notification_id DESC LIMIT 1))
    INTO stamp;

    RETURN QUERY
    INSERT INTO ledger.events AS e (originator_id, originator_version, topic, state, metadata, recorded_at)
    SELECT n.s, n.v, n.t, n.st, n.md, stamp
    FROM unnest(units, streams, versions, topics, states, metadatas) WITH ORDINALITY AS n (u, s, v, t, st, md, ord)
    WHERE losers IS NULL OR n.u <> ALL (losers)
    ORDER BY n.ord
    RETURNING e.originator_id, e.originator_version, e.notification_id;

    IF FOUND THEN
        PERFORM pg_notify('recount_log', '');
    END IF;
END $$;

REVOKE ALL ON FUNCTION ledger.append_units FROM PUBLIC;
GRANT USAGE ON SCHEMA ledger TO recount_writer, recount_projector, recount_reader;
GRANT SELECT, INSERT ON ledger.events TO recount_writer;
GRANT USAGE ON SEQUENCE ledger.events_notification_id_seq TO recount_writer;
GRANT EXECUTE ON FUNCTION ledger.append_units TO recount_writer;
GRANT SELECT ON ledger.events TO recount_projector, recount_reader;
GRANT SELECT ON ledger.migrations TO recount_writer, recount_projector, recount_reader;

-- Read models: a schema of their own, owned by the projector; readers may only SELECT.
CREATE SCHEMA read_models AUTHORIZATION recount_projector;
GRANT USAGE ON SCHEMA read_models TO recount_reader, recount_writer;
DO $$ BEGIN
    EXECUTE format('GRANT CREATE, TEMPORARY ON DATABASE %I TO recount_projector', current_database());
END $$;
