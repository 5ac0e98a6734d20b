"""A small seeded Contoso database, and rows in it that nobody should have written but somebody might."""

import sqlite3
from contextlib import closing
from datetime import date
from pathlib import Path

from devstack.seed import seed_contoso

PEOPLE = (1, 2, 3, 4, 5, 6, 7, 8, 120, 121, 250)
FAR = 2**53 + 1
HOSTILE = '\'; DROP TABLE Customers; -- " \\ \x07 {} @v0 c.data["x"] \u202e\U0001f4a5 %s'

_KEEP = f"({', '.join(map(str, PEOPLE))})"
_TRIM = f"""
DELETE FROM Customers WHERE customer_id NOT IN {_KEEP};
DELETE FROM Subscriptions WHERE customer_id NOT IN {_KEEP};
DELETE FROM SecurityLogs WHERE customer_id NOT IN {_KEEP};
DELETE FROM Orders WHERE customer_id NOT IN {_KEEP};
DELETE FROM SupportTickets WHERE customer_id NOT IN {_KEEP};
DELETE FROM Invoices WHERE subscription_id NOT IN (SELECT subscription_id FROM Subscriptions);
DELETE FROM Payments WHERE invoice_id NOT IN (SELECT invoice_id FROM Invoices);
DELETE FROM DataUsage WHERE subscription_id NOT IN (SELECT subscription_id FROM Subscriptions);
DELETE FROM DataUsage WHERE usage_id % 4;
DELETE FROM ServiceIncidents WHERE subscription_id NOT IN (SELECT subscription_id FROM Subscriptions);
"""
_ODD = f"""
INSERT INTO Customers VALUES (0, 'Zero', '', 'zero@example.com', '+1 206 555 0101', NULL, 'Gold');
INSERT INTO Customers VALUES (-5, 'Minus', 'Five', NULL, '', '', '');
INSERT INTO Customers VALUES ({2**53}, 'Near', 'Double', NULL, NULL, NULL, 'Silver');
INSERT INTO Customers VALUES ({FAR}, 'Beyond', 'Double', NULL, NULL, NULL, 'Bronze');
INSERT INTO Customers VALUES ({2**63 - 1}, 'The', 'Last', NULL, NULL, NULL, NULL);
INSERT INTO Products VALUES (901, 'Nothing', NULL, NULL, NULL), (902, '', '', '', 1e300);
INSERT INTO Promotions VALUES (91, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO Promotions VALUES
 (92, 1, 'Any', 'd', 'loyalty_level = ''Gold''', '2026-01-01', '2027-01-01', 12.5);
INSERT INTO Subscriptions VALUES (9001, 1, 1, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO Subscriptions VALUES (9002, 424242, 1, 'x', 'y', 'active', 1, 'normal', '5G', {FAR}, 0);
INSERT INTO Subscriptions VALUES (9003, {FAR}, 901, '2025-01-01', NULL, 'active', 0, 'slow', '', 2.5, 1);
INSERT INTO Subscriptions VALUES (9004, 2, 77777, '2025-01-01', NULL, 'active', 0, 'slow', '', 1, 1);
INSERT INTO Invoices VALUES (99001, 9001, '2026-01-01', 1, NULL, NULL), (99002, NULL, NULL, NULL, NULL, NULL);
INSERT INTO Invoices VALUES (99003, 777, '2026-01-01', 30.0, 'orphan', ''), (99004, 9001, '', 'abc', '', '');
INSERT INTO Invoices VALUES (99005, 9003, '2026-01-01', 0.1, '', ''), (99006, 9003, '2026-02', 1e16, '', '');
INSERT INTO Invoices VALUES (99007, 9002, '2026-01-02', {FAR}, '', ''), (99008, 'text', '', 5, '', '');
INSERT INTO Payments VALUES (99001, 99003, NULL, 10, NULL, 'successful'), (99002, NULL, '', 1, '', '');
INSERT INTO Payments VALUES (99003, 888888, '2026-01-01', 1.5, 'ach', 'successful');
INSERT INTO Payments VALUES (99004, 99005, '2026-01-01', 0.3, 'ach', 'successful');
INSERT INTO Payments VALUES (99005, 99006, '2026-01-01', 9e999, 'ach', 'successful');
INSERT INTO SecurityLogs VALUES (99001, 'abc', 'login_attempt', '2026-03-01 00:00:00', 'text for a customer');
INSERT INTO SecurityLogs VALUES (99002, NULL, 'login_attempt', NULL, NULL);
INSERT INTO SecurityLogs VALUES
 (99003, 1, NULL, NULL, NULL),
 (99004, 1, 'login_attempt', '2026-03-09 10:00:00', 'Failed login from USA, IP 203.0.113.77, device odd-1'),
 (99005, 1, 'login_attempt', '2026-03-09 10:00:00', 'Failed login from USA, IP 203.0.113.78, device odd-1'),
 (99006, 2, 'login_attempt', '2026-03-09 11:00:00', 'Successful login from USA, device odd-1'),
 (99007, 424242, 'login_attempt', 'not a date', 'Successful login from USA, device odd-1'),
 (99008, 3, 'account_locked', '2026-03-09 11:00:00', CAST('Locked, device odd-1' AS BLOB)),
 (99009, 3, 'login_attempt', x'ff00', x'ff');
INSERT INTO Orders VALUES (99001, NULL, 1, NULL, NULL, NULL), (99002, 1, NULL, NULL, 10, '');
INSERT INTO Orders VALUES (99003, 1, 1, '2026-01-01', 10, 'a'), (99004, 1, 1, '2026-01-01', 10.5, 'b');
INSERT INTO Orders VALUES (99005, 424242, 902, '2026-01-01', 'free', 'c'), (99006, 2, 77777, 'z', 1, 'd');
INSERT INTO SupportTickets VALUES (99001, 1, 2, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO SupportTickets VALUES (99002, 1, NULL, '', '', '', 'CLOSED', '', '', '', '');
INSERT INTO DataUsage VALUES
 (99001, 777, '2026-03-01', 1, 1, 1), (99002, 9001, '2026-03-01', {FAR}, 3.5, NULL),
 (99003, 9001, '2026-03-01', 1, 0.5, 0), (99004, 9001, NULL, 1, 1, 1), (99005, 9001, x'00', 1, 1, 1),
 (99006, 9002, '2026-03-01', 'much', 1, 1), (99007, 9003, '2026-03-01 12:00', 9e999, 1, 1);
INSERT INTO ServiceIncidents VALUES (99001, NULL, NULL, NULL, NULL), (99002, 777, '', '', '');
INSERT INTO KnowledgeDocuments VALUES (901, NULL, NULL, NULL, NULL), (902, '', '', '', '[1.0]');
"""


def odd_database(path: Path) -> Path:
    """A few seeded customers with all that is theirs, and the odd rows."""
    seed_contoso(path, today=date(2026, 3, 10))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.executescript(_TRIM + _ODD)
        connection.execute(
            "INSERT INTO Customers VALUES (?, ?, ?, ?, ?, ?, ?)", (901, *[HOSTILE] * 5, "Gold' OR 'a'='a")
        )
        connection.execute("INSERT INTO SecurityLogs VALUES (99010, 901, ?, ?, ?)", [HOSTILE] * 3)
        connection.execute("INSERT INTO Products VALUES (903, ?, ?, ?, -1)", [HOSTILE] * 3)
    return path
