-- The twelve Contoso tables. Dates are TEXT, YYYY-MM-DD or YYYY-MM-DD HH:MM:SS.
CREATE TABLE Customers (
    customer_id   INTEGER PRIMARY KEY,
    first_name    TEXT NOT NULL,
    last_name     TEXT NOT NULL,
    email         TEXT UNIQUE,
    phone         TEXT,
    address       TEXT,
    loyalty_level TEXT  -- Bronze, Silver or Gold
);
CREATE TABLE Products (
    product_id  INTEGER PRIMARY KEY,
    name        TEXT NOT NULL,
    description TEXT,
    category    TEXT,
    monthly_fee REAL
);
CREATE TABLE Subscriptions (
    subscription_id INTEGER PRIMARY KEY,
    customer_id     INTEGER NOT NULL REFERENCES Customers (customer_id),
    product_id      INTEGER NOT NULL REFERENCES Products (product_id),
    start_date      TEXT,
    end_date        TEXT,
    status          TEXT,  -- active or inactive
    roaming_enabled INTEGER DEFAULT 0,
    service_status  TEXT,  -- normal, slow or offline
    speed_tier      TEXT,
    data_cap_gb     INTEGER,  -- NULL: no cap
    autopay_enabled INTEGER DEFAULT 1
);
CREATE TABLE Invoices (
    invoice_id      INTEGER PRIMARY KEY,
    subscription_id INTEGER REFERENCES Subscriptions (subscription_id),
    invoice_date    TEXT,
    amount          REAL,
    description     TEXT,
    due_date        TEXT
);
CREATE TABLE Payments (
    payment_id   INTEGER PRIMARY KEY,
    invoice_id   INTEGER REFERENCES Invoices (invoice_id),
    payment_date TEXT,
    amount       REAL,
    method       TEXT,  -- credit_card, ach, paypal or apple_pay
    status       TEXT   -- successful, partial, failed or pending
);
CREATE TABLE Promotions (
    promotion_id         INTEGER PRIMARY KEY,
    product_id           INTEGER REFERENCES Products (product_id),
    name                 TEXT,
    description          TEXT,
    eligibility_criteria TEXT,
    start_date           TEXT,
    end_date             TEXT,
    discount_percent     INTEGER
);
CREATE TABLE SecurityLogs (
    log_id          INTEGER PRIMARY KEY,
    customer_id     INTEGER REFERENCES Customers (customer_id),
    event_type      TEXT,
    event_timestamp TEXT,
    description     TEXT
);
CREATE TABLE Orders (
    order_id     INTEGER PRIMARY KEY,
    customer_id  INTEGER REFERENCES Customers (customer_id),
    product_id   INTEGER REFERENCES Products (product_id),
    order_date   TEXT,
    amount       REAL,
    order_status TEXT  -- delivered, completed, pending or returned
);
CREATE TABLE SupportTickets (
    ticket_id       INTEGER PRIMARY KEY,
    customer_id     INTEGER REFERENCES Customers (customer_id),
    subscription_id INTEGER REFERENCES Subscriptions (subscription_id),
    category        TEXT,
    opened_at       TEXT,
    closed_at       TEXT,
    status          TEXT,
    priority        TEXT,  -- low, normal, high or urgent
    subject         TEXT,
    description     TEXT,
    cs_agent        TEXT
);
CREATE TABLE DataUsage (
    usage_id        INTEGER PRIMARY KEY,
    subscription_id INTEGER REFERENCES Subscriptions (subscription_id),
    usage_date      TEXT,
    data_used_mb    INTEGER,
    voice_minutes   INTEGER,
    sms_count       INTEGER
);
CREATE TABLE ServiceIncidents (
    incident_id       INTEGER PRIMARY KEY,
    subscription_id   INTEGER REFERENCES Subscriptions (subscription_id),
    incident_date     TEXT,
    description       TEXT,
    resolution_status TEXT  -- investigating or resolved
);
CREATE TABLE KnowledgeDocuments (
    document_id     INTEGER PRIMARY KEY,
    title           TEXT,
    doc_type        TEXT,
    content         TEXT,
    topic_embedding TEXT  -- JSON array; empty: no vector is stored
);
CREATE INDEX idx_subs_customer ON Subscriptions (customer_id);
CREATE INDEX idx_inv_sub ON Invoices (subscription_id);
CREATE INDEX idx_pay_inv ON Payments (invoice_id);
CREATE INDEX idx_usage_sub ON DataUsage (subscription_id);
CREATE INDEX idx_tickets_cust ON SupportTickets (customer_id);
CREATE INDEX idx_tickets_sub ON SupportTickets (subscription_id);
CREATE INDEX idx_inc_sub ON ServiceIncidents (subscription_id);
