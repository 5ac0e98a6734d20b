"""Who and what a tenant knows: people with app roles, applications with secrets, and the API itself."""

from dataclasses import dataclass, field
from uuid import NAMESPACE_URL, uuid5

API_ID = "aaaaaaaa-0000-4000-8000-000000000001"
API_URI = "api://fraud-console"
CONSOLE_ID = "bbbbbbbb-0000-4000-8000-000000000002"


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a sign-in name; `roles` are app roles of the API that are assigned to them."""

    name: str
    roles: tuple[str, ...] = ()

    @property
    def object_id(self) -> str:
        return str(uuid5(NAMESPACE_URL, self.name))

    @property
    def sign_in_name(self) -> str:
        return f"{self.name.lower().replace(' ', '.')}@example.test"


@dataclass(frozen=True, slots=True)
class Application:
    """A registered application. One with a secret may sign in as itself, with the roles it was granted."""

    client_id: str
    name: str
    secret: str = ""
    roles: tuple[str, ...] = ()

    @property
    def object_id(self) -> str:
        return str(uuid5(NAMESPACE_URL, self.client_id))


@dataclass
class Directory:
    """The tenant. By default one person per role, the console, and a service for telemetry."""

    people: list[Person] = field(
        default_factory=lambda: [
            Person("Vera Viewer", ("viewer",)),
            Person("Ada Analyst", ("analyst",)),
            Person("Sam Senior", ("senior",)),
            Person("Lea Lead", ("lead",)),
            Person("Nora Norole"),
        ]
    )
    applications: list[Application] = field(
        default_factory=lambda: [
            Application(CONSOLE_ID, "fraud-console"),
            Application(
                "cccccccc-0000-4000-8000-000000000003",
                "telemetry-feed",
                secret="feed-secret",
                roles=("ingest",),
            ),
        ]
    )

    def person(self, wanted: str) -> Person | None:
        """Somebody by name, sign-in name, or one of their roles."""
        for person in self.people:
            if wanted in (person.name, person.sign_in_name, *person.roles):
                return person
        return None

    def application(self, client_id: str) -> Application | None:
        return next((one for one in self.applications if one.client_id == client_id), None)
