-- Calendars, in every form that each has had: a clock names the one its moments were reckoned by. `retired` is since when
-- the configuration does not have it any more: none starts on it.
CREATE TABLE calendar (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL,
    plan TEXT NOT NULL,
    at INTEGER NOT NULL,
    retired INTEGER
) STRICT;
CREATE INDEX calendar_name ON calendar (name);

-- A clock keeps what is left of it as working time, in milliseconds, since a moment. `due` and `next_at` follow from that
-- by the form `plan` of its calendar; a clock that stands still keeps the `due` it had.
CREATE TABLE clock_with_life (
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    name TEXT NOT NULL,
    started INTEGER NOT NULL,
    target INTEGER NOT NULL,
    calendar TEXT,
    warn_percent INTEGER NOT NULL,
    pauses INTEGER NOT NULL CHECK (pauses IN (0, 1)),
    state TEXT NOT NULL CHECK (state IN ('running', 'warned', 'paused', 'paused-warned', 'breached', 'stopped')),
    since INTEGER NOT NULL,
    remaining INTEGER NOT NULL,
    plan INTEGER REFERENCES calendar (id),
    due INTEGER NOT NULL,
    next_at INTEGER,
    breached INTEGER,
    stopped INTEGER,
    PRIMARY KEY (conversation, name, started)
) STRICT, WITHOUT ROWID;
INSERT INTO clock_with_life SELECT conversation, name, started, target, calendar, warn_percent, pauses,
    CASE
        WHEN stopped IS NOT NULL THEN 'stopped'
        WHEN breached IS NOT NULL THEN 'breached'
        WHEN paused IS NOT NULL AND warned IS NOT NULL THEN 'paused-warned'
        WHEN paused IS NOT NULL THEN 'paused'
        WHEN warned IS NOT NULL THEN 'warned'
        ELSE 'running'
    END,
    coalesce(paused, due - 1000 * target), CASE WHEN paused IS NULL THEN 1000 * target ELSE due - paused END,
    NULL, due, next_at, breached, stopped FROM clock;
DROP TABLE clock;
ALTER TABLE clock_with_life RENAME TO clock;
CREATE INDEX clock_next ON clock (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX clock_plan ON clock (plan) WHERE plan IS NOT NULL AND next_at IS NOT NULL;

-- The customer was asked for something and has not answered.
ALTER TABLE conversation ADD COLUMN asked INTEGER NOT NULL DEFAULT 0 CHECK (asked IN (0, 1));
