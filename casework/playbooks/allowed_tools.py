"""Which tools each specialist may call: look-ups only, and only its own."""

from collections.abc import Mapping

from casework.finding import Specialist

ALLOWED_TOOLS: Mapping[Specialist, tuple[str, ...]] = {
    Specialist.USAGE: (
        "get_customer_detail",
        "get_subscription_detail",
        "get_data_usage",
        "get_account_status",
        "search_knowledge_base",
    ),
    Specialist.LOCATION: (
        "get_customer_detail",
        "get_security_logs",
        "get_login_history",
        "get_linked_entities",
        "get_account_status",
        "search_knowledge_base",
    ),
    Specialist.BILLING: (
        "get_customer_detail",
        "get_billing_summary",
        "get_subscription_detail",
        "get_customer_orders",
        "get_support_tickets",
        "get_login_history",
        "get_linked_entities",
        "get_account_status",
        "search_knowledge_base",
    ),
}
