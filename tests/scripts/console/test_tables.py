"""Numbers as people read them."""

import pytest

from scripts.console.tables import shown


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""), (True, "True"), ("gru", "gru"), (1234, "1,234"), (1234.0, "1,234"), (123.45, "123.5"),
        (1.23456, "1.235"), (0.123456, "0.1235"), (float("nan"), "nan"), (float("-inf"), "-inf"),
    ],
)  # fmt: skip
def test_shown(value: object, text: str) -> None:
    assert shown(value) == text
