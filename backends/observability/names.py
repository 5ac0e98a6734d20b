"""The names under which traces and metrics can be found; dashboards and queries depend on them.

The gen_ai names follow the OpenTelemetry conventions, which left the Python package that had them.
"""

SCOPE = "fraud-console"

CASE_ID = "fraud.case_id"
ALERT_ID = "fraud.alert_id"
EVENT_ID = "fraud.event_id"
RULE_ID = "fraud.rule_id"
SPECIALIST = "fraud.specialist"
ATTEMPT = "fraud.attempt"
ACTION = "fraud.action"
ACTION_ID = "fraud.action_id"
STATUS = "fraud.status"
OUTCOME = "fraud.outcome"

OPERATION = "gen_ai.operation.name"
PROVIDER = "gen_ai.provider.name"
REQUEST_MODEL = "gen_ai.request.model"
RESPONSE_MODEL = "gen_ai.response.model"
FINISH_REASONS = "gen_ai.response.finish_reasons"
INPUT_TOKENS = "gen_ai.usage.input_tokens"
OUTPUT_TOKENS = "gen_ai.usage.output_tokens"
CACHED_TOKENS = "gen_ai.usage.cache_read.input_tokens"
AGENT_NAME = "gen_ai.agent.name"
CONVERSATION_ID = "gen_ai.conversation.id"
TOOL_NAME = "gen_ai.tool.name"
TOKEN_TYPE = "gen_ai.token.type"
ERROR_TYPE = "error.type"
