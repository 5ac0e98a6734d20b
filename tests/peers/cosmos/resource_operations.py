"""Operations on the account, its databases, containers and partition key ranges."""

from collections.abc import Callable
from typing import Any

from tests.peers.cosmos import charges
from tests.peers.cosmos.refusals import bad_request
from tests.peers.cosmos.requests import Reply, Request
from tests.peers.cosmos.routing import Target
from tests.peers.cosmos.storage import Account, Container, Partition

Handler = Callable[[Request, Target], Reply]


class ResourceOperations:
    """`partitions` is how many physical partitions a new container gets."""

    def __init__(self, account: Account, partitions: int) -> None:
        self._account = account
        self._partitions = partitions

    def handlers(self) -> dict[str, Handler]:
        return {
            "read_account": self._read_account,
            "list_databases": self._list_databases,
            "create_database": self._create_database,
            "read_database": self._read_database,
            "delete_database": self._delete_database,
            "list_containers": self._list_containers,
            "create_container": self._create_container,
            "read_container": self._read_container,
            "replace_container": self._replace_container,
            "delete_container": self._delete_container,
            "pkranges": self._ranges,
            "read_offers": self._offers,
        }

    def _read_account(self, request: Request, _target: Target) -> Reply:
        here = f"https://{request.header('host')}/"
        regions = [{"name": "Loopback", "databaseAccountEndpoint": here}]
        return Reply(
            200,
            {
                "id": "peer",
                "_self": "",
                "_rid": "peer",
                "_dbs": "//dbs/",
                "writableLocations": regions,
                "readableLocations": regions,
                "enableMultipleWriteLocations": False,
                "userReplicationPolicy": {
                    "asyncReplication": False,
                    "minReplicaSetSize": 3,
                    "maxReplicasetSize": 4,
                },
                "userConsistencyPolicy": {"defaultConsistencyLevel": "Session"},
                "systemReplicationPolicy": {"minReplicaSetSize": 3, "maxReplicasetSize": 4},
                "readPolicy": {"primaryReadCoefficient": 1, "secondaryReadCoefficient": 1},
                "queryEngineConfiguration": "{}",
            },
        )

    def _list_databases(self, _request: Request, _target: Target) -> Reply:
        found = [database.definition() for database in self._account.databases.values()]
        return Reply(200, {"_rid": "", "Databases": found, "_count": len(found)}, charges.METADATA)

    def _create_database(self, request: Request, _target: Target) -> Reply:
        name = request.object().get("id")
        if not isinstance(name, str) or not name:
            raise bad_request("The database needs an id.")
        return Reply(201, self._account.create(name).definition(), charges.METADATA)

    def _read_database(self, _request: Request, target: Target) -> Reply:
        return Reply(200, self._account.database(target.database).definition(), charges.METADATA)

    def _delete_database(self, _request: Request, target: Target) -> Reply:
        self._account.database(target.database)
        del self._account.databases[target.database]
        return Reply(204, None, charges.METADATA)

    def _list_containers(self, _request: Request, target: Target) -> Reply:
        database = self._account.database(target.database)
        found = [container.definition for container in database.containers.values()]
        body = {"_rid": database.rid, "DocumentCollections": found, "_count": len(found)}
        return Reply(200, body, charges.METADATA)

    def _create_container(self, request: Request, target: Target) -> Reply:
        database = self._account.database(target.database)
        container = database.create(request.object(), self._partitions)
        return self._described(201, container, target)

    def _read_container(self, _request: Request, target: Target) -> Reply:
        return self._described(200, self._container(target), target)

    def _replace_container(self, request: Request, target: Target) -> Reply:
        """Only what may change does: indexing and time to live."""
        container, wanted = self._container(target), request.object()
        if wanted.get("partitionKey", {}).get("paths") != container.definition["partitionKey"]["paths"]:
            raise bad_request("The partition key of a container cannot be changed.")
        container.definition.pop("defaultTtl", None)
        changed: dict[str, Any] = {
            name: wanted[name] for name in ("indexingPolicy", "defaultTtl") if name in wanted
        }
        container.definition.update(changed)
        return self._described(200, container, target)

    def _delete_container(self, _request: Request, target: Target) -> Reply:
        self._container(target)
        del self._account.database(target.database).containers[target.container]
        return Reply(204, None, charges.METADATA)

    def _container(self, target: Target) -> Container:
        return self._account.database(target.database).container(target.container)

    def _described(self, status: int, container: Container, target: Target) -> Reply:
        headers = {
            "etag": container.definition["_etag"],
            "x-ms-alt-content-path": f"dbs/{target.database}",
            "x-ms-session-token": container.session_token,
        }
        return Reply(status, container.definition, charges.METADATA, headers)

    def _ranges(self, request: Request, target: Target) -> Reply:
        """What is new since the etag; 304 tells the SDK that it has it all."""
        container = self._container(target)
        known = (request.header("if-none-match") or "").strip('"')
        since = int(known) if known.isdigit() else 0
        headers = {"etag": f'"{container.version}"'}
        if request.header("a-im") and since >= container.version:
            return Reply(304, None, charges.METADATA, headers)
        found = [_range(container, each) for each in container.partitions if each.born > since]
        body = {"_rid": container.rid, "PartitionKeyRanges": found, "_count": len(found)}
        return Reply(200, body, charges.METADATA, headers)

    def _offers(self, _request: Request, _target: Target) -> Reply:
        """A serverless account offers no throughput."""
        return Reply(200, {"_rid": "", "Offers": [], "_count": 0}, charges.METADATA)


def _range(container: Container, partition: Partition) -> dict[str, Any]:
    return {
        "_rid": f"{container.rid}-{partition.range_id}",
        "id": partition.range_id,
        "minInclusive": partition.low,
        "maxExclusive": partition.high,
        "ridPrefix": int(partition.range_id),
        "_self": f"{container.definition['_self']}pkranges/{partition.range_id}/",
        "_etag": f'"{partition.born}"',
        "throughputFraction": 1 / len(container.partitions),
        "status": "online",
        "parents": list(partition.parents),
        "_ts": int(container.clock.now()),
        "_lsn": partition.born,
    }
