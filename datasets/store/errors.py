"""The error of everything that breaks the data contract."""


class ContractError(ValueError):
    """Data, a store or a specification that breaks the data contract; the message says what to do."""
