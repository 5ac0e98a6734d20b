"""`fraud-console audit` without a server: verify a store or a bundle, export, look after keys."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from backends import bundle_check
from backends.bundles import export_case
from backends.embedded.case_archive import Archived, archive_in, case_meant, read_archive, read_case
from backends.keys import KEY_FILE
from backends.signing import (
    AnyKey,
    Ed25519Signer,
    KeyRing,
    by_id,
    ensure_key,
    new_key,
    public_pem,
    publish,
    read_signer,
    trusted_keys,
    write_private,
)
from casework.audit import audit_case
from casework.canonical import Link
from casework.errors import UnavailableError
from casework.signature import PublicKey, Verifier
from casework.signing import signed_message
from console.format import plural


@dataclass(frozen=True, slots=True)
class Break:
    """The first bad record of a case, or bad member of a bundle."""

    case_id: str
    seq: int | None
    reason: str
    member: str = ""

    @property
    def line(self) -> str:
        where = self.member or self.case_id
        at = f" at record {self.seq}" if self.seq is not None else ""
        return f"BROKEN {bundle_check.plain(where)}{at}: {bundle_check.plain(self.reason)}"


@dataclass(slots=True)
class Report:
    """What an audit without a server found."""

    source: str
    trusted: bool
    """Whether it was known whose signatures count; otherwise only that they fit."""
    cases: int = 0
    records: int = 0
    keys: list[str] = field(default_factory=list)
    broken: list[Break] = field(default_factory=list)

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=2)

    def lines(self) -> Iterator[str]:
        yield from (found.line for found in self.broken)
        yield from (f"signed with the key {key}" for key in self.keys)
        verdict = f"{len(self.broken)} broken" if self.broken else "every one verifies"
        yield f"{self.source}: {plural(self.cases, 'case')}, {plural(self.records, 'record')}: {verdict}"
        if self.keys and not self.trusted:
            yield "Whose keys these are was not checked: name those to trust with --trust."


@dataclass(frozen=True, slots=True)
class KnownKeys:
    """Which key signs, its public half, and which are trusted."""

    signs: str | None
    public_key: str | None
    trusted: tuple[str, ...]

    def lines(self) -> Iterator[str]:
        yield f"signs    {self.signs or 'no key yet: the server makes one at its first start'}"
        yield from (f"trusted  {key_id}" for key_id in self.trusted)
        if self.public_key:
            yield self.public_key


def verify_bundle(path: Path, trust: Path | None, *, unsigned: bool) -> Report:
    """Check an exported case."""
    trusted = None if trust is None else frozenset(by_id(_trusted(trust)))
    found = bundle_check.check_file(path, trusted, unsigned=unsigned)
    report = Report(str(path), trusted is not None, 1, found.records, list(found.keys))
    if found.problem is not None:
        problem = found.problem
        report.broken.append(Break(found.case_id, problem.seq, problem.reason, problem.member))
    return report


def verify_store(place: Path, trust: Path | None, *, unsigned: bool) -> Report:
    """Check every case of a store's file. The keys beside it count unless others are named."""
    path = archive_in(place)
    beside = path.parent / "audit" / "trusted"
    known = trust or (beside if beside.is_dir() else None)
    ring = _ring(known, unsigned=unsigned)
    report = Report(str(path), known is not None)
    for case in read_archive(path):
        report.cases += 1
        report.records += len(case.links)
        report.keys += [key for key in _keys_of(case.links) if key not in report.keys]
        if (found := _break_of(case, ring)) is not None:
            report.broken.append(found)
    return report


def export_from(place: Path, given: str) -> tuple[str, bytes]:
    """Export a case from a store's file, sealed with the key beside it when there is one.

    `given` is its id, or any part of it that no other contains. Returns the id and the bundle.
    """
    path = archive_in(place)
    case = read_case(path, case_meant(path, given))
    by = "fraud-console audit export"
    return case.case_id, export_case(
        case.case_id, case.links, now=datetime.now(UTC), by=by, signer=_beside(path)
    )


def create_key(path: Path) -> Ed25519Signer:
    """Write a new private key to a file of its own. Raises UnavailableError when there is one."""
    try:
        write_private(path, new_key())
    except FileExistsError:
        raise UnavailableError(f"{path} exists already and was left as it is") from None
    return read_signer(path)


def rotate_key(folder: Path) -> tuple[Ed25519Signer, Ed25519Signer]:
    """Replace the key of a data folder; the old one stays trusted. Returns the old and the new."""
    path, trusted = folder / KEY_FILE, folder / "trusted"
    old = ensure_key(path)
    publish(old.key, trusted)
    write_private(path, new_key(), replace=True)
    new = read_signer(path)
    publish(new.key, trusted)
    return old, new


def known_keys(folder: Path) -> KnownKeys:
    """What keys a data folder has."""
    current = _beside(folder.parent / "cases.db")
    trusted = tuple(sorted(by_id(trusted_keys(folder / "trusted"))))
    if current is None:
        return KnownKeys(None, None, trusted)
    return KnownKeys(current.key_id, public_pem(current.key).decode().strip(), trusted)


def _break_of(case: Archived, ring: Verifier) -> Break | None:
    if case.defect:
        return Break(case.case_id, 0, case.defect)
    found = audit_case(case.case_id, case.links, case.projection, ring)
    return Break(case.case_id, found.seq, found.reason) if found else None


def _keys_of(links: Sequence[Link]) -> Iterator[str]:
    for link in links:
        try:
            _, signature = signed_message(link.text)
        except ValueError:
            continue
        if signature is not None:
            yield signature.key_id


def _beside(path: Path) -> Ed25519Signer | None:
    key = path.parent / "audit" / KEY_FILE
    return read_signer(key) if key.exists() else None


def _ring(known: Path | None, *, unsigned: bool) -> KeyRing:
    if known is None:
        return AnyKey(accepts_unsigned=unsigned)
    keys = _trusted(known)
    return KeyRing(lambda: keys, accepts_unsigned=unsigned)


def _trusted(place: Path) -> frozenset[PublicKey]:
    keys = trusted_keys(place)
    if not keys:
        raise UnavailableError(f"--trust {place} holds no public key in PEM form")
    return keys
