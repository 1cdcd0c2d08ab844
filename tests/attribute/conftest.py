"""A model of people with a category."""

import pytest
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder


@pytest.fixture
def frame_model(people):
    X, y = people
    columns = ColumnTransformer([("c", OneHotEncoder(), ["sex"])], remainder="passthrough")
    return X, y, make_pipeline(columns, RandomForestClassifier(10, random_state=0))
