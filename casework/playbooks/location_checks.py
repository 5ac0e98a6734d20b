"""Checks over the security log: who signed in, from where, on what, and what they changed."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import timedelta
from itertools import pairwise

from casework.finding import Claim
from casework.playbooks.evidence import Evidence
from casework.playbooks.playbook import claim
from casework.playbooks.typed_rows import LogRow, refs
from casework.rules.durations import in_words

TRAVEL_WINDOW = timedelta(hours=2)
BURST_WINDOW = timedelta(minutes=10)
BURST_FAILURES = 3
AFTER_BURST = timedelta(minutes=15)
DORMANT_DAYS = 90
CREDENTIALS = frozenset({"password_reset", "email_change", "address_change"})
REMOTE = frozenset({"phone", "web", "chat"})
"""Channels in which nobody sees who is asking."""


def impossible_travel(evidence: Evidence) -> Iterator[Claim]:
    """Successful sign-ins in two countries within two hours."""
    sign_ins = [row for row in evidence.recent_log if row.signed_in and row.country]
    for before, after in pairwise(sign_ins):
        if before.country == after.country or after.at - before.at > TRAVEL_WINDOW:
            continue
        minutes = round((after.at - before.at).total_seconds() / 60)
        text = f"successful sign-ins from {before.country} and {after.country} {minutes} minutes apart"
        if before.device_id is not None and before.device_id == after.device_id:
            yield claim("impossible_travel", f"{text}, both on {after.device_id}", 0.1, refs([before, after]))
        else:
            yield claim("impossible_travel", f"{text}, on different devices", 0.35, refs([before, after]))
        return


def unknown_device(evidence: Evidence) -> Iterator[Claim]:
    """A sign-in, or other activity, from a device the customer never used."""
    strangers = [
        row for row in evidence.recent_log if evidence.is_stranger(row) and (row.signed_in or row.card_id)
    ]
    if strangers:
        devices = _listed(row.device_id for row in strangers)
        usual = _listed(evidence.usual_devices) or "none on record"
        text = f"{devices} was never used before (usual: {usual})"
        yield claim("unknown_device", text, 0.25, refs(strangers))


def unknown_country(evidence: Evidence) -> Iterator[Claim]:
    """A successful sign-in from a country the customer never signed in from."""
    abroad = [
        row
        for row in evidence.recent_log
        if row.signed_in and row.country and row.country not in evidence.usual_countries
    ]
    if abroad:
        countries = _listed(row.country for row in abroad)
        usual = _listed(evidence.usual_countries) or "none on record"
        text = f"first sign-in from {countries} (usual: {usual})"
        yield claim("unknown_country", text, 0.15, refs(abroad))


def failed_burst(evidence: Evidence) -> Iterator[Claim]:
    """Many failed sign-ins in a short time, and whether one of them got in."""
    burst = _largest_burst([row for row in evidence.recent_log if row.failed])
    if len(burst) < BURST_FAILURES:
        return
    addresses = {row.ip for row in burst if row.ip}
    time = in_words((burst[-1].at - burst[0].at).total_seconds())
    plural = "" if len(addresses) == 1 else "es"
    text = f"{len(burst)} failed sign-ins in {time} from {len(addresses)} address{plural}"
    if addresses and addresses <= evidence.usual_addresses:
        yield claim("failed_burst", f"{text}, the customer's own", 0.05, refs(burst))
        weight_in = 0.0
    else:
        yield claim("failed_burst", text, min(0.3, 0.1 + 0.02 * len(burst)), refs(burst))
        weight_in = 0.3
    entered = [
        row
        for row in evidence.recent_log
        if row.signed_in and timedelta() <= row.at - burst[-1].at <= AFTER_BURST
    ]
    if entered and evidence.is_stranger(entered[0]):
        wait = in_words((entered[0].at - burst[-1].at).total_seconds())
        text = f"then a successful sign-in on an unknown device within {wait}"
        yield claim("entered_after_burst", text, weight_in, refs([burst[-1], entered[0]]))
    elif entered and entered[0].device_id is None:
        text = "then a successful sign-in on a device that the log does not name"
        yield claim("entered_after_burst", text, 0.0, refs(entered[:1]))
    elif entered:
        text = f"then a successful sign-in on {entered[0].device_id}, as usual"
        yield claim("entered_after_burst", text, -0.05, refs(entered[:1]))


def credentials_changed(evidence: Evidence) -> Iterator[Claim]:
    """Password, e-mail or address changed by a stranger, or through somebody who could not see the caller."""
    changes = [row for row in evidence.recent_log if row.event_type in CREDENTIALS]
    suspect = [
        row
        for row in changes
        if evidence.is_stranger(row) or (row.device_id is None and row.channel in REMOTE)
    ]
    if suspect:
        what = _listed(row.event_type.replace("_", " ") for row in suspect)
        how = _listed(row.device_id or f"channel {row.channel}" for row in suspect)
        weight = min(0.4, 0.25 + 0.1 * (len(suspect) - 1))
        yield claim("credentials_changed", f"{what} by {how}", weight, refs(suspect))
    elif changes:
        what = _listed(row.event_type.replace("_", " ") for row in changes)
        yield claim("credentials_changed", f"{what}{_by_whom(changes, ())}", 0.0, refs(changes))


def sim_swapped(evidence: Evidence) -> Iterator[Claim]:
    """The SIM was replaced, above all when nobody saw the customer."""
    swaps = [row for row in evidence.recent_log if row.event_type == "sim_swap"]
    if swaps:
        channel = swaps[-1].channel
        how = f" through channel {channel}" if channel else ""
        weight = 0.3 if channel in REMOTE else 0.2
        yield claim("sim_swapped", f"SIM replaced on {swaps[-1].at:%d %B at %H:%M}{how}", weight, refs(swaps))


def roaming(evidence: Evidence) -> Iterator[Claim]:
    """Registered abroad: with a travel pass bought beforehand, or out of the blue."""
    abroad = [row for row in evidence.recent_log if row.event_type == "roaming_registered"]
    if not abroad:
        return
    passes = [row for row in evidence.log if row.event_type == "roaming_addon" and row.at <= abroad[0].at]
    bought = [
        row for row in passes if abroad[0].at - row.at <= timedelta(days=14) and not evidence.is_stranger(row)
    ]
    if bought:
        text = "a travel pass was bought from the customer's own device before going abroad"
        yield claim("roaming", text, -0.2, refs([*bought, *abroad]))
    else:
        yield claim("roaming", "registered on a network abroad without a travel pass", 0.15, refs(abroad))


def shared_device(evidence: Evidence) -> Iterator[Claim]:
    """Other customers use the same device or payment card."""
    linked = [link for link in evidence.links if link.shared & {"device", "card"}]
    if not linked:
        return
    who = ", ".join(str(link.customer_id) for link in linked[:10])
    rows = [ref for link in linked for ref in link.refs]
    text = f"shares a device or card with {len(linked)} other customers: {who}"
    yield claim("shared_device", text, 0.4 if len(linked) >= 2 else 0.2, rows)


def api_bursts(evidence: Evidence) -> Iterator[Claim]:
    """Bursts of API calls in the log."""
    bursts = [row for row in evidence.recent_log if row.event_type == "api_burst"]
    if bursts:
        text = f"{len(bursts)} bursts of API calls between {bursts[0].at:%H:%M} and {bursts[-1].at:%H:%M}"
        yield claim("api_bursts", text, min(0.5, 0.2 + 0.1 * len(bursts)), refs(bursts))


def premium_calls(evidence: Evidence) -> Iterator[Claim]:
    """Premium-rate calls in the log, and whether a stranger made them."""
    calls = [row for row in evidence.recent_log if row.event_type == "premium_calls"]
    if calls:
        strange = [row for row in calls if evidence.is_stranger(row)]
        text = f"{len(calls)} runs of premium-rate calls{_by_whom(calls, strange)}"
        yield claim("premium_calls", text, 0.3 if strange else 0.1, refs(calls))


def _by_whom(rows: Sequence[LogRow], strange: Sequence[LogRow]) -> str:
    """On whose device: only as much as every row says."""
    if strange:
        part = "" if len(strange) == len(rows) else f", {len(strange)} of them"
        return f"{part} from an unknown device"
    return "" if any(row.device_id is None for row in rows) else " from the customer's own device"


def woken_up(evidence: Evidence) -> Iterator[Claim]:
    """Reactivated after a long silence."""
    woken = [row for row in evidence.recent_log if row.event_type == "reactivated"]
    if not woken:
        return
    before = [row for row in evidence.log if row.at < woken[0].at and row.signed_in]
    asleep = (woken[0].at - before[-1].at).days if before else DORMANT_DAYS
    how = f" through channel {woken[0].channel}" if woken[0].channel else ""
    if asleep >= DORMANT_DAYS:
        weight = 0.3 if woken[0].channel in REMOTE else 0.15
        since = f"after {asleep} days without a sign-in" if before else "with no sign-in on record before"
        text = f"reactivated{how} {since}"
        yield claim("woken_up", text, weight, refs([*before[-1:], *woken]))


def tethering(evidence: Evidence) -> Iterator[Claim]:
    """Many new devices behind the customer's hotspot."""
    guests = [row for row in evidence.recent_log if row.event_type == "tethering_device"]
    devices = {row.device_id for row in guests if row.device_id}
    if len(devices) >= 3:
        yield claim("tethering", f"{len(devices)} new devices behind the hotspot", 0.5, refs(guests))


def nothing_recent(evidence: Evidence) -> Iterator[Claim]:
    """The log neither confirms nor denies: it may lag behind what raised the alert."""
    strange = [row for row in evidence.recent_log if evidence.is_stranger(row) or row.failed]
    if not strange:
        shown = [row for row in evidence.log if row.signed_in][-3:]
        yield claim(
            "nothing_recent", "only usual devices and no failures in the recent log", 0.0, refs(shown)
        )


def _largest_burst(failures: Sequence[LogRow]) -> Sequence[LogRow]:
    best: Sequence[LogRow] = ()
    start = 0
    for end, row in enumerate(failures):
        while row.at - failures[start].at > BURST_WINDOW:
            start += 1
        if end - start + 1 > len(best):
            best = failures[start : end + 1]
    return best


def _listed(values: Iterable[str | None]) -> str:
    return ", ".join(dict.fromkeys(value for value in values if value))


EVERYTHING = (
    impossible_travel,
    unknown_device,
    unknown_country,
    failed_burst,
    credentials_changed,
    sim_swapped,
    roaming,
    shared_device,
    api_bursts,
    premium_calls,
    woken_up,
    tethering,
    nothing_recent,
)
