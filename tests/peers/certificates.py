"""A throw-away certificate authority, so that peers speak TLS and clients verify it."""

import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme


@dataclass(frozen=True, slots=True)
class Certificates:
    """Files for one loopback server: point `SSL_CERT_FILE` at `authority` to trust it."""

    authority: Path
    chain: Path
    key: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self.chain, self.key)
        return context

    def client_context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=str(self.authority))


def write_certificates(folder: Path) -> Certificates:
    """Issue a certificate for loopback and write it with its key and authority as PEM files."""
    folder.mkdir(parents=True, exist_ok=True)
    authority = trustme.CA()
    server = authority.issue_cert("localhost", "127.0.0.1", "::1")
    files = Certificates(folder / "authority.pem", folder / "chain.pem", folder / "key.pem")
    authority.cert_pem.write_to_path(files.authority)
    files.key.write_bytes(server.private_key_pem.bytes())
    files.chain.write_bytes(b"".join(blob.bytes() for blob in server.cert_chain_pems))
    return files
