-- How far each reaction has come. Beside the log, not among the read models: a rebuild must not lose it, or what has
-- been reacted to would be looked at again.
--
-- A reaction to events has one row, of no mode, and a position. One that watches a derivation has a row a mode, while
-- it runs there: `held` is where the log stood when its differences were found to be many, until somebody releases
-- them; `releasing` says that they were, and whether anything follows (`tell`) or not (`silent`). What was closed before
-- `position` is no part of a flood.

CREATE TABLE ledger.reactions (
    name      text COLLATE "C" NOT NULL,
    mode      text COLLATE "C" NOT NULL DEFAULT '',
    position  bigint NOT NULL,
    held      bigint,
    releasing text CHECK (releasing IN ('tell', 'silent')),
    fault     text,
    moved_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (name, mode)
) WITH (fillfactor = 50);

GRANT SELECT, INSERT, UPDATE, DELETE ON ledger.reactions TO recount_writer;
GRANT SELECT ON ledger.reactions TO recount_projector, recount_reader;
