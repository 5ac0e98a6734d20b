"""Checks an exported case with nothing but Python and `cryptography`: python verify.py BUNDLE [--trust KEY].

This file imports nothing of fraud-console, and every bundle carries a copy of it as `verify.py`. Whoever
does not want to run code that came with the evidence finds the same steps in `VERIFY.md`.
"""

import argparse
import hashlib
import json
import re
import sys
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

ORDER_DOMAIN = b"fraud-console/order/v1\n"
SEAL_DOMAIN = b"fraud-console/bundle/v1\n"
ORDERS = ("decision_submitted", "decision_withdrawn", "reversal_ordered")
SUMS, SEAL, MANIFEST = "SHA256SUMS", "SHA256SUMS.sig", "manifest.json"
LARGEST_MEMBER = 256 * 1024 * 1024
LARGEST_BUNDLE = 1024 * 1024 * 1024
MOST_MEMBERS = 1_000_000
_NAME = re.compile(r"(?:[a-z]+/)?[A-Za-z0-9][A-Za-z0-9._-]*")
_END = b"PK\x05\x06"
_END_BYTES = 22
_REGULAR_FILE = (0, 0o100000)
_MALFORMED = (LookupError, TypeError, AttributeError, ValueError, RecursionError)
"""What a record surfaces as that has not the form of one."""
_SEAL = re.compile(rb'\{"key":"[0-9a-f]{64}","value":"[0-9a-f]{128}"\}')
_LINE = re.compile(r"([0-9a-f]{64})  ([A-Za-z0-9._/-]+)\n")


class Problem(NamedTuple):
    """The first thing that is not right: which member, which record of the case, and why."""

    member: str
    seq: int | None
    reason: str


class Checked(NamedTuple):
    """What was found: the case, its records, the keys that signed, and the first problem if there is one."""

    case_id: str
    records: int
    keys: tuple[str, ...]
    problem: Problem | None


class _BadError(Exception):
    def __init__(self, member: str, reason: str, seq: int | None = None) -> None:
        super().__init__(reason)
        self.problem = Problem(plain(member), seq, plain(reason))


def check_file(path: Path, trusted: frozenset[str] | None = None, *, unsigned: bool = False) -> Checked:
    """Check a bundle. `trusted` are key ids; None judges whether signatures fit, not whose they are."""
    try:
        members = read_members(path)
    except (zipfile.BadZipFile, RuntimeError, EOFError, ValueError, OSError) as error:
        return Checked("", 0, (), Problem(path.name, None, plain(f"cannot be read as a bundle: {error}")))
    except _BadError as bad:
        return Checked("", 0, (), bad.problem)
    return check_members(members, trusted, unsigned=unsigned)


def read_members(path: Path) -> dict[str, bytes]:
    """Every member of a zip file. Raises what `zipfile` raises, and ValueError for a doubtful one."""
    if path.is_dir():
        raise ValueError("it is a folder; name the zip file that was exported, not what was unpacked from it")
    with zipfile.ZipFile(path) as bundle:
        infos = bundle.infolist()
        sizes = [info.file_size for info in infos]
        if len(infos) > MOST_MEMBERS or max(sizes, default=0) > LARGEST_MEMBER or sum(sizes) > LARGEST_BUNDLE:
            raise ValueError("it is larger than any case can be")
        names = [info.filename for info in infos]
        if len(set(names)) != len(names):
            raise ValueError("two members have the same name")
        if odd := next((info.filename for info in infos if not _is_plain_file(info)), None):
            raise ValueError(f"a member is none of a bundle's: {odd[:80]!r}")
        if not _is_all(path, infos):
            raise ValueError("there is something before or behind it that is not part of it")
        return {name: _member(bundle, name) for name in names}


def _is_plain_file(info: zipfile.ZipInfo) -> bool:
    """Whether unpacking makes a file, below where one unpacks: neither a link nor a path of its own."""
    kind = (info.external_attr >> 16) & 0o170000
    return _NAME.fullmatch(info.filename) is not None and kind in _REGULAR_FILE


def _is_all(path: Path, infos: list[zipfile.ZipInfo]) -> bool:
    """Whether the file is the archive and nothing else, which another program might read instead."""
    with path.open("rb") as file:
        file.seek(-_END_BYTES, 2)
        end = file.read()
    return end.startswith(_END) and min((info.header_offset for info in infos), default=0) == 0


def _member(bundle: zipfile.ZipFile, name: str) -> bytes:
    try:
        return bundle.read(name)
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise _BadError(name, f"cannot be read: {error}", _seq_of(name)) from None


