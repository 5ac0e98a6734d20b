CREATE TABLE telemetry (
    offset      INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id    TEXT NOT NULL UNIQUE,
    occurred    REAL NOT NULL,       -- event time, epoch seconds
    appended    REAL NOT NULL,       -- when it was stored, epoch seconds
    text        TEXT NOT NULL,
    trace       TEXT                 -- the traceparent of the request that brought it, if there was one
);
CREATE INDEX telemetry_by_time ON telemetry (occurred);

CREATE TABLE checkpoints (
    consumer TEXT PRIMARY KEY,
    offset   INTEGER NOT NULL
) WITHOUT ROWID;
