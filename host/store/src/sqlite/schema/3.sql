-- What a channel's clients see live: the newest of each topic. The id is the place to resume from, so none is used twice.
CREATE TABLE feed (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    channel TEXT NOT NULL,
    topic TEXT NOT NULL,
    key TEXT NOT NULL,
    name TEXT NOT NULL,
    data TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX feed_key ON feed (channel, topic, key);
CREATE INDEX feed_topic ON feed (channel, topic);
CREATE INDEX feed_at ON feed (at);

-- Where each channel that is asked goes on.
CREATE TABLE poll (
    channel TEXT PRIMARY KEY,
    cursor TEXT,
    at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
