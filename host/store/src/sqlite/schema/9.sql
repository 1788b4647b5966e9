-- The moment of the breach beside that of the next bell: of many clocks whose warning was missed, those whose breach is due now
-- are found in the index alone.
DROP INDEX clock_next;
CREATE INDEX clock_next ON clock (next_at, due) WHERE next_at IS NOT NULL;
