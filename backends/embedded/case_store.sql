CREATE TABLE cases (
    case_id      TEXT PRIMARY KEY,
    seq          INTEGER NOT NULL,
    status       TEXT NOT NULL,
    customer_id  INTEGER NOT NULL,
    alert_type   TEXT NOT NULL,
    severity     TEXT NOT NULL,
    rule_id      TEXT,
    outcome      TEXT,
    risk_key     REAL NOT NULL,      -- -1 while there is no assessment
    deadline_key REAL NOT NULL,      -- epoch seconds; 1e12 while there is no deadline
    opened_key   REAL NOT NULL,
    updated_key  REAL NOT NULL,
    claim_actor  TEXT,
    claim_until  REAL,
    deferred_until REAL,             -- while the record says that the case is deferred
    tags         TEXT NOT NULL DEFAULT '',
    unapplied    INTEGER NOT NULL,   -- 1 while an accepted decision or withdrawal waits for the flow
    search       TEXT NOT NULL,
    projection   TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE customer_cases (        -- how many cases a customer has, counted as they are opened
    customer_id INTEGER PRIMARY KEY,
    cases       INTEGER NOT NULL
);
CREATE TABLE customer_links (        -- whom findings link to a customer, written down for both of them
    customer_id INTEGER NOT NULL,
    other_id    INTEGER NOT NULL,
    PRIMARY KEY (customer_id, other_id)
) WITHOUT ROWID;
CREATE INDEX cases_by_deadline ON cases (deadline_key, case_id);
CREATE INDEX cases_by_risk ON cases (risk_key, case_id);
CREATE INDEX cases_by_opened ON cases (opened_key, case_id);
CREATE INDEX cases_by_updated ON cases (updated_key, case_id);
CREATE INDEX cases_by_status ON cases (status, deadline_key, case_id);
CREATE INDEX cases_by_customer ON cases (customer_id, opened_key);
CREATE INDEX cases_deferred ON cases (deferred_until) WHERE deferred_until IS NOT NULL;
CREATE INDEX cases_unapplied ON cases (updated_key) WHERE unapplied = 1;

CREATE TABLE case_events (
    cursor   INTEGER PRIMARY KEY AUTOINCREMENT,
    case_id  TEXT NOT NULL,
    seq      INTEGER NOT NULL,
    event_id TEXT NOT NULL,
    text     TEXT NOT NULL,          -- canonical JSON, exactly what the hash covers
    hash     TEXT NOT NULL,
    UNIQUE (case_id, seq),
    UNIQUE (case_id, event_id)
);
