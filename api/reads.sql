-- The fixed queries of the read API. Lists are composed in api/resources/lists.py.

-- name: api_key
-- A key by its digest. One that is parked may have been revoked: it does not count. By the database's clock, since
-- that said when it was issued.
SELECT key_id, mode, role, org, account, person FROM read_models.api_keys
WHERE digest = %s AND NOT revoked AND NOT stale AND (expires_s IS NULL OR expires_s > extract(epoch FROM now()))

-- name: entitlement
-- The hot read: the checkpoint, the oldest change that is not derived yet and concerns the answer, whether the
-- organization exists, and the feature's schedule; in one round trip, each by an index.
SELECT c.position, c.moved_at,
       least((SELECT min(d.position) FROM read_models.dirty d
              WHERE d.derivation IN ('organizations', 'entitlements') AND d.key = ARRAY[%s, %s]),
             (SELECT min(w.position) FROM
              (VALUES ('org_links', false), ('org_links', true), ('plan_placements', false), ('plan_placements', true),
                      ('plan_purchases', false), ('plan_purchases', true)) AS q (derivation, bulk),
              LATERAL (SELECT d.position FROM read_models.dirty d WHERE d.derivation = q.derivation AND d.bulk = q.bulk
                       ORDER BY d.position LIMIT 1) w),
             (SELECT min(s.position) FROM read_models.spreading s
              WHERE s.derivation IN ('organizations', 'entitlements', 'plan_placements'))),
       o.org IS NOT NULL, e.segments, e.sources,
       EXISTS (SELECT FROM read_models.parked p WHERE p.model = 'entitlements' AND p.key = ARRAY[%s, %s])
FROM read_models.checkpoints c
LEFT JOIN read_models.organizations o ON o.mode = %s AND o.org = %s
LEFT JOIN read_models.entitlements e ON e.mode = %s AND e.org = %s AND e.feature = %s
WHERE c.name = 'billing'

-- name: recorded_at
-- When the event at a position, or the newest before it, was recorded.
SELECT recorded_at FROM ledger.events WHERE notification_id <= %s ORDER BY notification_id DESC LIMIT 1

-- name: checkpoint
SELECT position, moved_at FROM read_models.checkpoints WHERE name = %s

-- name: models
-- Every read model, its group's checkpoint aside: version, shape, when it was built, how many keys wait or are parked.
SELECT m.name, m.version, m.shape, m.built_at,
       (SELECT count(*) FROM read_models.dirty d WHERE d.derivation = m.name AND d.key[1] = %s),
       (SELECT count(*) FROM read_models.spreading s WHERE s.derivation = m.name AND s.key[1] = %s)
FROM read_models.models m ORDER BY m.name

-- name: parked
-- Keys of a mode that were set aside. API keys have no mode in their key, so theirs is looked up.
SELECT p.model, p.key, p.position, p.error, p.parked_at FROM read_models.parked p
WHERE p.key[1] = %s
   OR (p.model = 'api_keys' AND EXISTS (SELECT FROM read_models.api_keys k WHERE k.key_id = p.key[1] AND k.mode = %s))
ORDER BY p.model, p.key LIMIT 1000

-- name: lag_of_all
-- How many events wait behind a checkpoint (at most a million are counted), since when, and how long ago it moved.
SELECT c.position, c.moved_at,
       (SELECT count(*) FROM (SELECT FROM ledger.events e WHERE e.notification_id > c.position LIMIT 1000000) AS w),
       (SELECT e.recorded_at FROM ledger.events e WHERE e.notification_id > c.position
        ORDER BY e.notification_id LIMIT 1), now()
FROM read_models.checkpoints c WHERE c.name = %s

-- name: lag_of_topics
-- The same for a group that reads Recount's own events alone.
SELECT c.position, c.moved_at,
       (SELECT count(*) FROM ledger.events e WHERE e.topic = ANY(%s) AND e.topic NOT LIKE 'stripe.%%'
        AND e.notification_id > c.position),
       (SELECT min(e.recorded_at) FROM ledger.events e WHERE e.topic = ANY(%s) AND e.topic NOT LIKE 'stripe.%%'
        AND e.notification_id > c.position), now()
FROM read_models.checkpoints c WHERE c.name = %s

-- name: leaders
-- Which of these named advisory locks somebody holds: a group's leader keeps its lock for as long as it lives.
SELECT name FROM unnest(%s::text[]) AS name
WHERE EXISTS (
    SELECT FROM pg_locks l, hashtextextended(current_database() || '/' || name, 0) AS wanted
    WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
      AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND (l.classid::bigint << 32) | l.objid::bigint = wanted)
