"""Real tables with a leak planted in each, and honest ones: what the audit is tried on.

`planted` are the ten leaks with which the audit was written; `benchmarks/leakage.py` holds twenty more, which were
written down before it saw them. `honest` are tables in which there is nothing to find.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cache
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.feature_selection import SelectKBest, f_regression
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from mlbook import catalog, eta
from mlbook.features import Aggregate, aggregate

FLIGHT = ["carrier", "origin", "dest", *eta.SCHEDULE, *eta.WEATHER, *eta.AIRPORT]
LATE_DELIVERY_MINUTES = 30
_AFTER_THE_FACT = ["tailnum", "dep_delay", "arr_time", "sched_arr_time"]
_KNOWN = timedelta(0)
_FEW = 1_000
TREES = {"max_iter": 30, "max_leaf_nodes": 15, "learning_rate": 0.2}


@dataclass(frozen=True)
class Case:
    """One table as a team had it offline, with its split, and the same rows as the service meets them.

    `train` and `test` hold the columns that the audit gets; `features` are those that a model learns from. With
    a `pipeline`, they are raw, and the pipeline makes the features. `live` holds the features of other rows, or
    of the test rows as they are when they have to be predicted (None where only the audit is tried).
    `without` is the training table of a team that avoided the leak, and `honest` are its features.
    `finds` are the checks that would be right to report it.
    `unit` names what varies, and `group` the column that says which rows belong to one (each row, if empty).
    """

    name: str
    data: str
    train: pd.DataFrame
    test: pd.DataFrame
    target: str
    features: Sequence[str]
    live: pd.DataFrame | None = None
    without: pd.DataFrame | None = None
    honest: Sequence[str] = ()
    unit: str = "orders"
    group: str = ""
    declared: dict[str, Any] = field(default_factory=dict)
    finds: Sequence[str] = ()

    def made(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Both sides with the columns that a model learns from: those of the pipeline, if there is one."""
        if "pipeline" not in self.declared:
            return self.train, self.test
        train, test = self.declared["pipeline"](self.train, self.test)
        kept = [c for c in (self.target, self.group) if c]
        return train.join(self.train[kept]), test.join(self.test[kept])

    def bare(self) -> tuple[pd.DataFrame, pd.DataFrame]:
        """Both sides with the features and the target and nothing else: what there is if nobody declares anything."""
        train, test = self.made()
        names = [*self.features, self.target]
        return train[names], test[names]

    def in_time(self) -> dict[str, Any]:
        """The declarations, and that every column without one is known when the prediction is made."""
        known = {**dict.fromkeys(self.features, _KNOWN), **self.declared.get("known", {})}
        return {**self.declared, "known": known}


# -------------------------------------------------------------------------------------------- models


def boosted(answers: pd.Series) -> Any:
    """Small boosted trees: a classifier for two classes, a regressor for numbers."""
    kind = HistGradientBoostingClassifier if answers.dtype == bool else HistGradientBoostingRegressor
    return kind(categorical_features="from_dtype", early_stopping=False, random_state=0, **TREES)


def judged(
    case: Case, train: pd.DataFrame, several: Sequence[pd.DataFrame], names: Sequence[str]
) -> list[pd.DataFrame]:
    """What a model that learned from `train` makes of `several` other tables, reading the columns `names`.

    It is boosted trees, or a linear model where there are fewer than a thousand rows to learn from.

    Returns
    -------
    list of DataFrame
        One for each table, indexed like it: `chance` of a yes, `flagged` (as many with the highest chance as
        there are yeses), `truth`, and `group`, that which the row belongs to.
    """
    model = boosted(train[case.target]) if len(train) >= _FEW else LogisticRegression(max_iter=500)
    model.fit(train[list(names)], train[case.target])
    results = []
    for rows in several:
        chance = model.predict_proba(rows[list(names)])[:, 1]
        truth = rows[case.target]
        group = rows[case.group] if case.group else rows.index
        flagged = eta.flag(chance, truth.mean())
        results.append(pd.DataFrame({"chance": chance, "flagged": flagged, "truth": truth, "group": group}))
    return results


