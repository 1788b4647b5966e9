-- Times are milliseconds since the Unix epoch; the words in CHECKs are those of host/model.
-- JSON columns are written by codec.rs and are NULL where the list is empty.

CREATE TABLE counter (
    name TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- `handles` repeats what `handle` finds by, best first, so that reading a contact is one row.
CREATE TABLE contact (
    id INTEGER PRIMARY KEY,
    name TEXT,
    handles TEXT,
    tags TEXT,
    attributes TEXT,
    at INTEGER NOT NULL
) STRICT;

-- The value first: lists are filtered by it alone.
CREATE TABLE handle (
    value TEXT NOT NULL,
    kind TEXT NOT NULL,
    contact INTEGER NOT NULL REFERENCES contact (id),
    PRIMARY KEY (value, kind)
) STRICT, WITHOUT ROWID;

-- rank, due and since are the queue's key; due is the end of time where no clock runs.
CREATE TABLE conversation (
    id INTEGER PRIMARY KEY,
    contact INTEGER NOT NULL REFERENCES contact (id),
    channel TEXT NOT NULL,
    last_channel TEXT NOT NULL,
    subject TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'answered', 'snoozed', 'closed')),
    grade TEXT CHECK (grade IN ('inquiry', 'simple-complaint', 'dispute', 'emergency')),
    rank INTEGER NOT NULL CHECK (rank BETWEEN 0 AND 3),
    due INTEGER NOT NULL,
    since INTEGER NOT NULL,
    team TEXT,
    route TEXT,
    category TEXT,
    tags TEXT,
    attributes TEXT,
    opened INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    holder TEXT,
    lease_until INTEGER CHECK ((holder IS NULL) = (lease_until IS NULL)),
    snoozed_until INTEGER,
    reply_token TEXT NOT NULL UNIQUE,
    undecided INTEGER NOT NULL CHECK (undecided IN (0, 1)),
    last_automatic INTEGER NOT NULL CHECK (last_automatic IN (0, 1))
) STRICT;
-- Every index of a rowid table ends with the rowid, so the queue's last key column needs no naming.
CREATE INDEX conversation_queue ON conversation (rank, due, since) WHERE state = 'open';
CREATE INDEX conversation_team ON conversation (team, rank, due, since) WHERE state = 'open' AND team IS NOT NULL;
CREATE INDEX conversation_state ON conversation (state);
CREATE INDEX conversation_contact ON conversation (contact);
CREATE INDEX conversation_holder ON conversation (holder, lease_until) WHERE holder IS NOT NULL;
CREATE INDEX conversation_snoozed ON conversation (snoozed_until) WHERE state = 'snoozed';

-- The channel's own dialogues.
CREATE TABLE dialogue (
    channel TEXT NOT NULL,
    key TEXT NOT NULL,
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    PRIMARY KEY (channel, key)
) STRICT, WITHOUT ROWID;

CREATE TABLE link (
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    other INTEGER NOT NULL REFERENCES conversation (id),
    why TEXT NOT NULL,
    PRIMARY KEY (conversation, other)
) STRICT, WITHOUT ROWID;

-- What came in, as it came in: `meta` is everything but the bytes.
CREATE TABLE arrival (
    id INTEGER PRIMARY KEY,
    channel TEXT NOT NULL,
    at INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('http', 'mail', 'document')),
    meta TEXT NOT NULL,
    raw BLOB NOT NULL
) STRICT;

-- In and out. Inbound ones have a digest and an external id ('' where the channel gives none); outgoing ones get their
-- external id when the channel took them over, so that an answer finds them.
CREATE TABLE message (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    channel TEXT NOT NULL,
    author TEXT NOT NULL CHECK (author IN ('customer', 'agent', 'bot', 'system')),
    contact INTEGER,
    name TEXT,
    external_id TEXT,
    digest BLOB,
    automatic INTEGER NOT NULL CHECK (automatic IN (0, 1)),
    sent_at INTEGER NOT NULL,
    at INTEGER NOT NULL,
    arrival INTEGER,
    inbound TEXT,
    attachments TEXT,
    attributes TEXT,
    text TEXT NOT NULL,
    quoted TEXT,
    html TEXT
) STRICT;
CREATE UNIQUE INDEX message_identity ON message (external_id, digest, channel) WHERE external_id IS NOT NULL;
CREATE INDEX message_conversation ON message (conversation);

