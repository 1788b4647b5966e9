-- Articles of the knowledge base, in every version that each has had. `retired`: since when it is out of use.
CREATE TABLE article (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    version INTEGER NOT NULL,
    body TEXT NOT NULL,
    valid_from INTEGER,
    valid_to INTEGER,
    author TEXT NOT NULL,
    at INTEGER NOT NULL,
    retired INTEGER,
    UNIQUE (key, version)
) STRICT;

-- The terms of those that hold or may hold again, by the article's id. Texts are cut into terms by the program; what is kept
-- is the index alone.
CREATE VIRTUAL TABLE article_term USING fts5 (
    lines, text, content = '', contentless_delete = 1, tokenize = 'unicode61 remove_diacritics 0'
);
CREATE VIRTUAL TABLE article_having USING fts5vocab ('article_term', 'row');

-- What policies asked the knowledge base, and what it knew the last time: `score` in thousandths, 0 where nothing fitted.
CREATE TABLE question (
    text TEXT PRIMARY KEY,
    times INTEGER NOT NULL,
    first INTEGER NOT NULL,
    last INTEGER NOT NULL,
    conversation INTEGER NOT NULL REFERENCES conversation (id),
    article INTEGER REFERENCES article (id),
    score INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX question_worst ON question (score, times DESC);
CREATE INDEX question_last ON question (last);
