-- The queue in lanes: what the same agents may have stands in one. `tier` is less for the higher one, `own` the agent to ask
-- first and `kept_until` until when a waiting one is kept for that agent. What is due within a minute is due at once.
DROP INDEX conversation_queue;
DROP INDEX conversation_team;
ALTER TABLE conversation ADD COLUMN lane TEXT NOT NULL DEFAULT '';
ALTER TABLE conversation ADD COLUMN tier INTEGER NOT NULL DEFAULT 0;
ALTER TABLE conversation ADD COLUMN own TEXT;
ALTER TABLE conversation ADD COLUMN kept_until INTEGER;
ALTER TABLE conversation ADD COLUMN minute INTEGER GENERATED ALWAYS AS (due / 60000) VIRTUAL;
UPDATE conversation SET
    rank = (grade IS NULL OR grade <> 'emergency'),
    lane = '#' || coalesce(team, '') || char(31)
        || coalesce((SELECT group_concat(value, ',' ORDER BY value) FROM json_each(route, '$.skills')), '') || char(31)
        || CASE WHEN json_extract(route, '$.senior') THEN 'senior' ELSE '' END;
CREATE INDEX conversation_lane ON conversation (lane, rank, minute, tier, since)
    WHERE state = 'open' AND holder IS NULL;
CREATE INDEX conversation_lease ON conversation (lease_until) WHERE holder IS NOT NULL;
CREATE INDEX conversation_kept ON conversation (kept_until) WHERE kept_until IS NOT NULL;

-- What is known of agents. Lists are JSON.
CREATE TABLE agent (
    name TEXT PRIMARY KEY,
    teams TEXT,
    skills TEXT,
    senior INTEGER NOT NULL CHECK (senior IN (0, 1)),
    capacity INTEGER NOT NULL,
    presence TEXT NOT NULL CHECK (presence IN ('available', 'away')),
    since INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The answer that a policy drafted last for a conversation, until somebody answers.
CREATE TABLE draft (
    conversation INTEGER PRIMARY KEY REFERENCES conversation (id),
    policy TEXT NOT NULL,
    body TEXT NOT NULL,
    at INTEGER NOT NULL
) STRICT;

-- Which surveys a conversation was asked for, and no word of what came of them.
CREATE TABLE asked_survey (
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    name TEXT NOT NULL,
    PRIMARY KEY (conversation, name)
) STRICT, WITHOUT ROWID;

-- A form that can be answered, found by the digest of its secret and gone when it was: nothing here names a conversation.
CREATE TABLE survey (
    digest BLOB PRIMARY KEY,
    name TEXT NOT NULL,
    questions TEXT NOT NULL,
    facts TEXT NOT NULL,
    expires INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX survey_expires ON survey (expires);

-- What was answered, added up: how often a question got a rating in a week, for everybody (`fact` is empty) and for one fact
-- at a time. `week` is the day of its Monday since the epoch. Single answers are not kept.
CREATE TABLE rating (
    week INTEGER NOT NULL,
    name TEXT NOT NULL,
    question TEXT NOT NULL,
    fact TEXT NOT NULL,
    value TEXT NOT NULL,
    rating INTEGER NOT NULL CHECK (rating BETWEEN 1 AND 5),
    times INTEGER NOT NULL,
    PRIMARY KEY (week, name, question, fact, value, rating)
) STRICT, WITHOUT ROWID;

-- What people wrote beside their ratings, under an id that says nothing about when.
CREATE TABLE remark (
    id BLOB PRIMARY KEY,
    week INTEGER NOT NULL,
    name TEXT NOT NULL,
    text TEXT NOT NULL
) STRICT, WITHOUT ROWID;