-- What a policy chain is run for. `only_plugins` are the policies it is run for again, a JSON list; `again` are those that
-- were asked for while it was claimed for others: it is opened for them when that ends, so that it never loses its place.
CREATE TABLE happening (
    id INTEGER PRIMARY KEY,
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    kind TEXT NOT NULL,
    message INTEGER,
    payload TEXT,
    state TEXT NOT NULL CHECK (state IN ('pending', 'claimed', 'decided', 'parked')),
    node TEXT,
    lease_until INTEGER,
    only_plugins TEXT,
    at INTEGER NOT NULL,
    again TEXT
) STRICT;
CREATE INDEX happening_open ON happening (id) WHERE state IN ('pending', 'claimed');
CREATE INDEX happening_turn ON happening (conversation, id) WHERE state IN ('pending', 'claimed');

-- The audit trail: nothing is ever changed or deleted in it.
CREATE TABLE event (
    id INTEGER PRIMARY KEY,
    conversation INTEGER,
    at INTEGER NOT NULL,
    actor TEXT NOT NULL,
    act TEXT NOT NULL,
    rule TEXT,
    why TEXT,
    detail TEXT
) STRICT;
CREATE INDEX event_conversation ON event (conversation) WHERE conversation IS NOT NULL;

-- `next_at` is when this clock rings next, warning or breach; NULL while it stands still and when it has nothing to say.
CREATE TABLE clock (
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    name TEXT NOT NULL,
    started INTEGER NOT NULL,
    target INTEGER NOT NULL,
    calendar TEXT,
    warn_percent INTEGER NOT NULL,
    pauses INTEGER NOT NULL CHECK (pauses IN (0, 1)),
    due INTEGER NOT NULL,
    warn_at INTEGER,
    next_at INTEGER,
    paused INTEGER,
    warned INTEGER,
    breached INTEGER,
    stopped INTEGER,
    PRIMARY KEY (conversation, name, started)
) STRICT, WITHOUT ROWID;
CREATE INDEX clock_next ON clock (next_at) WHERE next_at IS NOT NULL;