def check_members(
    members: Mapping[str, bytes], trusted: frozenset[str] | None = None, *, unsigned: bool = False
) -> Checked:
    """Check the members of a bundle, in the order of the steps in VERIFY.md."""
    keys: list[str] = []
    case_id, records = "", 0
    try:
        _check_sums(members)
        manifest = _json(members, MANIFEST)
        case_id = plain(str(manifest.get("case_id")))
        _check_seal(members, manifest, trusted, keys)
        events = _check_chain(members, manifest)
        records = len(events)
        _check_orders(events, trusted, keys, unsigned=unsigned)
        _check_assessments(members, events)
        _check_evidence(members, events)
    except _BadError as bad:
        return Checked(case_id, records, tuple(dict.fromkeys(keys)), bad.problem)
    except _MALFORMED as error:
        problem = Problem(MANIFEST, None, plain(f"a record has not the form of one: {error!r}"))
        return Checked(case_id, records, tuple(dict.fromkeys(keys)), problem)
    return Checked(case_id, records, tuple(dict.fromkeys(keys)), None)


def _check_sums(members: Mapping[str, bytes]) -> None:
    """Step 1: every member is listed with its SHA-256, and nothing else is there."""
    listed: dict[str, str] = {}
    text = _text(members, SUMS)
    for line in text.splitlines(keepends=True):
        found = _LINE.fullmatch(line)
        if found is None or found[2] in listed:
            raise _BadError(SUMS, f"has a line that is not one: {line.strip()[:80]!r}")
        listed[found[2]] = found[1]
    for name in sorted(set(members) - set(listed) - {SUMS, SEAL}):
        raise _BadError(name, f"is not listed in {SUMS}", _seq_of(name))
    for name, wanted in listed.items():
        if name not in members:
            raise _BadError(name, "is missing", _seq_of(name))
        if hashlib.sha256(members[name]).hexdigest() != wanted:
            raise _BadError(name, f"is not what {SUMS} says", _seq_of(name))


def _check_seal(
    members: Mapping[str, bytes], manifest: Mapping[str, Any], trusted: frozenset[str] | None, keys: list[str]
) -> None:
    """Step 2: the list itself is signed by whoever exported, so that nothing was left out since."""
    if SEAL not in members:
        if manifest.get("sealed_by"):
            raise _BadError(SEAL, "is missing")
        if trusted is not None:
            raise _BadError(SUMS, "is not signed, so records may have been left out at the end")
        return
    seal = _json(members, SEAL)
    if not _SEAL.fullmatch(members[SEAL]):
        raise _BadError(SEAL, "is not written as a seal is")
    keys.append(_signed_by(SEAL, None, seal, SEAL_DOMAIN + members[SUMS], trusted))
    if keys[-1] != manifest.get("sealed_by"):
        raise _BadError(SEAL, "is by another key than the manifest says")


