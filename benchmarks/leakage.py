"""Try the leakage audit on leaks and on honest tables, beside ppscore, and time it, into leakage.json.

The audit was written with the ten leaks of the chapter. `second` holds ten more, written down before it first ran.
The first run found six of them and raised two alarms on ten honest tables, and the audit was then mended. `third`
holds another ten, written down after that and before it ran on them; it found six, and was mended once more: more
than one cut in time, and no twins where answers agree anyway. `FIRST_SIGHT` keeps these counts, which no run can
repeat. A leak counts as found if one of the checks that should see it does.

Of the honest tables, `more_honest` was chosen when the audit was finished. It rang at one of them, a register full of
aircraft of one model, and was mended a third time: things of one kind are no copies of each other. That rule was
written with simulated registers, before it ran on the real one, and no leak that was found before is missed since.

ppscore scores each column by a decision tree of its own. It has no threshold: 0.8 is a usual one, 0.5 a lenient one.
"""

import json
import os
import platform
import time
import warnings
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import ppscore
import sklearn
from sklearn.decomposition import PCA
from sklearn.preprocessing import QuantileTransformer, StandardScaler

from mlbook import catalog, eta, leaks
from mlbook.leakage import audit
from mlbook.leaks import (
    FLIGHT,
    Case,
    audited,
    deliveries,
    emails,
    expecting,
    flight_sides,
    houses,
    rides,
)

RESULTS = Path(__file__).with_suffix(".json")
TURNS = 5
USUAL, LENIENT = 0.8, 0.5  # thresholds for ppscore
FIRST_SIGHT = {"ten of the chapter": None, "second ten": 6, "third ten": 6}

Sides = tuple[pd.DataFrame, pd.DataFrame]

# ----------------------------------------------------------------------------------------- the second ten


def second() -> list[Case]:
    """Ten leaks that were written down before the audit first ran."""
    return expecting(
        {
            registered_riders: ["one column says too much"],
            price_per_area: ["two columns say too much"],
            exclusive_marks: ["two columns say too much"],
            encoded_neighborhood: ["encoded with test answers"],
            filled_with_all_rows: ["filled with test rows"],
            components_of_all_rows: ["fitted on test rows"],
            houses_listed_twice: ["copies on both sides"],
            centered_average: ["reads answers not known yet"],
            next_hour: ["reads answers not known yet"],
            labels_still_open: ["label not final"],
        }
    )


def registered_riders() -> Case:
    """Rides of registered users are most of all rides."""
    table = rides().drop(columns=["casual", "moment"])
    return audited("part of the sum", "rides", table[:6000], table[6000:], "bikers")


def price_per_area() -> Case:
    """Price per square foot times square feet."""
    table = houses()
    table = table.assign(per_area=(np.exp(table["price"]) / table["Gr_Liv_Area"]).round(1))
    return audited("price per area", "houses", table[:2000], table[2000:], "price")


def exclusive_marks() -> Case:
    """Simulated: two marks, each a coin flip, that agree unless the order was late."""
    orders = deliveries()
    mark = np.random.default_rng(1).integers(2, size=len(orders))
    orders = orders.assign(mark_a=mark, mark_b=mark ^ orders["late"].to_numpy())
    return audited("two coin flips", "deliveries, marks simulated", orders[:7000], orders[7000:], "late")


def encoded_neighborhood() -> Case:
    """The average price of the neighborhood and kind of dwelling, over all sales."""
    table = houses()
    rate = table.groupby(["Neighborhood", "MS_SubClass"], observed=True)["price"].transform("mean")
    table = table.assign(usual_price=rate)
    return audited("neighborhood's price of all sales", "houses", table[:2000], table[2000:], "price")


def filled_with_all_rows() -> Case:
    """Missing lengths of street, stored as 0, were filled with the mean of all houses."""
    table = houses()
    known = table["Lot_Frontage"].where(table["Lot_Frontage"] > 0)
    table = table.assign(Lot_Frontage=known.fillna(known.mean()))
    return audited("gaps filled from all rows", "houses", table[:2000], table[2000:], "price")


