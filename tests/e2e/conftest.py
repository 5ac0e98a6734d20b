"""One product for the tests that do not break it; those that do start their own."""

from collections.abc import Iterator

import pytest

from tests.e2e.product import Product, running_product


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    with running_product(tmp_path_factory.mktemp("product"), HOLD_SECONDS="0.2") as running:
        yield running


@pytest.fixture(scope="module")
def patient_product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """A product whose approvals are held long enough to be withdrawn."""
    with running_product(tmp_path_factory.mktemp("patient"), HOLD_SECONDS="60") as running:
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "tests/e2e" in item.path.as_posix():
            item.add_marker(pytest.mark.e2e)
            item.add_marker(pytest.mark.timeout(240))
