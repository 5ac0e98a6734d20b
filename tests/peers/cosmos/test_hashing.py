"""The place of a partition key is the one that the SDK computes."""

from itertools import pairwise
from typing import Any

import pytest
from azure.cosmos import PartitionKey

from tests.peers.cosmos.hashing import effective_key, even_boundaries, middle
from tests.peers.cosmos.sql.values import UNDEFINED

VALUES: list[Any] = [
    "",
    "a",
    "case-1",
    "x" * 15,
    "x" * 16,
    "x" * 17,
    "ünïcode ✓",
    0,
    1,
    -7,
    2.5,
    2**40,
    True,
    False,
    None,
]


@pytest.mark.parametrize("value", VALUES)
def test_a_single_key_hashes_as_in_the_sdk(value: Any) -> None:
    assert effective_key([value]) == PartitionKey("/id")._get_effective_partition_key_string([value])


def test_a_hierarchical_key_and_an_undefined_one_hash_as_in_the_sdk() -> None:
    key = PartitionKey(["/a", "/b", "/c"])
    assert effective_key(["t", 1, True], "MultiHash") == key._get_effective_partition_key_string(
        ["t", 1, True]
    )
    assert effective_key([UNDEFINED]) == PartitionKey("/id")._get_effective_partition_key_string([{}])


@pytest.mark.parametrize("ranges", [1, 2, 3, 4, 10])
def test_ranges_cover_the_whole_space_without_gap(ranges: int) -> None:
    found = even_boundaries(ranges)
    assert (found[0][0], found[-1][1]) == ("", "FF")
    assert all(left[1] == right[0] for left, right in pairwise(found))
    assert all(low < middle(low, high) < high for low, high in found)
