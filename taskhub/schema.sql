-- Version 1 of the task hub's database. Times are microseconds since the epoch, UTC.
-- Blobs named "event" are serialised HistoryEvent messages; history rows hold one turn each,
-- already framed as OrchestratorRequest.past_events so that they are never decoded to be sent.

CREATE TABLE hubs (
    id   INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

CREATE TABLE instances (
    key                INTEGER PRIMARY KEY AUTOINCREMENT,
    hub                INTEGER NOT NULL REFERENCES hubs (id),
    instance_id        TEXT    NOT NULL,
    execution_id       TEXT    NOT NULL,
    generation         INTEGER NOT NULL DEFAULT 0,
    name               TEXT    NOT NULL,
    version            TEXT,
    status             INTEGER NOT NULL,
    created_at         INTEGER NOT NULL,
    updated_at         INTEGER NOT NULL,
    completed_at       INTEGER,
    scheduled_at       INTEGER,
    turns              INTEGER NOT NULL DEFAULT 0,
    losses             INTEGER NOT NULL DEFAULT 0,
    parent_key         INTEGER,
    parent_generation  INTEGER,
    parent_task_id     INTEGER,
    parent_instance_id TEXT,
    parent_trace       BLOB,
    trace              BLOB,
    tags               TEXT,
    custom_status      TEXT,
    UNIQUE (hub, instance_id)
);
CREATE INDEX instances_by_completion ON instances (hub, completed_at, key) WHERE completed_at IS NOT NULL;
CREATE INDEX instances_by_parent ON instances (parent_key) WHERE parent_key IS NOT NULL;

CREATE TABLE payloads (
    key     INTEGER PRIMARY KEY,
    input   TEXT,
    output  TEXT,
    failure BLOB
);

CREATE TABLE history (
    key    INTEGER NOT NULL,
    turn   INTEGER NOT NULL,
    events BLOB    NOT NULL,
    PRIMARY KEY (key, turn)
) WITHOUT ROWID;

CREATE TABLE inbox (
    key     INTEGER NOT NULL,
    seq     INTEGER NOT NULL,
    kind    INTEGER NOT NULL,
    event   BLOB    NOT NULL,
    resumed BLOB,
    PRIMARY KEY (key, seq)
) WITHOUT ROWID;

CREATE TABLE activities (
    seq        INTEGER PRIMARY KEY,
    hub        INTEGER NOT NULL,
    key        INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    task_id    INTEGER NOT NULL,
    name       TEXT    NOT NULL,
    version    TEXT,
    losses     INTEGER NOT NULL DEFAULT 0,
    request    BLOB    NOT NULL
);
CREATE INDEX activities_by_instance ON activities (key);

CREATE TABLE timers (
    seq        INTEGER PRIMARY KEY,
    due        INTEGER NOT NULL,
    kind       INTEGER NOT NULL,
    key        INTEGER NOT NULL,
    generation INTEGER NOT NULL,
    event      BLOB    NOT NULL,
    trace      BLOB
);
CREATE INDEX timers_by_due ON timers (due);
CREATE INDEX timers_by_key ON timers (key);

CREATE TABLE entities (
    key         INTEGER PRIMARY KEY AUTOINCREMENT,
    hub         INTEGER NOT NULL,
    entity_id   TEXT    NOT NULL,
    state       TEXT,
    modified_at INTEGER NOT NULL,
    losses      INTEGER NOT NULL DEFAULT 0,
    section     TEXT,
    owner_key   INTEGER,
    UNIQUE (hub, entity_id)
);
CREATE INDEX entities_by_owner ON entities (owner_key) WHERE owner_key IS NOT NULL;

CREATE TABLE operations (
    entity_key        INTEGER NOT NULL,
    seq               INTEGER NOT NULL,
    kind              INTEGER NOT NULL,
    parent_key        INTEGER,
    parent_generation INTEGER,
    section           TEXT,
    event             BLOB    NOT NULL,
    trace             BLOB,
    PRIMARY KEY (entity_key, seq)
) WITHOUT ROWID;
CREATE INDEX operations_by_section ON operations (section) WHERE section IS NOT NULL;
