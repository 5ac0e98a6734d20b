"""Exported cases as zip files, made and checked."""

import io
import zipfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from importlib.resources import files

from backends.signing import public_pem
from casework.bundle import bundle_members
from casework.canonical import Link
from casework.errors import TamperedError
from casework.signature import Signer

LONG_AGO = (1980, 1, 1, 0, 0, 0)
"""Members carry no time of their own, so that the same case exported twice is the same file."""


def export_case(
    case_id: str, links: Sequence[Link], *, now: datetime, by: str, signer: Signer | None
) -> bytes:
    """A case as a zip that verifies by itself. Raises TamperedError when its record cannot even be read."""
    script = files("backends").joinpath("bundle_check.py").read_bytes()
    try:
        members = bundle_members(
            case_id, links, exported_at=now, exported_by=by, script=script, pem_of=public_pem, signer=signer
        )
    except ValueError as error:
        raise TamperedError(f"the record of {case_id} cannot be read: {str(error)[:300]}") from error
    return zipped(members)


def zipped(members: Mapping[str, bytes]) -> bytes:
    """Members as a zip file."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as bundle:
        for name, content in members.items():
            info = zipfile.ZipInfo(name, LONG_AGO)
            info.external_attr = 0o644 << 16
            bundle.writestr(info, content, zipfile.ZIP_DEFLATED)
    return target.getvalue()
