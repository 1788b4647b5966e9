-- An operation may wait for somebody's word: a CHECK is changed by a new table. `approver` is who may give it, none where
-- it needs none; `word_*` is who decided, why and when.
CREATE TABLE operation_with_approval (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    channel TEXT NOT NULL,
    order_id TEXT NOT NULL,
    body TEXT NOT NULL,
    actor TEXT NOT NULL,
    rule TEXT,
    why TEXT,
    state TEXT NOT NULL CHECK (state IN ('awaiting-approval', 'queued', 'leased', 'done', 'failed', 'declined')),
    node TEXT,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    result TEXT,
    detail TEXT,
    at INTEGER NOT NULL,
    approver TEXT,
    word_by TEXT,
    word_why TEXT,
    word_at INTEGER
) STRICT;
INSERT INTO operation_with_approval (id, key, conversation, channel, order_id, body, actor, rule, why, state, node,
    attempts, next_at, result, detail, at) SELECT id, key, conversation, channel, order_id, body, actor, rule, why, state,
    node, attempts, next_at, result, detail, at FROM operation;
DROP TABLE operation;
ALTER TABLE operation_with_approval RENAME TO operation;
CREATE INDEX operation_next ON operation (next_at) WHERE state IN ('queued', 'leased');
CREATE INDEX operation_conversation ON operation (conversation);
CREATE INDEX operation_awaiting ON operation (id) WHERE state = 'awaiting-approval';
