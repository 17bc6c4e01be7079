-- References of provider charges, each claimed once for ever in the transaction that appends the record which it comes
-- in: as ids of cost events are (docs/decisions/0015-cost-claims.md), and apart from them, since a provider's reference
-- is only the provider's own.
--
-- It holds nothing that the log does not: `record` names the stream whose event has the charge, `digest` is the first
-- half of the SHA-256 of what it says.

CREATE TABLE ledger.charge_claims (
    mode      text COLLATE "C" NOT NULL,
    provider  text COLLATE "C" NOT NULL,
    reference text COLLATE "C" NOT NULL,
    digest    uuid NOT NULL,
    record    text COLLATE "C" NOT NULL,
    PRIMARY KEY (mode, provider, reference)
);
CREATE TRIGGER charge_claims_are_immutable BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger.charge_claims
    FOR EACH STATEMENT EXECUTE FUNCTION ledger.refuse_change();

GRANT SELECT, INSERT ON ledger.charge_claims TO recount_writer;
GRANT SELECT ON ledger.charge_claims TO recount_projector, recount_reader;
