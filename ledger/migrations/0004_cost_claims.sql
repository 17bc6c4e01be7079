-- Ids of cost events, each claimed once for ever in the transaction that appends the batch which it comes in
-- (docs/decisions/0015-cost-claims.md). A batch is one event; its ids are rows here, so that none counts twice.
--
-- It holds nothing that the log does not: `batch` names the stream whose event has the record, `digest` is the first
-- half of the SHA-256 of what it says.

CREATE TABLE ledger.cost_claims (
    mode   text COLLATE "C" NOT NULL,
    id     text COLLATE "C" NOT NULL,
    digest uuid NOT NULL,
    batch  text COLLATE "C" NOT NULL,
    PRIMARY KEY (mode, id)
);
CREATE TRIGGER cost_claims_are_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.cost_claims
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

-- Claim ids and append the batch, or neither. Claims come before the append lock is taken: whoever claims the same id
-- at once waits here, in one order, and keeps nobody else from appending.
CREATE FUNCTION ledger.append_costs(
    its_mode text, ids text[], digests uuid[], its_stream text, topic text, state bytea, metadata bytea
) RETURNS bigint
LANGUAGE plpgsql VOLATILE AS $$
DECLARE
    claimed bigint;
    pos bigint;
BEGIN
    INSERT INTO ledger.cost_claims (mode, id, digest, batch)
    SELECT its_mode, n.i, n.d, its_stream FROM unnest(ids, digests) AS n (i, d) ORDER BY n.i COLLATE "C"
    ON CONFLICT DO NOTHING;
    GET DIAGNOSTICS claimed = ROW_COUNT;
    IF claimed < cardinality(ids) THEN
        RAISE EXCEPTION 'some of these ids are claimed' USING ERRCODE = 'unique_violation';
    END IF;
    SELECT a.pos INTO pos FROM ledger.append_units(
        ARRAY[0], ARRAY[its_stream], ARRAY[1::bigint], ARRAY[topic], ARRAY[state], ARRAY[metadata]) AS a;
    IF pos IS NULL THEN
        RAISE EXCEPTION 'this batch is in the log' USING ERRCODE = 'unique_violation';
    END IF;
    RETURN pos;
END $$;

REVOKE ALL ON FUNCTION ledger.append_costs FROM PUBLIC;
GRANT EXECUTE ON FUNCTION ledger.append_costs TO recount_writer;
GRANT SELECT, INSERT ON ledger.cost_claims TO recount_writer;
GRANT SELECT ON ledger.cost_claims TO recount_projector, recount_reader;
