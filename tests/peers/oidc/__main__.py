"""`python -m tests.peers.oidc --port 8443 --cert DIR`: the provider in a process of its own.

Prints the settings that point a server at it. Approve a device: `curl --cacert DIR/authority.pem -d
user_code=CODE -d person=analyst https://127.0.0.1:8443/devicelogin`; a token: `.../mint?who=analyst`.
"""

import argparse
import signal
from pathlib import Path

from tests.peers.certificates import Certificates, write_certificates
from tests.peers.oidc.directory import API_ID, API_URI, CONSOLE_ID
from tests.peers.oidc.provider import Provider


def certificates_in(folder: Path) -> Certificates:
    """Those in a folder, written first when there are none."""
    files = Certificates(folder / "authority.pem", folder / "chain.pem", folder / "key.pem")
    return files if files.key.exists() else write_certificates(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cert", type=Path, required=True, metavar="DIR")
    parser.add_argument("--lifetime", type=int, default=3600, help="seconds an access token lives")
    given = parser.parse_args()
    files, provider = certificates_in(given.cert), Provider(lifetime_seconds=given.lifetime)
    with provider.running(files, given.port) as authority:
        told = {
            "AUTH_TENANT_ID": provider.tenant,
            "AUTH_AUDIENCE": f"{API_ID},{API_URI}",
            "AUTH_SCOPE": provider.scope,
            "AUTH_CLIENT_ID": CONSOLE_ID,
            "AUTH_AUTHORITY": authority,
            "SSL_CERT_FILE": files.authority,
            "REQUESTS_CA_BUNDLE": files.authority,
        }
        for name, value in told.items():
            print(f"{name}={value}", flush=True)
        print("ready", flush=True)
        signal.sigwait({signal.SIGTERM, signal.SIGINT})


if __name__ == "__main__":
    main()
