-- Version 2: work items that were given up, with the reason, for whoever operates the hub.

CREATE TABLE parked (
    seq    INTEGER PRIMARY KEY AUTOINCREMENT,
    at     INTEGER NOT NULL,
    hub    INTEGER NOT NULL,
    kind   INTEGER NOT NULL,
    name   TEXT    NOT NULL,
    owner  TEXT    NOT NULL,
    reason TEXT    NOT NULL
);
