"""A stand-in for the NoSQL API of Azure Cosmos DB, driven by the unmodified azure-cosmos SDK over https.

In a test::

    @pytest.fixture(scope="session")
    def served(tmp_path_factory):
        peer = CosmosPeer()                          # issuer=… to share a token issuer with other peers
        with peer.running(tmp_path_factory.mktemp("cosmos")) as address:
            yield peer, address

    peer.reset()                                     # before each test
    peer.provision("fraud", "cases", "/caseId", defaultTtl=-1, indexingPolicy={…})
    CosmosClient(address.endpoint, peer.credential())
    peer.fault("lose_response", operation="batch")   # see `faults.Fault`
    peer.counters.requests["query"], peer.counters.ru, peer.counters.calls

As a process: `python -m tests.peers.cosmos --cert DIR --database fraud --container cases:/caseId --identity`
prints one line of JSON with the endpoint, the key and the environment that a client needs; its switches are
`POST /__peer/switches` (`{"fault": {"kind": "throttle", "times": 3}, "ru_per_second": 400, "split": {…},
"assign": {…}, "everyone": "reader", "advance": 60, "clear": true}`), its counters `GET /__peer/counters`.

What it does: account, databases, containers, partition key ranges with etags; documents with etags,
patches with conditions, unique keys, time to live, hierarchical keys; transactional batches; queries
within a partition key, over ranges and by plan, paged; composite indexes where an order needs one; the
change feed in both modes; partitions that split; account keys and Entra tokens with the roles reader and
contributor; request units and throttling.

What it does not: stored procedures, triggers, users and permissions, conflicts of several regions,
consistency levels beyond one replica, throughput offers, vector and full-text search, spatial types,
GROUP BY over several partitions (neither does the SDK), a subquery as first input set, resource links by
`_rid`. Request units are an approximation from published examples, error texts are paraphrased. `=` and
`!=` between two types are false and true, `<` and its kin are undefined. The SDK does not verify
certificates of localhost.
"""

from tests.peers.cosmos.peer import CosmosPeer

__all__ = ["CosmosPeer"]
