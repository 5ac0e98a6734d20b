"""A case as a bundle that verifies by itself: which members it has, and what each of them says. Pure."""

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from hashlib import sha256

from casework.assessment import Assessment
from casework.canonical import GENESIS, Link, canonical_json
from casework.events import AssessmentRecorded, CaseEvent, FindingRecorded, ToolCalled, from_link
from casework.signature import PublicKey, Signer, key_id_of
from casework.signing import signed_message

FORMAT = "fraud-console/bundle/v1"
SEAL_DOMAIN = b"fraud-console/bundle/v1\n"
SUMS, SEAL, MANIFEST = "SHA256SUMS", "SHA256SUMS.sig", "manifest.json"

PemOf = Callable[[PublicKey], bytes]
"""Writes a public key as other programs read it."""

_STEPS = """\
# How to verify this case

{case_id}: {records} records, exported {exported_at} by {exported_by}.

    python verify.py BUNDLE.zip            needs Python 3.11 and the package cryptography
    python verify.py BUNDLE.zip --trust KEY_ID

Without running anything that came with it:

1. Unpack, and `sha256sum -c SHA256SUMS`: every file is the one that was exported.
2. `SHA256SUMS.sig` is an Ed25519 signature over the line `fraud-console/bundle/v1` and the bytes of
   `SHA256SUMS`: nothing was left out or added since. Its key is in `keys/`; compare the key's id, which is
   the SHA-256 of its 32 bytes, with one you were given by another way.
3. `events/` holds the record, one file each, byte for byte as it was stored. `seq` counts from 1, and
   `prev_hash` is the SHA-256 of the file before (64 zeros in the first).
4. What a person ordered carries a `signature`. It covers the line `fraud-console/order/v1` and the record
   without its `signature`, as JSON with sorted keys and no white space. `signed/` has these bytes and the
   signature in a form for OpenSSL:
   `openssl pkeyutl -verify -pubin -inkey keys/KEY_ID.pem -rawin -in signed/N.message -sigfile signed/N.sig`
5. `assessment/attempt-N.json` is what the analyst was shown, and its SHA-256 is the `assessment_hash` in the
   decision. `assessment/attempt-N.txt` says the same for reading.
6. `evidence/` repeats, by attempt and specialist, the findings and the tool calls that records name.
"""


def bundle_members(
    case_id: str,
    links: Sequence[Link],
    *,
    exported_at: datetime,
    exported_by: str,
    script: bytes,
    pem_of: PemOf,
    signer: Signer | None,
) -> dict[str, bytes]:
    """Every member by name. Raises ValueError when a record cannot be read at all.

    A record that does not verify is exported as it is: the bundle shows that, it does not hide it.
    """
    events = [from_link(link) for link in links]
    keys = {event.signature.key for event in events if event.signature}
    if signer is not None:
        keys.add(signer.key)
    manifest = {
        "format": FORMAT,
        "case_id": case_id,
        "records": len(links),
        "head_hash": links[-1].hash if links else GENESIS,
        "exported_at": exported_at.isoformat(),
        "exported_by": exported_by,
        "sealed_by": key_id_of(signer.key) if signer else None,
    }
    told = {"case_id": case_id, "records": len(links), "exported_by": exported_by}
    members = {
        MANIFEST: _json(manifest),
        "VERIFY.md": _STEPS.format(**told, exported_at=f"{exported_at:%Y-%m-%d %H:%M:%S %Z}").encode(),
        "verify.py": script,
        **{f"keys/{key_id_of(key)}.pem": pem_of(key) for key in sorted(keys)},
        **_records(events, links),
        **_assessments(events),
        **_evidence(events),
    }
    return _sealed(members, signer)


def _sealed(members: Mapping[str, bytes], signer: Signer | None) -> dict[str, bytes]:
    ordered = dict(sorted(members.items()))
    lines = (f"{sha256(content).hexdigest()}  {name}\n" for name, content in ordered.items())
    sums = "".join(lines).encode()
    sealed = {**ordered, SUMS: sums}
    if signer is not None:
        sealed[SEAL] = _json(signer.sign(SEAL_DOMAIN + sums).model_dump())
    return sealed


def _records(events: Sequence[CaseEvent], links: Sequence[Link]) -> dict[str, bytes]:
    """Each record as stored, and what its signature covers in a form other programs read."""
    members = {}
    for event, link in zip(events, links, strict=True):
        members[f"events/{event.seq:06}.json"] = link.text.encode("utf-8", "surrogatepass")
        if event.signature is not None:
            members[f"signed/{event.seq:06}.message"] = signed_message(link.text)[0]
            members[f"signed/{event.seq:06}.sig"] = bytes.fromhex(event.signature.value)
    return members


def _assessments(events: Sequence[CaseEvent]) -> dict[str, bytes]:
    members = {}
    for event in events:
        if isinstance(event.body, AssessmentRecorded):
            shown = event.body.assessment
            stem = f"assessment/attempt-{shown.attempt}"
            members[f"{stem}.json"] = _json(json.loads(event.link.text)["body"]["assessment"])
            members[f"{stem}.txt"] = _as_text(shown).encode("utf-8", "replace")
    return members


def _as_text(shown: Assessment) -> str:
    """An assessment for reading: the sum, line by line."""
    lines = [
        f"Case {shown.case_id}, attempt {shown.attempt}",
        f"Alert {shown.alert_id}, customer {shown.customer_id}",
        f"Risk {shown.risk:.2f} ({shown.level}); recommended: {shown.recommended_action}",
        f"Evidence alone: {shown.evidence_risk:.2f}",
        *(f"  {line.points:+.2f} {line.label} ({line.specialist})" for line in shown.contributions),
        *(f"  floor {floor.model_dump_json()}" for floor in shown.floors),
        shown.reasoning,
    ]
    return "\n".join(lines) + "\n"


def _evidence(events: Sequence[CaseEvent]) -> dict[str, bytes]:
    """Findings and tool calls by attempt and specialist, each with the record that holds it."""
    found: dict[str, list[object]] = {}
    for event in events:
        match event.body:
            case FindingRecorded(finding=finding):
                name = f"evidence/attempt-{finding.attempt}-{finding.specialist}.json"
            case ToolCalled(attempt=attempt, specialist=specialist):
                name = f"evidence/attempt-{attempt}-{specialist}.json"
            case _:
                continue
        body = json.loads(event.link.text)["body"]
        found.setdefault(name, []).append({"seq": event.seq, "body": body})
    return {name: _json(entries) for name, entries in found.items()}


def _json(value: object) -> bytes:
    return canonical_json(value).encode("utf-8", "surrogatepass")
