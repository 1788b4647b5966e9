-- Contacts are a graph: a row of `contact` is a node that owns handles, `contact_join` holds the edges. `root` is the
-- oldest node that a node is connected with, and NULL where that is the node itself: it is worked out from the edges.
ALTER TABLE contact ADD COLUMN root INTEGER REFERENCES contact (id);
CREATE INDEX contact_root ON contact (root) WHERE root IS NOT NULL;

-- Which channel told of a handle first and when, and which one proved it; the empty name is nobody in particular.
ALTER TABLE handle ADD COLUMN channel TEXT NOT NULL DEFAULT '';
ALTER TABLE handle ADD COLUMN since INTEGER NOT NULL DEFAULT 0;
ALTER TABLE handle ADD COLUMN proved_by TEXT;
UPDATE handle SET since = (SELECT at FROM contact WHERE contact.id = handle.contact);
UPDATE handle SET proved_by = '' WHERE EXISTS (
    SELECT 1 FROM contact, json_each(contact.handles) AS h WHERE contact.id = handle.contact
    AND json_extract(h.value, '$[0]') = handle.kind AND json_extract(h.value, '$[1]') = handle.value
    AND json_extract(h.value, '$[2]')
);

-- Handles that somebody named as his own without proof.
CREATE TABLE claim (
    value TEXT NOT NULL,
    kind TEXT NOT NULL,
    contact INTEGER NOT NULL REFERENCES contact (id),
    channel TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (value, kind, contact)
) STRICT, WITHOUT ROWID;
CREATE INDEX claim_contact ON claim (contact);

-- One edge: the nodes it connects, the handle it is by, why, and who took it out again.
CREATE TABLE contact_join (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    one INTEGER NOT NULL REFERENCES contact (id),
    other INTEGER NOT NULL REFERENCES contact (id),
    kind TEXT,
    value TEXT,
    why TEXT NOT NULL,
    by TEXT NOT NULL,
    at INTEGER NOT NULL,
    undone INTEGER,
    undone_by TEXT
) STRICT;
CREATE INDEX contact_join_one ON contact_join (one);
CREATE INDEX contact_join_other ON contact_join (other);

CREATE TABLE suggestion (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    one INTEGER NOT NULL REFERENCES contact (id),
    other INTEGER NOT NULL REFERENCES contact (id),
    reason TEXT NOT NULL CHECK (reason IN ('claimed', 'conflict', 'undone')),
    kind TEXT NOT NULL,
    value TEXT NOT NULL,
    why TEXT NOT NULL,
    channel TEXT NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('open', 'accepted', 'dismissed')),
    decided INTEGER,
    decided_by TEXT,
    CHECK (one < other),
    UNIQUE (one, other, reason)
) STRICT;
CREATE INDEX suggestion_open ON suggestion (id) WHERE state = 'open';
CREATE INDEX suggestion_other ON suggestion (other);

-- When the customer's newest message was sent, as far as the desk believes it: nothing is sent after it came in.
ALTER TABLE conversation ADD COLUMN last_sent INTEGER NOT NULL DEFAULT 0;
UPDATE conversation SET last_sent = coalesce((
    SELECT max(min(sent_at, at)) FROM message
    WHERE message.conversation = conversation.id AND author = 'customer' AND NOT automatic
), 0);

-- A conversation is read in the order of sending, over all channels.
DROP INDEX message_conversation;
CREATE INDEX message_timeline ON message (conversation, min(sent_at, at));

-- Messages that continued a conversation by another channel, why, and whether the channel proved whose they are.
CREATE TABLE continuation (
    message INTEGER PRIMARY KEY REFERENCES message (id),
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    channel TEXT NOT NULL,
    why TEXT NOT NULL,
    proved INTEGER NOT NULL CHECK (proved IN (0, 1))
) STRICT;
CREATE INDEX continuation_conversation ON continuation (conversation);

-- Links that a join made go with it.
ALTER TABLE link ADD COLUMN contact_join INTEGER REFERENCES contact_join (id);
ALTER TABLE event ADD COLUMN contact INTEGER;
CREATE INDEX event_contact ON event (contact) WHERE contact IS NOT NULL;

-- The channels that said that they have no window for it, a JSON list.
ALTER TABLE outgoing ADD COLUMN tried TEXT;

-- Who ordered.
ALTER TABLE orders ADD COLUMN contact INTEGER REFERENCES contact (id);
UPDATE orders SET contact = (
    SELECT handle.contact FROM json_each(orders.body, '$.buyer') AS b JOIN handle
    ON handle.kind = json_extract(b.value, '$[0]') AND handle.value = json_extract(b.value, '$[1]') LIMIT 1
);
CREATE INDEX orders_contact ON orders (contact) WHERE contact IS NOT NULL;
CREATE INDEX orders_id ON orders (id);
CREATE INDEX conversation_order_id ON conversation_order (id);
