"""What the tests of invoicing share."""

import pytest

from sandbox.pec.signing import SigningAuthority
from tests.invoicing.flow import Post


@pytest.fixture(scope="session")
def post(tmp_path_factory: pytest.TempPathFactory) -> Post:
    return Post(SigningAuthority(tmp_path_factory.mktemp("pec-keys")))
