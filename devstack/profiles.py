"""What is normal for the customers whose telemetry is simulated."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from devstack.personas import Persona, personas

_SEED = 7
_FIRST_EXTRA, _EXTRAS = 31, 35

UTC_OFFSET_HOURS = {
    "USA": -6, "Canada": -5, "UK": 0, "Germany": 1, "France": 1, "Spain": 1, "Italy": 1, "Japan": 9,
    "Australia": 10, "India": 5.5,
}  # fmt: skip
MERCHANTS = (
    "Corner Market", "City Transit", "Lakeside Pharmacy", "Blue Door Books", "Harbor Coffee",
    "Northwind Grocer", "Greenleaf Garden", "Pixel Arcade", "Sunrise Bakery", "Trailhead Outdoor",
    "Metro Cinema", "Device Instalment",
)  # fmt: skip
ENDPOINTS = ("/v1/balance", "/v1/usage", "/v1/invoices", "/v1/profile", "/v1/offers", "/v1/support/tickets")
FOREIGN_COUNTRIES = ("Russia", "Brazil", "Nigeria", "Vietnam", "Romania")


@dataclass(frozen=True, slots=True)
class Profile:
    """One customer's habits: the usual charge, the usual gigabytes per report, the countries lived in.

    The first country is home; the second is where the customer sometimes travels.
    """

    customer_id: int
    name: str
    usual_amount: float
    usual_gb: float
    subscription_id: int
    countries: tuple[str, str]
    ip: str
    device_id: str

    def activity(self, now: datetime) -> float:
        """How likely the customer is to be doing anything at a moment: 1 by day, 0.1 at night at home."""
        local = now + timedelta(hours=UTC_OFFSET_HOURS.get(self.countries[0], 0))
        if 8 <= local.hour < 22:
            return 1.0
        return 0.4 if local.hour in (6, 7, 22, 23) else 0.1


def profiles() -> tuple[Profile, ...]:
    """The demo's five customers, and thirty-five more of the seeded database who are in no story."""
    people = {person.customer_id: person for person in personas(_SEED)}
    extras = (people[number] for number in range(_FIRST_EXTRA, _FIRST_EXTRA + _EXTRAS))
    return (*(_demo(people[number], *habits) for number, habits in _DEMO.items()), *map(_extra, extras))


_DEMO: dict[int, tuple[float, float, int, tuple[str, str]]] = {
    1: (85.0, 1.2, 5, ("USA", "Canada")),
    2: (120.0, 2.5, 8, ("USA", "UK")),
    3: (200.0, 0.8, 12, ("Germany", "France")),
    4: (55.0, 3.0, 3, ("Japan", "Australia")),
    5: (150.0, 1.8, 7, ("USA", "India")),
}


def _demo(
    person: Persona, amount: float, gigabytes: float, subscription_id: int, countries: tuple[str, str]
) -> Profile:
    return Profile(
        person.customer_id,
        f"{person.first_name} {person.last_name}",
        amount,
        gigabytes,
        subscription_id,
        countries,
        person.ip,
        person.device_id,
    )


def _extra(person: Persona) -> Profile:
    abroad = "Canada" if person.country == "USA" else "Spain" if person.country != "Spain" else "France"
    return Profile(
        person.customer_id,
        f"{person.first_name} {person.last_name}",
        30.0 + person.customer_id * 37 % 130,
        round(person.daily_mb / 1000, 2),
        person.customer_id,
        (person.country, abroad),
        person.ip,
        person.device_id,
    )
