-- Operations on orders. `next_at` is when one may be taken: its time while it is queued, the end of the lease while it is
-- leased. `key` is what the marketplace knows it by.
CREATE TABLE operation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    channel TEXT NOT NULL,
    order_id TEXT NOT NULL,
    body TEXT NOT NULL,
    actor TEXT NOT NULL,
    rule TEXT,
    why TEXT,
    state TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'done', 'failed')),
    node TEXT,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    result TEXT,
    detail TEXT,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX operation_next ON operation (next_at) WHERE state IN ('queued', 'leased');
CREATE INDEX operation_conversation ON operation (conversation);

-- What is kept aside may be an operation as well: a CHECK is changed by a new table.
CREATE TABLE parked_with_operations (
    id INTEGER PRIMARY KEY,
    what TEXT NOT NULL CHECK (what IN ('arrival', 'happening', 'outgoing', 'operation')),
    ref INTEGER NOT NULL,
    channel TEXT,
    plugin TEXT NOT NULL,
    version TEXT NOT NULL,
    generation INTEGER NOT NULL,
    blame TEXT NOT NULL,
    why TEXT NOT NULL,
    at INTEGER NOT NULL,
    tries INTEGER NOT NULL,
    replayed INTEGER,
    replayed_by TEXT,
    conversation INTEGER,
    UNIQUE (what, ref, plugin)
) STRICT;
INSERT INTO parked_with_operations SELECT id, what, ref, channel, plugin, version, generation, blame, why, at, tries,
    replayed, replayed_by, conversation FROM parked;
DROP TABLE parked;
ALTER TABLE parked_with_operations RENAME TO parked;
CREATE INDEX parked_open ON parked (id) WHERE replayed IS NULL;
CREATE INDEX parked_arrival ON parked (channel, ref, generation, blame) WHERE replayed IS NULL AND what = 'arrival';
CREATE INDEX parked_happening ON parked (plugin, ref, generation, blame) WHERE replayed IS NULL AND what = 'happening';
