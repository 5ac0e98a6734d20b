"""The people of the seeded database: the demo's five, the ones in stories, and everyone else."""

from dataclasses import dataclass
from random import Random

CUSTOMERS = 250


@dataclass(frozen=True)
class Persona:
    """Who a customer is and what is normal for them.

    `tenure_days` is how long they have been a customer, `daily_mb` and `voice_minutes` a usual day,
    `ip` and `device_id` where they usually sign in from.
    """

    customer_id: int
    first_name: str
    last_name: str
    country: str
    loyalty: str
    plan: str
    tenure_days: int
    daily_mb: int
    voice_minutes: int
    street: str
    method: str = "credit_card"

    @property
    def device_id(self) -> str:
        """The customer's own phone; nobody else's."""
        return f"dev-{2000 + self.customer_id}"

    @property
    def ip(self) -> str:
        """The customer's home address on the network; nobody else's."""
        return f"192.0.2.{self.customer_id}"

    @property
    def email(self) -> str:
        """A mailbox unique to the customer, in a domain that can never exist."""
        return f"{self.first_name}.{self.last_name}{self.customer_id}@example.com".lower().replace(" ", "")

    @property
    def phone(self) -> str:
        """A telephone number from the range set aside for fiction."""
        area = ("206", "312", "415", "617")[self.customer_id // 100]
        return f"+1-{area}-555-01{self.customer_id % 100:02d}"


_KNOWN = (
    Persona(
        1, "Alice", "Johnson", "USA", "Gold", "Mobile Unlimited", 1480, 1200, 14, "12 Harbor Lane, Seattle"
    ),
    Persona(
        2, "Bob", "Smith", "USA", "Silver", "Family Unlimited", 1130, 2500, 22, "48 Maple Street, Denver"
    ),
    Persona(3, "Carlos", "Rivera", "Germany", "Gold", "Mobile Plus", 940, 800, 31, "7 Lindenallee, Hamburg"),
    Persona(
        4, "Diana", "Chen", "Japan", "Bronze", "Mobile Unlimited", 620, 3000, 9, "3-4 Sakura Dori, Osaka"
    ),
    Persona(5, "Ethan", "Patel", "USA", "Silver", "Mobile Plus", 815, 1800, 18, "90 Cedar Court, Austin"),
    Persona(6, "Farah", "Haddad", "USA", "Silver", "Mobile Plus", 702, 1100, 16, "215 Willow Road, Phoenix"),
    Persona(7, "Gareth", "Owen", "UK", "Gold", "Mobile Plus", 1610, 700, 25, "5 Quay Street, Cardiff"),
    Persona(
        8, "Hannah", "Brandt", "Germany", "Bronze", "Mobile Basic", 430, 450, 12, "31 Gartenweg, Leipzig"
    ),
    Persona(9, "Ivan", "Kolar", "USA", "Bronze", "Mobile Basic", 96, 380, 8, "610 Union Avenue, Tampa"),
    Persona(
        10, "Jade", "Mercer", "USA", "Bronze", "Mobile Basic", 19, 220, 3, "77 Dock Street Unit 1, Newark"
    ),
    Persona(
        11, "Kurt", "Mercer", "USA", "Bronze", "Mobile Basic", 17, 210, 2, "77 Dock Street Unit 2, Newark"
    ),
    Persona(12, "Lena", "Voss", "USA", "Bronze", "Mobile Basic", 16, 190, 2, "77 Dock Street Unit 3, Newark"),
    Persona(13, "Milo", "Voss", "USA", "Bronze", "Mobile Basic", 14, 205, 3, "77 Dock Street Unit 4, Newark"),
    Persona(
        14, "Nadia", "Petrov", "France", "Silver", "Home Fiber 500", 388, 5200, 0, "18 Rue des Lilas, Lyon"
    ),
    Persona(15, "Oscar", "Nilsen", "Norway", "Bronze", "Mobile Basic", 1350, 300, 10, "2 Fjordveien, Bergen"),
    Persona(16, "Priya", "Raman", "India", "Silver", "Mobile Plus", 560, 650, 20, "44 Lake View Road, Pune"),
    Persona(
        17, "Quentin", "Dufour", "France", "Bronze", "Mobile Unlimited", 210, 900, 11, "9 Quai Sud, Nantes"
    ),
    Persona(18, "Rosa", "Delgado", "USA", "Bronze", "Mobile Plus", 18, 260, 4, "1402 Palm Drive, Miami"),
    Persona(19, "Samuel", "Okafor", "UK", "Gold", "Mobile Plus", 1260, 950, 19, "26 Station Road, Leeds"),
    Persona(20, "Tessa", "Vermeer", "Netherlands", "Bronze", "Mobile Basic", 75, 340, 6, "11 Kade, Utrecht"),
    Persona(
        21, "Ulla", "Sorensen", "Denmark", "Gold", "Mobile Plus", 1890, 1000, 21, "63 Havnegade, Copenhagen"
    ),
    Persona(22, "Victor", "Almeida", "Portugal", "Gold", "Mobile Plus", 1720, 870, 17, "8 Rua do Sol, Porto"),
    Persona(23, "Wanda", "Krause", "USA", "Silver", "Mobile Plus", 655, 1150, 15, "301 Birch Lane, Columbus"),
    Persona(24, "Xavier", "Moreau", "Belgium", "Silver", "Mobile Plus", 840, 780, 13, "55 Markt, Ghent"),
    Persona(25, "Yara", "Costa", "Brazil", "Bronze", "Mobile Plus", 510, 620, 12, "120 Rua Verde, Recife"),
    Persona(26, "Zoe", "Lindgren", "Sweden", "Silver", "Mobile Plus", 770, 900, 14, "4 Strandgatan, Lund"),
    Persona(27, "Abel", "Fischer", "Austria", "Silver", "Mobile Plus", 980, 820, 23, "17 Ringstrasse, Graz"),
    Persona(28, "Bianca", "Rossi", "Italy", "Gold", "Mobile Plus", 1430, 910, 18, "6 Via Roma, Turin"),
    Persona(29, "Conor", "Walsh", "Ireland", "Bronze", "Mobile Basic", 1180, 410, 9, "30 Mill Lane, Galway"),
    Persona(30, "Dalia", "Haim", "USA", "Bronze", "Mobile Basic", 905, 500, 7, "19 Orchard Way, Boise"),
)

_FIRST_NAMES = (
    "Adam", "Amara", "Anton", "Beatriz", "Bruno", "Camille", "Chloe", "Daniel", "Dmitri", "Elena", "Elif",
    "Emil", "Esther", "Felix", "Freya", "Gabriel", "Gina", "Hugo", "Ingrid", "Isaac", "Jamal", "Jonas",
    "Julia", "Kai", "Kavya", "Keiko", "Lars", "Laura", "Liam", "Luca", "Maja", "Marco", "Marta", "Mateo",
    "Mina", "Nils", "Noor", "Olivia", "Omar", "Paula", "Pedro", "Rania", "Rafael", "Ravi", "Ruth", "Sami",
    "Sara", "Simon", "Sofia", "Tariq", "Tom", "Vera", "Viktor", "Yuki", "Zara",
)  # fmt: skip
_LAST_NAMES = (
    "Adams", "Ahmed", "Andersson", "Baker", "Barros", "Becker", "Berg", "Bianchi", "Brown", "Carter",
    "Castro", "Clark", "Cohen", "Costa", "Cruz", "Diaz", "Dubois", "Evans", "Ferrari", "Foster", "Garcia",
    "Gomez", "Gray", "Hansen", "Hill", "Horvat", "Hughes", "Ito", "Jansen", "Kim", "Klein", "Kowalski",
    "Lambert", "Larsen", "Lee", "Lopez", "Marino", "Martin", "Meyer", "Mills", "Moore", "Novak", "Nguyen",
    "Olsen", "Park", "Reyes", "Ricci", "Ross", "Sato", "Schmidt", "Silva", "Singh", "Tanaka", "Torres",
    "Weber", "White", "Wood", "Young",
)  # fmt: skip
_COUNTRIES = ("USA",) * 12 + ("UK", "Germany", "France", "Canada", "Spain", "Italy", "Japan", "Australia")
_STREETS = (
    "Oak",
    "Elm",
    "Park",
    "Lake",
    "Hill",
    "River",
    "Church",
    "Mill",
    "Spring",
    "Forest",
    "High",
    "Garden",
)
_CITIES = {
    "USA": ("Portland", "Chicago", "Boston", "Atlanta", "San Diego", "Dallas"),
    "UK": ("Bristol", "York"),
    "Germany": ("Munich", "Bremen"),
    "France": ("Lille", "Nice"),
    "Canada": ("Ottawa", "Halifax"),
    "Spain": ("Valencia", "Bilbao"),
    "Italy": ("Bologna", "Verona"),
    "Japan": ("Kyoto", "Sapporo"),
    "Australia": ("Perth", "Hobart"),
}
_PLANS = ("Mobile Basic",) * 4 + ("Mobile Plus",) * 5 + ("Mobile Unlimited",) * 4 + (
    "Family Unlimited", "Family Unlimited", "Home Fiber 500", "Home Fiber 1000"
)  # fmt: skip
_DAILY_MB = {
    "Mobile Basic": (150, 600),
    "Mobile Plus": (500, 1400),
    "Mobile Unlimited": (900, 3200),
    "Family Unlimited": (1800, 4200),
    "Home Fiber 500": (3000, 9000),
    "Home Fiber 1000": (5000, 16000),
}
_METHODS = ("credit_card",) * 5 + ("ach",) * 3 + ("paypal", "apple_pay")


def personas(seed: int) -> list[Persona]:
    """All customers in order of id; the ones in stories are the same for every seed."""
    return [*_KNOWN, *(_someone(number, seed) for number in range(len(_KNOWN) + 1, CUSTOMERS + 1))]


def _someone(customer_id: int, seed: int) -> Persona:
    rng = Random(f"persona:{seed}:{customer_id}")
    country = rng.choice(_COUNTRIES)
    plan = rng.choice(_PLANS)
    tenure_days = int(rng.triangular(40, 1900, 500))
    return Persona(
        customer_id=customer_id,
        first_name=rng.choice(_FIRST_NAMES),
        last_name=rng.choice(_LAST_NAMES),
        country=country,
        loyalty="Gold" if tenure_days > 1200 else "Silver" if tenure_days > 600 else "Bronze",
        plan=plan,
        tenure_days=tenure_days,
        daily_mb=rng.randint(*_DAILY_MB[plan]),
        voice_minutes=0 if plan.startswith("Home") else rng.randint(2, 35),
        street=f"{customer_id} {rng.choice(_STREETS)} Street, {rng.choice(_CITIES[country])}",
        method=rng.choice(_METHODS),
    )