def components_of_all_rows() -> Case:
    """Principal components of the message's counts, fitted on all rows, in a pipeline."""
    table = emails()
    names = table.select_dtypes("number").columns

    def pipeline(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        both = pd.concat([train, test])
        points = PCA(5, svd_solver="full").fit_transform(StandardScaler().fit_transform(both[names]))
        made = pd.DataFrame(points, index=both.index, columns=[f"component_{i}" for i in range(5)])
        return made.loc[train.index], made.loc[test.index]

    return audited("components of all rows", "emails", table[:2900], table[2900:], "spam", pipeline=pipeline)


def houses_listed_twice() -> Case:
    """One house in ten has a second row, with another street length, month, and price."""
    table = houses()
    rng = np.random.default_rng(2)
    again = table.sample(frac=0.1, random_state=2)
    again = again.assign(
        Lot_Frontage=rng.permutation(again["Lot_Frontage"]),
        Mo_Sold=rng.permutation(again["Mo_Sold"]),
        price=again["price"] + rng.normal(0, 0.05, len(again)),
    )
    table = pd.concat([table, again]).sample(frac=1, random_state=2).reset_index(drop=True)
    return audited("houses listed twice", "houses", table[:2200], table[2200:], "price")


def centered_average() -> Case:
    """A smoothed delay of the carrier, whose window reaches 50 flights into the future, in a pipeline."""
    names = [*FLIGHT, "decided", "left", "lands", "arr_delay", "late"]
    train, test = (side[names] for side in flight_sides())

    def pipeline(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        both = pd.concat([train, test])
        by_carrier = both.groupby("carrier", observed=True)["arr_delay"]
        both["trend"] = by_carrier.transform(lambda delay: delay.rolling(101, center=True, min_periods=1).mean())
        both = both[[*FLIGHT, "trend"]]
        return both.loc[train.index], both.loc[test.index]

    return audited(
        "window into the future", "flights", train, test, "late",
        decided="decided", known={"arr_delay": "lands"}, matured="lands", pipeline=pipeline,
    )  # fmt: skip


def next_hour() -> Case:
    """The rides of the hour before, shifted the wrong way, in a pipeline."""
    table = rides().drop(columns=["casual", "registered"])
    names = [c for c in table if c not in ("bikers", "moment")]

    def pipeline(train: pd.DataFrame, test: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
        both = pd.concat([train, test])
        both["hour_before"] = both["bikers"].shift(-1)
        both = both[[*names, "hour_before"]]
        return both.loc[train.index], both.loc[test.index]

    return audited(
        "shifted the wrong way", "rides", table[:6000], table[6000:], "bikers",
        decided="moment", matured=timedelta(hours=1), pipeline=pipeline,
    )  # fmt: skip


def labels_still_open() -> Case:
    """Spam is reported a month after it came; the split at a point in time leaves no gap for that."""
    table = emails().sort_values("time").reset_index(drop=True)
    return audited(
        "labels still open", "emails", table[:2900], table[2900:], "spam", decided="time", matured=timedelta(days=30)
    )


# ------------------------------------------------------------------------------------------ the third ten


def third() -> list[Case]:
    """Ten leaks that were written down when the audit had been mended."""
    return expecting(
        {
            missing_when_canceled: ["one column says too much"],
            moved_to_junk: ["known too late"],
            smoothed_encoding: ["one column says too much"],
            bins_of_all_rows: ["fitted on test rows"],
            assessed_value: ["one column says too much"],
            interpolated_orders: ["copies on both sides"],
            weather_of_the_next_hour: ["known too late"],
            flight_before: ["reads answers not known yet"],
            empty_when_live: ["stands still when live"],
            three_coin_flips: ["two columns say too much"],
        }
    )


def missing_when_canceled() -> Case:
    """A canceled flight has no departure time."""
    table = catalog.load("flights", ["month", "hour", "carrier", "origin", "distance", "dep_time"]).iloc[::20]
    table = table.astype({"carrier": "category", "origin": "category"}).reset_index(drop=True)
    table = table.assign(canceled=table["dep_time"].isna())
    return audited("missing when it happens", "flights", table[:12_000], table[12_000:], "canceled")


def moved_to_junk() -> Case:
    """Simulated: most spam is moved to the junk folder hours later; the log says when."""
    table = emails().sort_values("time").reset_index(drop=True)
    rng = np.random.default_rng(3)
    moved = rng.random(len(table)) < np.where(table["spam"], 0.7, 0.01)
    wait = pd.to_timedelta(rng.exponential(5, len(table)), unit="h")
    table = table.assign(junk=moved, moved_at=(table["time"] + wait).where(moved))
    return audited(
        "moved hours later", "emails, moves simulated", table[:2900], table[2900:], "spam",
        decided="time", known={"junk": "moved_at"},
    )  # fmt: skip


def smoothed_encoding() -> Case:
    """The share of ratings that like a film, drawn toward the average, from all ratings."""
    rated = catalog.load("ratings").sample(20_000, random_state=3).reset_index(drop=True)
    rated["liked"] = rated["rating"] >= 4
    by_film = rated.groupby("movieId")["liked"]
    share = (by_film.transform("sum") + 2 * rated["liked"].mean()) / (by_film.transform("size") + 2)
    rated = rated.assign(share=share).drop(columns=["rating", "timestamp", "movieId"])
    return audited("smoothed encoding of all rows", "ratings", rated[:14_000], rated[14_000:], "liked")


def bins_of_all_rows() -> Case:
    """Weather as tenths of its distribution, counted over all hours, in a pipeline."""
    table = rides().drop(columns=["casual", "registered"])
    names = ["temp", "atemp", "hum", "windspeed"]

    def pipeline(train: pd.DataFrame, test: pd.DataFrame) -> Sides:
        both = pd.concat([train, test])
        both[names] = QuantileTransformer(n_quantiles=10, random_state=0).fit_transform(both[names]).round(1)
        both = both[["hr", "weekday", *names]]
        return both.loc[train.index], both.loc[test.index]

    return audited(
        "bins of all rows", "rides", table[:6000], table[6000:], "bikers", decided="moment", pipeline=pipeline
    )


def assessed_value() -> Case:
    """Simulated: the tax office values each house from its sale, three percent off."""
    table = houses()
    noise = np.random.default_rng(4).normal(0, 0.03, len(table))
    table = table.assign(assessed=np.exp(table["price"] + noise).round(-2))
    return audited("value assessed from the sale", "houses, values simulated", table[:2000], table[2000:], "price")


def interpolated_orders() -> Case:
    """Late orders between two late orders, made up to balance the classes, and then the table was split."""
    table = deliveries()[:5000]
    table = table.assign(day=table["day"].cat.codes)
    late = table[table["late"]].drop(columns="late").astype(float)
    rng = np.random.default_rng(5)
    one, two = (late.sample(2000, replace=True, random_state=seed).to_numpy() for seed in (5, 6))
    made = pd.DataFrame(one + rng.random((2000, 1)) * (two - one), columns=late.columns).assign(late=True)
    both = pd.concat([table, made]).sample(frac=1, random_state=5).reset_index(drop=True)
    return audited("made-up rows before the split", "deliveries", both[:5000], both[5000:], "late")


def weather_of_the_next_hour() -> Case:
    """The report of the hour of departure, made near its end, for a prediction two hours before."""
    weather = catalog.load("weather")[["origin", "time_hour", "visib", "wind_speed"]]
    weather = weather.rename(columns={"visib": "visib_then", "wind_speed": "wind_then"})
    names = [*FLIGHT, "decided", "departs", "late"]

    def joined(side: pd.DataFrame) -> pd.DataFrame:
        rows = side[names].assign(time_hour=side["departs"].dt.floor("h"), origin=side["origin"].astype("str"))
        rows = rows.merge(weather, on=["origin", "time_hour"], how="left")
        rows["reported"] = rows.pop("time_hour") + pd.Timedelta(hours=1)
        return rows.astype({"origin": "category"}).drop(columns="departs")

    train, test = (joined(side) for side in flight_sides())
    return audited(
        "weather of the departure", "flights, weather", train, test, "late",
        decided="decided", known={"visib_then": "reported", "wind_then": "reported"},
    )  # fmt: skip


def flight_before() -> Case:
    """The arrival delay of the aircraft's flight before this one, whether or not it had landed, in a pipeline."""
    names = [*FLIGHT, "tailnum", "decided", "departs", "lands", "arr_delay", "late"]
    train, test = (side[names] for side in flight_sides())

    def pipeline(train: pd.DataFrame, test: pd.DataFrame) -> Sides:
        both = pd.concat([train, test]).sort_values("departs", kind="stable")
        both["before"] = both.groupby("tailnum")["arr_delay"].shift(1)
        both = both[[*FLIGHT, "before"]]
        return both.loc[train.index], both.loc[test.index]

    return audited(
        "flight before, landed or not", "flights", train, test, "late",
        decided="decided", known={"arr_delay": "lands"}, matured="lands", pipeline=pipeline,
    )  # fmt: skip


def empty_when_live() -> Case:
    """Simulated: minutes until the owner answered, which no message has when it comes in."""
    table = emails()
    minutes = np.random.default_rng(7).exponential(60, len(table))
    answered = table.assign(answered=np.where(table["spam"], np.nan, minutes.round()))
    live = table[2900:].assign(answered=np.nan)
    return audited("empty when live", "emails, minutes simulated", answered[:2900], answered[2900:], "spam", live=live)


def three_coin_flips() -> Case:
    """Simulated: three marks, each pair of which says nothing, and which together say all."""
    orders = deliveries()
    a, b = np.random.default_rng(8).integers(2, size=(2, len(orders)))
    orders = orders.assign(mark_a=a, mark_b=b, mark_c=a ^ b ^ orders["late"].to_numpy())
    return audited("three coin flips", "deliveries, marks simulated", orders[:7000], orders[7000:], "late")


# ------------------------------------------------------------------------------- honest tables, second set


def more_honest() -> list[Case]:
    """Honest tables that were chosen when the audit was finished."""
    return [seats_of_planes(), frequent_words()]


def seats_of_planes() -> Case:
    """Seats of an aircraft, from what the register says of it."""
    table = catalog.load("planes").drop(columns="tailnum").sample(frac=1, random_state=0).reset_index(drop=True)
    table = table.astype(dict.fromkeys(["type", "manufacturer", "model", "engine"], "category"))
    return audited("seats of planes", "planes", table[:2200], table[2200:], "seats")


def frequent_words() -> Case:
    """Whether a word is among the 5,000 most frequent, from its vector."""
    table = catalog.load("words").sample(8_000, random_state=0).reset_index(drop=True)
    table = table.assign(frequent=table.pop("rank") <= 5_000).drop(columns="word")
    return audited("frequent words", "words", table[:5_000], table[5_000:], "frequent")


# ---------------------------------------------------------------------------------------------- measuring


def main() -> None:
    honest = [*leaks.honest(), *leaks.honest_pipelines(), *more_honest()]
    quiet = [pps(case) for case in honest]
    tens = {name: make() for name, make in zip(FIRST_SIGHT, (leaks.planted, second, third), strict=True)}
    rows, details = [], []
    for name, planted in tens.items():
        found = [leak(case) for case in planted]
        rows.append(
            {
                "tables": name,
                "first sight": "-" if FIRST_SIGHT[name] is None else str(FIRST_SIGHT[name]),
                "now": sum(f["found"] for f in found),
                **peer([f["ppscore"] for f in found]),
            }
        )
        details += [{"set": name, **f} for f in found]
    for name, in_time in (("honest, bare", False), ("honest, declared", True)):
        alarms = [alarm(case, in_time) for case in honest]
        rows.append(
            {
                "tables": f"{len(honest)} {name}",
                "first sight": "-",
                "now": sum(bool(a["alarms"]) for a in alarms),
                **peer(quiet),
            }
        )
        details += [{"set": name, "ppscore": round(q, 2), **a} for a, q in zip(alarms, quiet, strict=True)]
    record = {"machine": machine(), "summary": rows, "speed": speed(), "tables": details}
    RESULTS.write_text(json.dumps(record, indent=2) + "\n", encoding="utf-8")
    print(pd.DataFrame(rows).to_string(index=False))
    print(pd.DataFrame(record["speed"]).to_string(index=False))


def peer(scores: list[float]) -> dict[str, int]:
    """For how many tables ppscore would ring."""
    return {f"ppscore {at}": sum(score >= at for score in scores) for at in (USUAL, LENIENT)}


def leak(case: Case) -> dict[str, Any]:
    report = audit(case.train, case.test, case.target, **case.declared)
    hits = report[report["check"].isin(case.finds)]
    best = hits["evidence"].iloc[0] if len(hits) else ""
    return {"name": case.name, "found": bool(len(hits)), "evidence": best, "ppscore": round(pps(case), 2)}


def alarm(case: Case, in_time: bool) -> dict[str, Any]:
    declared = case.in_time() if in_time else case.declared
    report = audit(case.train, case.test, case.target, **declared)
    return {"name": case.name, "alarms": report["check"].tolist()}


def pps(case: Case) -> float:
    """The highest predictive power score of any column; the text form makes two classes a classification."""
    train, test = case.made()
    both = pd.concat([train, test], ignore_index=True)
    if both[case.target].dtype == bool:
        both[case.target] = both[case.target].astype("str")
    names = [c for c in both if c != case.target and not pd.api.types.is_datetime64_any_dtype(both[c])]
    names = [c for c in names if c not in (case.group, *unseen(case))] if case.live is not None else names
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return max(float(ppscore.score(both, c, case.target)["ppscore"]) for c in names)


def unseen(case: Case) -> list[str]:
    """Columns beside the features of a case: its group, and what only the declarations use."""
    return [c for c in case.made()[0] if c not in case.features]


def speed() -> list[dict[str, Any]]:
    """Seconds for 40,000 flights, clean and with a leak in one column and in two: the best of some turns."""
    raw = catalog.load("flights")
    table = eta.feature_table(raw, catalog.load("weather")).iloc[::8]
    table = table.join(raw[["dep_delay", "arr_time", "sched_arr_time"]])
    table = table.astype(dict.fromkeys(["carrier", "origin", "dest"], "category"))
    rows = []
    for name, more in {"clean": [], "proxy": ["dep_delay"], "two clocks": ["arr_time", "sched_arr_time"]}.items():
        part = table[[*FLIGHT, *more, "decided", "late"]]
        sides = part[:30_000], part[30_000:40_000]
        found = audit(*sides, "late", decided="decided")["check"].tolist()
        mine = min(timed(lambda sides=sides: audit(*sides, "late", decided="decided")))
        both = part[:40_000].drop(columns="decided").assign(late=part["late"].astype("str"))
        peer = min(timed(lambda both=both: ppscore.predictors(both, "late"), turns=1))
        rows.append({"table": name, "columns": part.shape[1] - 2, "audit_s": mine, "ppscore_s": peer, "found": found})
    return rows


def timed(function: Any, turns: int = TURNS) -> list[float]:
    seconds = []
    for _ in range(turns):
        start = time.perf_counter()
        function()
        seconds.append(round(time.perf_counter() - start, 2))
    return seconds


def machine() -> dict[str, Any]:
    return {
        "system": platform.system(),
        "processor": platform.machine(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        **{library.__name__: library.__version__ for library in (np, pd, sklearn)},
        "ppscore": ppscore.__version__,
    }


if __name__ == "__main__":
    main()
