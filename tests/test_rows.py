"""Rows of any container."""

import numpy as np
import pandas as pd
import pytest

from sklearn_rp.rows import replace_columns


def test_a_dtype_that_loses_values_is_refused():
    kind = pd.api.types.pandas_dtype("datetime64[ns]")
    rows = pd.DataFrame({"when": pd.Series(["2020-01-01", "2021-01-01"], dtype=kind), "v": [0, 1]})
    with pytest.raises(ValueError, match="has no place for"):
        replace_columns(rows, np.array([0]), np.array([[None], [None]], dtype=object), 1)
