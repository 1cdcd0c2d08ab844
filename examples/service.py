"""A service that answers about people, and remembers what it has said: with FastAPI.

    pip install "sklearn-rp[ledger]" fastapi uvicorn
    LEDGER_URL=sqlite:///releases.db LEDGER_KEY=... uvicorn service:app

It is called by systems of the owner of the data, which hand the answer on, and nothing but the
answer: an error tells about the person, too (409: her value has changed).
"""

import logging
import os
from contextlib import asynccontextmanager
from functools import cache

import pandas as pd
from fastapi import FastAPI, HTTPException
from pydantic import BaseModel
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.frozen import FrozenEstimator

from sklearn_rp import AttributePrivacyClassifier, AttributePrivacyRegressor
from sklearn_rp.datasets import load_recommendation
from sklearn_rp.ledger import LedgerError, ReleaseLedger

COLUMNS = ["age", "bmi", "bp", "ltg"]
# All models hide the same feature, with the same possible values: agreed upon once.
HIDDEN = {"sensitive_feature": "bmi", "minimum": 5, "unit": "length", "bounds": (15, 60)}
log = logging.getLogger("releases")


class Person(BaseModel):
    """Who is asked about, and what the models look at."""

    id: str
    age: float
    bmi: float
    bp: float
    ltg: float


@cache
def models():
    """The models, by name: in production they come from files."""
    X, y = load_recommendation(return_X_y=True, as_frame=True)
    rows = X[COLUMNS]
    follow_up = RandomForestClassifier(20, min_samples_leaf=5, random_state=0).fit(rows, y)
    lipids = RandomForestRegressor(20, min_samples_leaf=5, random_state=0).fit(rows, X["tch"])
    return {
        "follow-up": AttributePrivacyClassifier(FrozenEstimator(follow_up), **HIDDEN).fit(rows, y),
        "lipids": AttributePrivacyRegressor(FrozenEstimator(lipids), **HIDDEN).fit(rows, X["tch"]),
    }


def make_app(url, key=None):
    """The service, with a ledger of its own."""

    @asynccontextmanager
    async def lifespan(app):
        models()
        with ReleaseLedger(url, key=key) as app.state.ledger:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.post("/answers/{model}")
    def answer(model: str, person: Person):
        """What is released about a person: recorded before it is returned."""
        if model not in models():
            raise HTTPException(404, "no such model")
        row = pd.DataFrame([person.model_dump()])[COLUMNS]
        try:
            (found,) = app.state.ledger.release(models()[model], row, ids=[person.id]).tolist()
        except LedgerError as error:  # nothing is released that is not recorded
            log.error("%s", error)
            raise HTTPException(503, "no answer now, ask again") from None
        except ValueError as error:  # the value has changed: for the owner's eyes
            log.warning("%s", error)
            raise HTTPException(409, "no answer: the record has to be looked at") from None
        return {"answer": found}

    return app


if "LEDGER_URL" in os.environ:
    app = make_app(os.environ["LEDGER_URL"], os.environ.get("LEDGER_KEY"))