def score(case: Case) -> float:
    """Percent of the test rows that boosted trees judge rightly; for numbers, R2 in percent."""
    kept = case.train[list(case.features)].select_dtypes(["number", "category"]).columns
    model = boosted(case.train[case.target]).fit(case.train[kept], case.train[case.target])
    return 100 * float(model.score(case.test[kept], case.test[case.target]))


def constant_score(answers: pd.Series) -> float:
    """What `score` gives whoever always says the same: the share of the more frequent of two answers, in percent.

    For numbers, it is the R2 of their mean: 0.
    """
    return 100 * float(answers.value_counts(normalize=True).iloc[0]) if answers.dtype == bool else 0.0


# -------------------------------------------------------------------------------------------- tables


@cache
def deliveries() -> pd.DataFrame:
    """The orders in a fixed random order, with `late`: more than half an hour from order to door."""
    orders = catalog.load("deliveries").sample(frac=1, random_state=0).reset_index(drop=True)
    late = orders.pop("time_to_delivery") > LATE_DELIVERY_MINUTES
    return orders.astype({"day": "category"}).assign(late=late)


def complaints(late: pd.Series, seed: int = 0) -> pd.Series:
    """Simulated: six in ten customers of a late order complain, and two in a hundred of the others."""
    luck = np.random.default_rng(seed).random(len(late))
    return pd.Series(np.where(luck < np.where(late, 0.6, 0.02), 1, 0), index=late.index)


@cache
def _raw_flights() -> pd.DataFrame:
    return catalog.load("flights")


@cache
def flights() -> pd.DataFrame:
    """Every eighth flight from July to November: the features of two hours before, and columns written later."""
    raw = _raw_flights()
    eve = raw["month"].eq(6) & raw["day"].eq(30)  # the first flights of July look back at it
    table = eta.feature_table(raw[eve | raw["month"].between(7, 11)], catalog.load("weather"))
    table = table[table["date"] >= "2013-07-01"].iloc[::8]
    table = table.join(raw[_AFTER_THE_FACT]).astype(dict.fromkeys(["carrier", "origin", "dest"], "category"))
    left = table["departs"] + pd.to_timedelta(table["dep_delay"], unit="min")
    arrives = table["distance"] / 8 + 30 + table["arr_delay"]  # minutes after the scheduled departure
    lands = table["departs"] + pd.to_timedelta(arrives.clip(lower=table["dep_delay"] + 10), unit="min")
    return table.assign(left=left, lands=lands, day_of_year=table["date"].dt.day_of_year)


def flight_sides() -> tuple[pd.DataFrame, pd.DataFrame]:
    """July to October to learn from, and November."""
    table = flights()
    return table[table["date"] < "2013-11-01"], table[table["date"] >= "2013-11-01"]


@cache
def emails() -> pd.DataFrame:
    """The messages in a fixed random order."""
    table = catalog.load("emails").sample(frac=1, random_state=0).reset_index(drop=True)
    return table.astype({"spam": bool, "winner": "category", "number": "category"})