def _check_chain(members: Mapping[str, bytes], manifest: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Step 3: records are numbered without a gap, and each names the SHA-256 of the one before."""
    names = sorted(name for name in members if name.startswith("events/"))
    previous, events = "0" * 64, []
    for seq, name in enumerate(names, start=1):
        event = _json(members, name)
        if name != f"events/{seq:06}.json" or event.get("seq") != seq:
            raise _BadError(f"events/{seq:06}.json", "is missing, or another record is in its place", seq)
        if event.get("prev_hash") != previous:
            raise _BadError(name, "does not name the record before it", seq)
        if event.get("case_id") != manifest.get("case_id"):
            raise _BadError(name, f"belongs to case {event.get('case_id')}", seq)
        previous = hashlib.sha256(members[name]).hexdigest()
        events.append((name, event))
    if len(events) != manifest.get("records") or previous != manifest.get("head_hash"):
        raise _BadError(
            MANIFEST, f"names {manifest.get('records')} records, the last of them another", len(events)
        )
    return events


def _check_orders(
    events: list[tuple[str, Any]], trusted: frozenset[str] | None, keys: list[str], *, unsigned: bool
) -> None:
    """Step 4: what people ordered is signed, for exactly this place in this case."""
    for name, event in events:
        if event["body"]["type"] not in ORDERS:
            continue
        content = {field: value for field, value in event.items() if field != "signature"}
        if "signature" not in event:
            if unsigned:
                continue
            raise _BadError(name, f"{event['body']['type']} is not signed", event["seq"])
        message = ORDER_DOMAIN + canonical(content)
        keys.append(_signed_by(name, event["seq"], event["signature"], message, trusted))


def _check_assessments(members: Mapping[str, bytes], events: list[tuple[str, Any]]) -> None:
    """Step 5: each decision names the SHA-256 of the assessment that was on the screen."""
    shown = {}
    for name, event in events:
        body = event["body"]
        if body["type"] == "assessment_recorded":
            file = f"assessment/attempt-{body['assessment']['attempt']}.json"
            if members.get(file) != canonical(body["assessment"]):
                raise _BadError(file, f"is not the assessment of {name}", event["seq"])
            shown[hashlib.sha256(members[file]).hexdigest()] = file
            if body["assessment_hash"] not in shown:
                raise _BadError(name, "names another hash than its assessment has", event["seq"])
        if body["type"] == "decision_submitted" and body["decision"]["assessment_hash"] not in shown:
            raise _BadError(name, "was made on an assessment that is not here", event["seq"])


def _check_evidence(members: Mapping[str, bytes], events: list[tuple[str, Any]]) -> None:
    """Step 6: the evidence files say what the records say."""
    by_seq = {event["seq"]: event["body"] for _, event in events}
    for name in sorted(name for name in members if name.startswith("evidence/")):
        for entry in _json(members, name, list):
            if entry["body"] != by_seq.get(entry["seq"]):
                raise _BadError(name, f"is not what record {entry['seq']} says", entry["seq"])


def _signed_by(
    member: str, seq: int | None, signature: Any, message: bytes, trusted: frozenset[str] | None
) -> str:
    """The id of the key that signed. Raises when the signature does not fit or the key is not trusted."""
    try:
        raw, value = bytes.fromhex(signature["key"]), bytes.fromhex(signature["value"])
        Ed25519PublicKey.from_public_bytes(raw).verify(value, message)
    except (KeyError, TypeError, ValueError, InvalidSignature):
        raise _BadError(member, "its signature does not fit what it says", seq) from None
    key_id = hashlib.sha256(raw).hexdigest()
    if trusted is not None and key_id not in trusted:
        raise _BadError(member, f"is signed with the key {key_id[:16]}, which is not trusted", seq)
    return key_id


def plain(text: str) -> str:
    """Text of a bundle as a terminal may be shown it: it came from whoever made the bundle."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:300])


def canonical(value: object) -> bytes:
    """JSON with one spelling: sorted keys, no white space, UTF-8."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8", "surrogatepass")


def _text(members: Mapping[str, bytes], name: str) -> str:
    if name not in members:
        raise _BadError(name, "is missing", _seq_of(name))
    try:
        return members[name].decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        raise _BadError(name, "is not text", _seq_of(name)) from None


def _json(members: Mapping[str, bytes], name: str, kind: type = dict) -> Any:
    try:
        value = json.loads(_text(members, name))
    except (ValueError, RecursionError):
        raise _BadError(name, "is not JSON", _seq_of(name)) from None
    if not isinstance(value, kind):
        raise _BadError(name, "is not JSON of the right form", _seq_of(name))
    return value


def _seq_of(name: str) -> int | None:
    found = re.fullmatch(r"events/(\d{6,9})\.json", name)
    return int(found[1]) if found else None


def key_ids_in(place: str) -> frozenset[str]:
    """The ids that --trust names: an id itself, or the PEM file of a public key."""
    if re.fullmatch(r"[0-9a-f]{64}", place):
        return frozenset({place})
    from cryptography.hazmat.primitives.serialization import load_pem_public_key  # noqa: PLC0415 - seldom

    try:
        public = load_pem_public_key(Path(place).read_bytes())
    except (OSError, ValueError):
        raise argparse.ArgumentTypeError(
            f"{place!r} is neither a key id (64 hexadecimal digits) nor the PEM file of a public key"
        ) from None
    if not isinstance(public, Ed25519PublicKey):
        raise argparse.ArgumentTypeError(f"{place} holds no Ed25519 key")
    return frozenset({hashlib.sha256(public.public_bytes_raw()).hexdigest()})


def _lines(found: Checked, trusted: frozenset[str] | None) -> Iterator[str]:
    for key in found.keys:
        yield f"signed with the key {key}"
    if found.problem:
        where = f" (record {found.problem.seq})" if found.problem.seq is not None else ""
        yield f"BROKEN {found.problem.member}{where}: {found.problem.reason}"
        return
    yield f"case {found.case_id}: {found.records} records, every one verifies"
    if trusted is None:
        yield "Compare the key with one you were given by another way, or name it with --trust."


def main() -> int:
    parser = argparse.ArgumentParser(description="Verify an exported case.")
    parser.add_argument("bundle", type=Path, metavar="BUNDLE.zip", help="the file as it was exported")
    parser.add_argument(
        "--trust",
        action="append",
        type=key_ids_in,
        metavar="KEY",
        help="a key id, or a public key's PEM file",
    )
    parser.add_argument("--allow-unsigned", action="store_true", help="for records older than signatures")
    given = parser.parse_args()
    trusted = frozenset().union(*given.trust) if given.trust else None
    found = check_file(given.bundle, trusted, unsigned=given.allow_unsigned)
    for line in _lines(found, trusted):
        print(line)  # noqa: T201 - a program of its own
    return 1 if found.problem else 0


if __name__ == "__main__":
    sys.exit(main())
