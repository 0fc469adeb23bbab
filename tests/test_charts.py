"""Charts: what stands on the axes is what the intervals say."""

from __future__ import annotations

from collections.abc import Iterator

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from matplotlib.axes import Axes
from matplotlib.container import BarContainer, ErrorbarContainer

from mlbook.evidence import Interval
from mlbook.evidence.charts import bars, curve, dots, log_ticks, told

LOW, HIGH = Interval(2, 1, 4, "20 days"), Interval(30, 20, 35, "20 days")


@pytest.fixture
def ax() -> Iterator[Axes]:
    figure, ax = plt.subplots()
    yield ax
    plt.close(figure)


def ends(drawn: ErrorbarContainer) -> list[list[list[float]]]:
    """Where each interval begins and ends: (n, 2 ends, 2 coordinates)."""
    [lines] = drawn.lines[2]
    return [segment.tolist() for segment in lines.get_segments()]


def test_a_curve_goes_through_the_estimates_and_carries_its_name(ax: Axes) -> None:
    curve(ax, [10, 100], [LOW, HIGH], "trees", dodge=1.1, color="#d55e00", marker="s")
    [drawn] = ax.containers
    assert isinstance(drawn, ErrorbarContainer)
    assert np.allclose(drawn.lines[0].get_xydata(), [[11, 2], [110, 30]])
    assert np.allclose(ends(drawn), [[[11, 1], [11, 4]], [[110, 20], [110, 35]]])
    [name] = ax.texts
    assert (name.get_text(), name.get_color(), name.xy) == ("trees", "#d55e00", (pytest.approx(110), 30))


def test_bars_stand_on_zero_side_by_side_with_their_intervals(ax: Axes) -> None:
    table = pd.DataFrame({"model": [LOW, HIGH], "data": [HIGH, LOW]}, index=["flights", "houses"])
    bars(ax, table, {"model": {"color": "#d55e00", "hatch": "//"}, "data": {"color": "#0072b2"}})
    model, data = (drawn for drawn in ax.containers if isinstance(drawn, BarContainer))
    assert [bar.get_height() for bar in model] == [2, 30]
    assert [bar.get_y() for bar in [*model, *data]] == [0, 0, 0, 0]
    for left, right, tick in zip(model, data, ax.get_xticks(), strict=True):
        assert left.get_x() + left.get_width() < tick < right.get_x()
    assert model.errorbar is not None
    assert np.allclose(np.array(ends(model.errorbar))[:, :, 1], [[1, 4], [20, 35]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["flights", "houses"]


def test_bars_without_a_look_are_refused(ax: Axes) -> None:
    with pytest.raises(ValueError, match="no look for column 'both'; there are looks for model, data"):
        bars(ax, pd.DataFrame({"both": [LOW]}), {"model": {}, "data": {}})


def test_dots_stand_in_named_rows_from_the_top_down(ax: Axes) -> None:
    dots(ax, {"one": LOW, "two": HIGH}, shift=0.1, color="#0072b2")
    dots(ax, {"one": HIGH, "two": LOW}, shift=-0.1, color="#cc79a7", marker="s")
    first, second = ax.containers
    assert isinstance(first, ErrorbarContainer)
    assert isinstance(second, ErrorbarContainer)
    assert np.allclose(first.lines[0].get_xydata(), [[2, 0.1], [30, -0.9]])
    assert np.allclose(ends(first), [[[1, 0.1], [4, 0.1]], [[20, -0.9], [35, -0.9]]])
    assert np.allclose(second.lines[0].get_xydata(), [[30, -0.1], [2, -1.1]])
    assert dict(zip([label.get_text() for label in ax.get_yticklabels()], ax.get_yticks(), strict=True)) == {
        "one": 0,
        "two": -1,
    }


def test_logarithmic_ticks_are_written_out(ax: Axes) -> None:
    log_ticks(ax, [100, 10_000])
    assert ax.get_xscale() == "log"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["100", "10,000"]
    assert not len(ax.get_xticks(minor=True))


def test_estimates_are_told_by_name() -> None:
    assert told({"one": LOW, "both": [LOW, HIGH]}) == "one 2; both 2, 30"
    assert told({"one": LOW}, decimals=1) == "one 2.0"
