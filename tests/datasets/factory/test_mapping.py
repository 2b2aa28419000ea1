"""What a user says of splits is checked before it is drawn."""

import numpy as np
import pytest
from pydantic import ValidationError

from datasets.factory.mapping import SplitMapping


def test_everything_can_be_test_and_nothing_else() -> None:
    split = SplitMapping(validation=0, test=1, keeps_whole="flight").draw("split", np.arange(7) // 2, 0, 0)
    assert list(split.labels) == [2] * 7


@pytest.mark.parametrize(("validation", "test"), [(0.1, 1.0), (0.5, 0.5), (0.9, 0.2)])
def test_shares_that_leave_nothing_to_train_on_are_refused(validation: float, test: float) -> None:
    with pytest.raises(ValidationError, match="give validation=0 and test=1"):
        SplitMapping(validation=validation, test=test)
