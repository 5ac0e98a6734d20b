"""`python -m tests.peers.openai --port …`: the service on its own, found by environment."""

import argparse
import json
import signal
import sys
from pathlib import Path

from tests.peers.certificates import write_certificates
from tests.peers.openai import behaviours
from tests.peers.openai.scripts import read_script
from tests.peers.openai.service import OpenAIPeer

DILIGENT = [
    {
        "calls": [
            {"name": "get_customer_detail", "arguments": {"customer_id": "{{prompt.alert.customer_id}}"}},
            {"name": "get_account_status", "arguments": {"customer_id": "{{prompt.alert.customer_id}}"}},
        ]
    },
    {
        "says": {
            "status": "evaluated",
            "risk": 0.7,
            "summary": "{{tool.get_customer_detail.first_name}} holds an account that is"
            " {{tool.get_account_status.status}}; the alert says: {{prompt.alert.description}}",
            "claims": [
                {
                    "text": "the customer's account is {{tool.get_account_status.status}}",
                    "weight": 0.7,
                    "rows": [
                        {"table": "Customers", "row_id": "{{tool.get_customer_detail.customer_id|text}}"},
                    ],
                }
            ],
        }
    },
]
"""Looks up the customer that it was told about, and says so."""
FAULTS = {"429": behaviours.status(429, retry_after="1"), "500": behaviours.status(500),
          "cut": behaviours.cut(),
          "malformed": behaviours.malformed(), "hang": behaviours.hangs()}  # fmt: skip


def main() -> None:
    """Serve until SIGTERM or SIGINT; the address is the first line on stdout."""
    parser = argparse.ArgumentParser("python -m tests.peers.openai", description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--api-key", help="the only key that is taken; without it everybody may ask")
    parser.add_argument("--deployment", action="append", default=[], metavar="NAME=MODEL")
    parser.add_argument("--script", type=Path, help="a JSON file with the model's turns")
    parser.add_argument("--tls", type=Path, help="a folder: serve https, write the certificates there")
    parser.add_argument("--record", type=Path, help="a file for requests, as JSON lines")
    parser.add_argument("--tokens-per-minute", type=int)
    parser.add_argument("--requests-per-minute", type=int)
    parser.add_argument("--always", choices=sorted(FAULTS), help="instead of every answer")
    parser.add_argument("--mistake", choices=sorted(behaviours.MISTAKES), help="what the model does wrong")
    told = parser.parse_args()
    turns = json.loads(told.script.read_text()) if told.script else DILIGENT
    names = dict(pair.split("=", 1) for pair in told.deployment) or {"gpt-4o": "gpt-4o"}
    peer = OpenAIPeer(
        model=read_script(turns),
        deployments=names,
        api_key=told.api_key,
        tokens_per_minute=told.tokens_per_minute,
        requests_per_minute=told.requests_per_minute,
        always=FAULTS.get(told.always),
        mistake=behaviours.MISTAKES.get(told.mistake),
        record=told.record,
    )
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
    with peer.running(write_certificates(told.tls) if told.tls else None, told.port) as address:
        sys.stdout.write(f"{address}\n")
        sys.stdout.flush()
        signal.sigwait({signal.SIGINT, signal.SIGTERM})


if __name__ == "__main__":
    main()
