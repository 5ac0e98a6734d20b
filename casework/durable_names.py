"""The names under which the flow is known to the durable engine; renaming one strands running cases."""

ORCHESTRATION = "fraud_detection_orchestration"
REVERSAL_ORCHESTRATION = "reverse_fraud_action"
DECISION_EVENT = "AnalystDecision"
WITHDRAWAL_EVENT = "DecisionWithdrawn"
FLOW_VERSION = "1.1.0"
"""Of the orchestrations a server starts; a worker takes those of its own version and older ones.

1.0.0  decisions and withdrawals are matched in the flow; what does not match is dropped without a word
1.1.0  every decision and withdrawal is judged by an activity, which notes what it refuses
"""
AGENT_ENTITY = "dafx-FraudAnalysisAgent"


def reversal_id_for(action_id: str) -> str:
    """The instance that undoes an executed action: the same one however often it is asked for."""
    return f"reverse:{action_id}"[-100:]
