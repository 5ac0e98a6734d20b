"""The playbooks: for every kind of alert who asks what, which checks apply, and whose word weighs most."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import JsonValue

from casework.finding import Specialist
from casework.playbooks import billing_checks as billing
from casework.playbooks import location_checks as location
from casework.playbooks import usage_checks as usage
from casework.playbooks.evidence import Evidence
from casework.playbooks.playbook import (
    DEFAULT_WEIGHTS,
    Check,
    Lookup,
    Need,
    Plan,
    Playbook,
    answered,
    fresh_data,
    fresh_usage,
    readable_sign_ins,
)

LOG_DAYS = 400
"""Long enough to know what was usual before a year of silence."""
USAGE_DAYS = 60


def _customer(evidence: Evidence) -> Mapping[str, JsonValue]:
    return {"customer_id": evidence.alert.customer_id}


def _log(evidence: Evidence) -> Mapping[str, JsonValue]:
    return {"customer_id": evidence.alert.customer_id, "days": LOG_DAYS}


def _subscription(evidence: Evidence) -> Mapping[str, JsonValue] | None:
    return {"subscription_id": evidence.subscription_ids[0]} if evidence.subscription_ids else None


def _usage_days(evidence: Evidence) -> Mapping[str, JsonValue] | None:
    if not evidence.subscription_ids:
        return None
    today = evidence.now.date()
    return {
        "subscription_id": evidence.subscription_ids[0],
        "start_date": (today - timedelta(days=USAGE_DAYS)).isoformat(),
        "end_date": today.isoformat(),
    }


_DETAIL = Lookup("get_customer_detail", _customer)
_STATUS = Lookup("get_account_status", _customer)
_HISTORY = Lookup("get_login_history", _log)
_LINKS = Lookup("get_linked_entities", _customer)
_ORDERS = Lookup("get_customer_orders", _customer)
_TICKETS = Lookup("get_support_tickets", _customer)
_DUE = Lookup("get_billing_summary", _customer)
_PLAN_AND_BILLS = Lookup("get_subscription_detail", _subscription)
_DAILY_USAGE = Lookup("get_data_usage", _usage_days)


def _usage_plan(checks: tuple[Check, ...], *needs: Need) -> Plan:
    return Plan(
        waves=((_DETAIL, _STATUS), (_DAILY_USAGE,)),
        needs=(answered("get_customer_detail", "get_account_status", "get_data_usage"), fresh_data, *needs),
        checks=checks,
    )


def _location_plan(*, links: bool) -> Plan:
    tools = (_HISTORY, _STATUS, _LINKS) if links else (_HISTORY, _STATUS)
    return Plan(
        waves=(tools,),
        needs=(answered(*(lookup.tool for lookup in tools)), fresh_data, readable_sign_ins),
        checks=location.EVERYTHING,
    )


def _billing_plan(*checks: Check, links: bool = False, tickets: bool = False) -> Plan:
    first = (
        _DETAIL,
        _STATUS,
        _HISTORY,
        _ORDERS,
        *((_LINKS,) if links else ()),
        *((_TICKETS,) if tickets else ()),
    )
    tools = (*first, _PLAN_AND_BILLS)
    return Plan(
        waves=(first, (_PLAN_AND_BILLS,)),
        needs=(answered(*(lookup.tool for lookup in tools)), fresh_data),
        checks=checks,
    )


def _weights(usage_share: float, location_share: float, billing_share: float) -> Mapping[Specialist, float]:
    return {
        Specialist.USAGE: usage_share,
        Specialist.LOCATION: location_share,
        Specialist.BILLING: billing_share,
    }


def _plans(usage_plan: Plan, location_plan: Plan, billing_plan: Plan) -> Mapping[Specialist, Plan]:
    return {
        Specialist.USAGE: usage_plan,
        Specialist.LOCATION: location_plan,
        Specialist.BILLING: billing_plan,
    }


_ANY_USAGE = _usage_plan(usage.ANY)
_DATA_USAGE = _usage_plan(usage.ABOUT_DATA, fresh_usage)
_VOICE_USAGE = _usage_plan((usage.voice_spike, usage.data_spike), fresh_usage)
_SIGN_INS = _location_plan(links=False)
_SIGN_INS_AND_LINKS = _location_plan(links=True)
_MONEY_LEFT = frozenset({"orders_after_intrusion", "rapid_orders", "new_customer_large_orders"})

_TAKEOVER_MONEY = _billing_plan(*billing.PURCHASES, billing.travel_pass, billing.urgent_ticket, tickets=True)
_SPENDING = _billing_plan(*billing.PURCHASES, *billing.DEBTS)

PLAYBOOKS = (
    Playbook(
        alert_types=("multi_country_login", "rapid_auth_failures", "account_takeover"),
        plans=_plans(_ANY_USAGE, _SIGN_INS, _TAKEOVER_MONEY),
        weights=_weights(0.1, 0.75, 0.15),
        refund_checks=_MONEY_LEFT,
    ),
    Playbook(
        alert_types=("credential_change", "dormant_reactivation"),
        plans=_plans(_ANY_USAGE, _SIGN_INS, _TAKEOVER_MONEY),
        weights=_weights(0.05, 0.6, 0.35),
        refund_checks=_MONEY_LEFT,
    ),
    Playbook(
        alert_types=("sim_swap",),
        plans=_plans(_usage_plan(usage.ANY, fresh_usage), _SIGN_INS, _TAKEOVER_MONEY),
        weights=_weights(0.3, 0.6, 0.1),
        refund_checks=_MONEY_LEFT,
    ),
    Playbook(
        alert_types=("spending_spike", "unusual_charges"),
        plans=_plans(_ANY_USAGE, _SIGN_INS, _SPENDING),
        weights=_weights(0.05, 0.3, 0.65),
        refund_checks=_MONEY_LEFT,
    ),
    Playbook(
        alert_types=("data_usage_spike", "data_spike"),
        plans=_plans(_DATA_USAGE, _SIGN_INS, _billing_plan(*billing.DEBTS, billing.ordinary_money)),
        weights=_weights(0.65, 0.25, 0.1),
    ),
    Playbook(
        alert_types=("premium_rate_calls",),
        plans=_plans(_VOICE_USAGE, _SIGN_INS, _billing_plan(*billing.DEBTS, billing.ordinary_money)),
        weights=_weights(0.5, 0.35, 0.15),
    ),
    Playbook(
        alert_types=("refund_abuse",),
        plans=_plans(_ANY_USAGE, _SIGN_INS, _billing_plan(billing.refund_habit, tickets=True)),
        weights=_weights(0.05, 0.1, 0.85),
    ),
    Playbook(
        alert_types=("promo_abuse",),
        plans=_plans(
            _ANY_USAGE,
            _SIGN_INS_AND_LINKS,
            _billing_plan(billing.promotions, billing.linked_accounts, billing.stored_value, links=True),
        ),
        weights=_weights(0.05, 0.1, 0.85),
    ),
    Playbook(
        alert_types=("card_testing",),
        plans=_plans(_ANY_USAGE, _SIGN_INS_AND_LINKS, _billing_plan(billing.cards_tried, *billing.DEBTS)),
        weights=_weights(0.05, 0.1, 0.85),
    ),
    Playbook(
        alert_types=("api_scraping",),
        plans=_plans(_ANY_USAGE, _SIGN_INS_AND_LINKS, _billing_plan(billing.ordinary_money)),
        weights=_weights(0.05, 0.9, 0.05),
    ),
)

GENERIC = Playbook(
    alert_types=(),
    plans=_plans(
        _ANY_USAGE,
        _SIGN_INS_AND_LINKS,
        _billing_plan(
            *billing.PURCHASES,
            *billing.DEBTS,
            billing.refund_habit,
            billing.promotions,
            billing.cards_tried,
            links=True,
            tickets=True,
        ),
    ),
    weights=DEFAULT_WEIGHTS,
    refund_checks=_MONEY_LEFT,
)
"""For alerts of a kind nobody has written a playbook for: every check, weighed evenly."""

_BY_TYPE = {alert_type: playbook for playbook in PLAYBOOKS for alert_type in playbook.alert_types}


def playbook_for(alert_type: str) -> Playbook:
    """The playbook of an alert type; the generic one for a type without its own."""
    return _BY_TYPE.get(alert_type, GENERIC)