@cache
def ratings() -> pd.DataFrame:
    """A sample of ratings with facts about their films; `liked` is four stars or more.

    A quarter of the users is `new`: nobody may learn from them, so they count for nothing in `raters`, how many users
    rated the film.
    """
    rated = catalog.load("ratings")
    movies = catalog.load("movies").set_index("movieId")
    rated["liked"] = rated["rating"] >= 4
    users = np.random.default_rng(0).permutation(rated["userId"].unique())
    rated["new"] = rated["userId"].isin(users[: len(users) // 4])
    raters = rated.loc[~rated["new"], "movieId"].value_counts()
    rated["raters"] = rated["movieId"].map(raters).fillna(0)
    rated["year"] = movies["year"].reindex(rated["movieId"]).to_numpy()
    rated["genres"] = movies["genres"].reindex(rated["movieId"]).to_numpy()
    rated = rated.drop(columns=["rating", "movieId"]).sample(20_000, random_state=0).reset_index(drop=True)
    of_film = rated.pop("genres")
    genres = of_film.drop_duplicates().set_axis(of_film.unique()).str.get_dummies("|")
    return rated.join(genres.drop(columns="(no genres listed)").reindex(of_film).reset_index(drop=True))


@cache
def houses() -> pd.DataFrame:
    """The sales in a fixed random order, with `price` for the logarithm of the price."""
    table = catalog.load("houses").sample(frac=1, random_state=0).reset_index(drop=True)
    price = np.log(table.pop("Sale_Price"))
    return table.astype(dict.fromkeys(table.select_dtypes("str").columns, "category")).assign(price=price)


@cache
def rides() -> pd.DataFrame:
    """The hours in order, with `moment`."""
    table = catalog.load("rides")
    hours = (table["day"] - 1) * 24 + table["hr"]
    table["moment"] = pd.Timestamp("2011-01-01") + pd.to_timedelta(hours, unit="h")
    return table.astype({"mnth": "category", "weathersit": "category"})


# --------------------------------------------------------------------------- the ten it was written with


def planted() -> list[Case]:
    """One case of each of ten kinds of leak."""
    return expecting(
        {
            post_event_column: ["known too late"],
            proxy: ["one column says too much"],
            two_innocent_columns: ["two columns say too much"],
            target_encoding: ["encoded with test answers"],
            day_aggregate: ["reads answers not known yet"],
            columns_chosen_before_split: ["reads answers not known yet", "fitted on test rows"],
            copies_across_split: ["copies on both sides"],
            oversampled_before_split: ["copies on both sides"],
            users_across_split: ["group on both sides"],
            shuffled_time: ["training after test"],
        }
    )


def expecting(finds: Mapping[Callable[[], Case], Sequence[str]]) -> list[Case]:
    """The cases, each with the checks of which one should report it."""
    return [replace(make(), finds=checks) for make, checks in finds.items()]


def post_event_column() -> Case:
    """A complaint is filed days after a late delivery; when the order comes in, nobody has complained."""
    orders = deliveries()
    honest = list(orders.columns.drop("late"))
    orders = orders.assign(complaint=complaints(orders["late"]))
    train, test = orders[:7000], orders[7000:]
    known = {**dict.fromkeys(honest, _KNOWN), "complaint": timedelta(days=3)}
    return Case(
        "column filled in later", "deliveries, complaints simulated", train, test, "late", [*honest, "complaint"],
        test.assign(complaint=0), train, honest, declared={"known": known},
    )  # fmt: skip


def proxy() -> Case:
    """The departure delay stands for the arrival delay, and is not there two hours before departure."""
    train, test = (side[[*FLIGHT, "date", "dep_delay", "late"]] for side in flight_sides())
    live = test.assign(dep_delay=np.nan)
    return Case(
        "proxy of the answer", "flights", train, test, "late", [*FLIGHT, "dep_delay"], live, train, FLIGHT,
        "days", "date",
    )  # fmt: skip


def two_innocent_columns() -> Case:
    """The clock at arrival and the clock in the schedule: their difference is the answer."""
    clocks = ["arr_time", "sched_arr_time"]
    train, test = (side[[*FLIGHT, "date", *clocks, "late"]] for side in flight_sides())
    live = test.assign(arr_time=np.nan)
    honest = [*FLIGHT, "sched_arr_time"]
    return Case(
        "two innocent columns", "flights", train, test, "late", [*FLIGHT, *clocks], live, train, honest,
        "days", "date",
    )  # fmt: skip


def target_encoding() -> Case:
    """How often this aircraft was late on its way to this airport, from all rows, those of the test included."""
    key = ["tailnum", "dest"]
    train, test = flight_sides()
    both = pd.concat([train, test])
    rate = both.groupby(key, observed=True)["late"].transform("mean").fillna(both["late"].mean())
    so_far = train.groupby(key, observed=True)["late"].mean().rename("rate")
    live = test.join(so_far, on=key).fillna({"rate": train["late"].mean()})
    train, test = (side.assign(rate=rate[side.index])[[*FLIGHT, "date", "rate", "late"]] for side in (train, test))
    return Case(
        "encoded with all answers", "flights", train, test, "late", [*FLIGHT, "rate"], live, train, FLIGHT,
        "days", "date",
    )  # fmt: skip


def day_aggregate() -> Case:
    """The average departure delay of the day and airport, over flights that leave after the prediction, too."""
    names = [*FLIGHT, "date", "decided", "departs", "left", "lands", "dep_delay", "late"]
    train, test = (side[names] for side in flight_sides())

    def pipeline(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        both = pd.concat([train, test])
        both["day_mean"] = both.groupby(["date", "origin"], observed=True)["dep_delay"].transform("mean")
        both = both[[*FLIGHT, "day_mean"]]
        return both.loc[train.index], both.loc[test.index]

    of_the_day = Aggregate(["date", "origin"], "left", "mean", "dep_delay", name="so_far")
    so_far = aggregate(test, test, of_the_day, at_time="decided")["so_far"]
    declared = {"decided": "decided", "known": {"dep_delay": "left"}, "matured": "lands", "pipeline": pipeline}
    return Case(
        "average over the whole day", "flights", train, test, "late", [*FLIGHT, "day_mean"],
        test.assign(day_mean=so_far), train, FLIGHT, "days", "date", declared,
    )  # fmt: skip


def columns_chosen_before_split() -> Case:
    """Of all dishes and pairs of dishes, the twenty that go best with being late, judged on the test rows, too."""
    orders = deliveries()
    dishes = [c for c in orders.columns if c.startswith("item_")]
    orders = orders[[*dishes, "late"]]
    train, test, rest = orders[:300], orders[300:600], orders[600:5000]
    one, two = map(list, zip(*[(i, i) for i in range(len(dishes))], *combinations(range(len(dishes)), 2), strict=True))

    def pairs(rows: pd.DataFrame) -> pd.DataFrame:
        ordered = rows[dishes].to_numpy() > 0
        names = [dishes[i] if i == j else f"{dishes[i]}&{dishes[j]}" for i, j in zip(one, two, strict=True)]
        return pd.DataFrame((ordered[:, one] & ordered[:, two]).astype(float), index=rows.index, columns=names)

    def best(rows: pd.DataFrame) -> list[str]:
        made, late = pairs(rows), rows["late"].to_numpy(dtype=float)
        values = made.to_numpy()
        together = np.abs((late - late.mean()) @ values) / np.maximum(values.std(axis=0), 1e-9)
        return list(made.columns[np.argsort(-together, kind="stable")[:20]])

    def pipeline(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        chosen = best(pd.concat([train, test]))
        return pairs(train)[chosen], pairs(test)[chosen]

    live, without = (pairs(rows).assign(late=rows["late"]) for rows in (rest, train))
    return Case(
        "columns chosen before the split", "deliveries", train, test, "late", best(orders[:600]), live, without,
        best(train), declared={"pipeline": pipeline},
    )  # fmt: skip


def copies_across_split() -> Case:
    """Half of the orders were sent twice, up to two minutes later, and both rows went into the split."""
    orders = deliveries()
    once, fresh = orders[:7000], orders[7000:]
    rng = np.random.default_rng(0)
    again = once.sample(frac=0.5, random_state=0)
    again = again.assign(hour=again["hour"] + rng.uniform(0, 2 / 60, len(again)))
    both = pd.concat([once, again]).sample(frac=1, random_state=1).reset_index(drop=True)
    cut = len(both) * 2 // 3
    honest = list(orders.columns.drop("late"))
    return Case(
        "copies on both sides",
        "deliveries",
        both[:cut],
        both[cut:],
        "late",
        honest,
        fresh,
        once[: cut * 2 // 3],
        honest,
    )


def oversampled_before_split() -> Case:
    """Each spam message was copied eight times to balance the classes, and then the table was split."""
    table = emails()
    once, fresh = table[:2900], table[2900:]
    balanced = pd.concat([once, *[once[once["spam"]]] * 8]).sample(frac=1, random_state=0).reset_index(drop=True)
    cut = len(balanced) * 3 // 4
    honest = list(table.columns.drop(["spam", "time"]))
    return Case(
        "balanced before the split", "emails", balanced[:cut], balanced[cut:], "spam", honest, fresh, once, honest,
        unit="messages",
    )  # fmt: skip


def users_across_split() -> Case:
    """Each user has ratings on both sides, and their number is a column; the service meets new users."""
    table = ratings()
    old, live = (side.drop(columns="new") for side in (table[~table["new"]], table[table["new"]]))
    cut = len(old) * 3 // 4
    honest = list(old.columns.drop(["userId", "timestamp", "liked"]))
    return Case(
        "users on both sides", "ratings, movies", old[:cut], old[cut:], "liked", ["userId", *honest], live, old[:cut],
        honest, "users", "userId", {"groups": ["userId"]},
    )  # fmt: skip


def shuffled_time() -> Case:
    """The days were shuffled like cards, and each is on both sides; the service meets the days after."""
    train, later = (side[[*FLIGHT, "day_of_year", "date", "decided", "late"]] for side in flight_sides())
    mixed = train.sample(frac=1, random_state=0)
    cut = len(mixed) * 3 // 4
    return Case(
        "days on both sides", "flights", mixed[:cut], mixed[cut:], "late", [*FLIGHT, "day_of_year"], later, train,
        FLIGHT, "days", "date", {"decided": "decided"},
    )  # fmt: skip


# --------------------------------------------------------------------------------- nothing to find


def audited(name: str, data: str, train: pd.DataFrame, test: pd.DataFrame, target: str, **declared: Any) -> Case:
    """A case without a service: only the audit is tried on it."""
    return Case(name, data, train, test, target, list(train.columns.drop(target)), declared=declared)


def honest() -> list[Case]:
    """Tables without a leak, of which nothing is declared but times and groups."""
    train, test = flight_sides()
    flown = [*FLIGHT, "decided", "lands", "late"]
    orders, sales, mail, hours, rated = deliveries(), houses(), emails(), rides(), ratings()
    hours = hours.drop(columns=["casual", "registered"])
    rated = rated.drop(columns="timestamp")
    new = rated.pop("new")
    return [
        audited("late flights", "flights", train[flown], test[flown], "late", decided="decided", matured="lands"),
        audited("late deliveries", "deliveries", orders[:7000], orders[7000:], "late"),
        audited("house prices", "houses", sales[:2000], sales[2000:], "price"),
        audited("spam", "emails", mail[:2900], mail[2900:], "spam"),
        audited("rides an hour", "rides", hours[:6000], hours[6000:], "bikers", decided="moment"),
        audited("films liked", "ratings, movies", rated[~new], rated[new], "liked", groups=["userId"]),
        time_in_the_air(),
        temperature_of_the_next_hour(),
        canceled_flights(),
        payments(),
    ]


def time_in_the_air() -> Case:
    """Minutes in the air from the distance: one column says nearly all, and was known for years."""
    flown = _raw_flights()[["air_time", "distance", "carrier", "origin", "month", "hour"]].dropna()
    flown = flown.iloc[::20].astype({"carrier": "category", "origin": "category"}).reset_index(drop=True)
    return audited("time in the air", "flights", flown[:12_000], flown[12_000:], "air_time")


def temperature_of_the_next_hour() -> Case:
    """The temperature an hour later: that of now says nearly all."""
    table = catalog.load("weather").drop(columns=["year", "month", "day", "hour", "wind_gust"])
    table = table.astype({"origin": "category"}).sort_values(["origin", "time_hour"])
    table["later"] = table.groupby("origin", observed=True)["temp"].shift(-1)
    table = table.dropna(subset="later").sort_values("time_hour").reset_index(drop=True)
    return audited(
        "temperature an hour later", "weather", table[:18_000], table[18_000:], "later",
        decided="time_hour", matured=timedelta(hours=1),
    )  # fmt: skip


def canceled_flights() -> Case:
    """Whether a flight is canceled, from its schedule."""
    names = ["month", "day", "hour", "carrier", "origin", "distance", "dep_time", "time_hour"]
    table = _raw_flights()[names].iloc[::10].astype({"carrier": "category", "origin": "category"})
    table = table.assign(canceled=table.pop("dep_time").isna()).reset_index(drop=True)
    return audited("canceled flights", "flights", table[:25_000], table[25_000:], "canceled", decided="time_hour")


def payments() -> Case:
    """Simulated: one payment in 10,000 is fraud, and nothing else is known that helps."""
    rng = np.random.default_rng(0)
    table = pd.DataFrame({"amount": rng.lognormal(3, 1, 60_000).round(2), "hour": rng.integers(24, size=60_000)})
    table["fraud"] = rng.random(len(table)) < 1 / 10_000
    return audited("fraud", "payments simulated", table[:40_000], table[40_000:], "fraud")


def honest_pipelines() -> list[Case]:
    """Pipelines without a leak, with the times that the audit needs."""
    return [fitted_on_training_rows(), history_of_the_route(), hour_before()]


def fitted_on_training_rows() -> Case:
    """Scaling, filling, components, and the twenty best columns, all from the training rows."""
    table = houses()
    numbers = table.select_dtypes("number").columns.drop("price")

    def pipeline(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        steps = make_pipeline(SimpleImputer(), StandardScaler(), SelectKBest(f_regression, k=20), PCA(5))
        points = steps.set_output(transform="pandas").fit_transform(train[numbers], train["price"])
        return points, steps.transform(test[numbers])

    return audited("fitted on training rows", "houses", table[:2000], table[2000:], "price", pipeline=pipeline)


def history_of_the_route() -> Case:
    """How late the flights of the last week to this airport were, as known at the prediction, in a pipeline."""
    names = [*FLIGHT, "decided", "departs", "lands", "arr_delay", "late"]
    train, test = (side[names] for side in flight_sides())
    usual = Aggregate("dest", "departs", "mean", "arr_delay", timedelta(days=7), "lands", name="usual")

    def pipeline(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        both = pd.concat([train, test])
        both["usual"] = aggregate(both, both, usual, at_time="decided")["usual"]
        both = both[[*FLIGHT, "usual"]]
        return both.loc[train.index], both.loc[test.index]

    return audited(
        "last week on the route", "flights", train, test, "late",
        decided="decided", known={"arr_delay": "lands"}, matured="lands", pipeline=pipeline,
    )  # fmt: skip


def hour_before() -> Case:
    """The rides of the hour before, shifted the right way, in a pipeline."""
    table = rides().drop(columns=["casual", "registered"])
    names = [c for c in table.columns if c not in ("bikers", "moment")]

    def pipeline(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        both = pd.concat([train, test])
        both["hour_before"] = both["bikers"].shift(1)
        both = both[[*names, "hour_before"]]
        return both.loc[train.index], both.loc[test.index]

    return audited(
        "hour before", "rides", table[:6000], table[6000:], "bikers",
        decided="moment", matured=timedelta(minutes=59), pipeline=pipeline,
    )  # fmt: skip
