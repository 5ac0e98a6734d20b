"""The names under which the flow is known to the durable engine; renaming one strands running cases."""

ORCHESTRATION = "fraud_detection_orchestration"
REVERSAL_ORCHESTRATION = "reverse_fraud_action"
DECISION_EVENT = "AnalystDecision"
WITHDRAWAL_EVENT = "DecisionWithdrawn"
AGENT_ENTITY = "dafx-FraudAnalysisAgent"


def reversal_id_for(action_id: str) -> str:
    """The instance that undoes an executed action: the same one however often it is asked for."""
    return f"reverse:{action_id}"[-100:]
