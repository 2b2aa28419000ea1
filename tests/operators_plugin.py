"""What `tests.operators` offers by name."""

PIECES = {
    "models": {"tests/operator": "tests.operators:Operator"},
    "transforms": {"tests/metres": "tests.operators:Metres"},
    "objectives": {"tests/residual": "tests.operators:Residual"},
}