CREATE TABLE timer (
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    name TEXT NOT NULL,
    at INTEGER NOT NULL,
    PRIMARY KEY (conversation, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX timer_at ON timer (at);

-- One row for an outgoing message, under the id of the message it sends. `next_at` is when it may be taken: its time
-- while it is queued, the end of the lease while it is leased.
CREATE TABLE outgoing (
    id INTEGER PRIMARY KEY REFERENCES message (id),
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    channel TEXT NOT NULL,
    recipients TEXT,
    answers INTEGER REFERENCES message (id),
    in_reply_to TEXT,
    refs TEXT,
    state TEXT NOT NULL CHECK (state IN ('queued', 'leased', 'sent', 'failed')),
    node TEXT,
    attempts INTEGER NOT NULL,
    next_at INTEGER NOT NULL,
    detail TEXT,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX outgoing_next ON outgoing (next_at) WHERE state IN ('queued', 'leased');

-- `ref` is the row of the arrival, happening or outgoing message. `version` is empty and `generation` 0 where no plugin was
-- asked. A generation is asked for what waits for it again and again while thousands may wait: the last two indexes answer
-- that by themselves.
CREATE TABLE parked (
    id INTEGER PRIMARY KEY,
    what TEXT NOT NULL CHECK (what IN ('arrival', 'happening', 'outgoing')),
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
CREATE INDEX parked_open ON parked (id) WHERE replayed IS NULL;
CREATE INDEX parked_arrival ON parked (channel, ref, generation, blame) WHERE replayed IS NULL AND what = 'arrival';
CREATE INDEX parked_happening ON parked (plugin, ref, generation, blame) WHERE replayed IS NULL AND what = 'happening';

-- The order as the marketplace told it last, and the conversations it is a matter of.
CREATE TABLE orders (
    channel TEXT NOT NULL,
    id TEXT NOT NULL,
    at INTEGER NOT NULL,
    body TEXT NOT NULL,
    PRIMARY KEY (channel, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE conversation_order (
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    channel TEXT NOT NULL,
    id TEXT NOT NULL,
    PRIMARY KEY (conversation, channel, id)
) STRICT, WITHOUT ROWID;

CREATE TABLE plugin_state (
    plugin TEXT NOT NULL,
    channel TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    expires INTEGER,
    PRIMARY KEY (plugin, channel, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX plugin_state_expires ON plugin_state (expires) WHERE expires IS NOT NULL;

-- Tells whether the state of a plugin in a channel was written since it was copied, and the version of the package that
-- wrote it.
CREATE TABLE plugin_state_revision (
    plugin TEXT NOT NULL,
    channel TEXT NOT NULL,
    revision INTEGER NOT NULL,
    written_by TEXT,
    PRIMARY KEY (plugin, channel)
) STRICT, WITHOUT ROWID;

-- One package with one configuration and grants, for one place. An id is never used again: parked rows, events and
-- recordings name it. The unique index is why never two of a place act.
CREATE TABLE generation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    place TEXT NOT NULL,
    plugin TEXT NOT NULL,
    version TEXT NOT NULL,
    digest TEXT NOT NULL,
    contract TEXT NOT NULL,
    signer TEXT,
    config TEXT NOT NULL,
    grants TEXT NOT NULL,
    at INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('package', 'verified', 'compiled', 'checked', 'shadow', 'canary', 'live', 'draining', 'retired', 'refused')),
    why TEXT,
    changed INTEGER NOT NULL,
    lived INTEGER NOT NULL DEFAULT 0 CHECK (lived IN (0, 1))
) STRICT;
CREATE UNIQUE INDEX generation_live ON generation (place) WHERE state = 'live';
CREATE INDEX generation_place ON generation (place);

-- The state of a plugin as a generation left it, for the day that it acts again.
CREATE TABLE kept_state (
    generation INTEGER PRIMARY KEY REFERENCES generation (id),
    plugin TEXT NOT NULL,
    channel TEXT NOT NULL,
    written_by TEXT
) STRICT;
CREATE TABLE kept_entry (
    generation INTEGER NOT NULL REFERENCES kept_state (generation),
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    expires INTEGER,
    PRIMARY KEY (generation, key)
) STRICT, WITHOUT ROWID;

-- Places that an operator took out of use.
CREATE TABLE disabled_place (
    place TEXT PRIMARY KEY,
    by TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- What a tried generation answered otherwise than the one it is tried against.
CREATE TABLE difference (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    tried INTEGER NOT NULL,
    against INTEGER NOT NULL,
    conversation INTEGER,
    about TEXT NOT NULL,
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE INDEX difference_tried ON difference (tried);

CREATE TABLE token (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    digest BLOB NOT NULL UNIQUE CHECK (length(digest) = 32),
    scope TEXT NOT NULL CHECK (scope IN ('read', 'agent', 'admin')),
    created INTEGER NOT NULL,
    revoked INTEGER
) STRICT;

-- `status` is NULL while the request is under way.
CREATE TABLE request_key (
    token INTEGER NOT NULL,
    key TEXT NOT NULL,
    digest BLOB NOT NULL,
    at INTEGER NOT NULL,
    status INTEGER,
    body BLOB,
    PRIMARY KEY (token, key)
) STRICT, WITHOUT ROWID;
CREATE INDEX request_key_at ON request_key (at);
