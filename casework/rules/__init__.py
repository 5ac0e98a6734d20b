"""Detection rules: declared in TOML, run over telemetry in event time, tried on recorded files."""

from casework.rules.backtest import BacktestReport, RuleHits, backtest
from casework.rules.engine import DEFAULT_LATENESS, Detector
from casework.rules.evidence import Detection
from casework.rules.loading import RuleFileError, default_rules, load_rules, parse_rules
from casework.rules.spec import Rule, RuleMode

__all__ = [
    "DEFAULT_LATENESS",
    "BacktestReport",
    "Detection",
    "Detector",
    "Rule",
    "RuleFileError",
    "RuleHits",
    "RuleMode",
    "backtest",
    "default_rules",
    "load_rules",
    "parse_rules",
]
