"""Evidence: intervals cover what they promise, verdicts follow from them, and figures carry their text."""

from __future__ import annotations

import base64
import io
import tomllib
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from IPython.core.formatters import DisplayFormatter
from PIL import Image

from mlbook.evidence import (
    COLORS,
    Check,
    Finding,
    Interval,
    above,
    below,
    claims,
    mean_interval,
    ratio_interval,
    recall_interval,
    repeats_interval,
    share_interval,
    show,
)

ALT = "Line chart of one thing against another, which rises from two to four while the other one rises too, twice."


def interval(low: float, high: float) -> Interval:
    return Interval((low + high) / 2, low, high, "20 days")


def finding(*checks: Check) -> Finding:
    return Finding("data-rules", list(checks), simulated="nothing, for this test")


class TestIntervals:
    def test_an_interval_over_groups_covers_the_truth_about_95_times_in_100(self):
        rng = np.random.default_rng(1)
        covered = 0
        for _ in range(200):
            days = np.repeat(np.arange(60), 20)
            values = rng.normal(size=60)[days] + rng.normal(size=len(days))
            found = mean_interval(values, days)
            covered += found.low <= 0 <= found.high
        assert 0.90 <= covered / 200 <= 0.985

    def test_rows_that_share_a_day_widen_the_interval(self):
        rng = np.random.default_rng(2)
        days = np.repeat(np.arange(50), 40)
        values = rng.normal(size=50)[days]
        by_day, by_row = mean_interval(values, days), mean_interval(values, np.arange(len(days)))
        assert by_day.high - by_day.low > 4 * (by_row.high - by_row.low)

    def test_the_estimate_is_the_ratio_of_the_sums(self):
        groups = np.arange(12)
        found = ratio_interval(np.arange(12), np.full(12, 2), groups)
        assert found.estimate == pytest.approx(66 / 24)
        assert found.over == "12 days"

    def test_the_order_of_the_rows_changes_nothing_but_the_order_of_the_days(self):
        rng = np.random.default_rng(3)
        values, days = rng.normal(size=300), np.repeat(np.arange(30), 10)
        within = np.arange(300).reshape(30, 10)[:, ::-1].ravel()
        assert mean_interval(values, days).text() == mean_interval(values[within], days[within]).text()

    def test_recall_looks_at_the_positives_and_their_groups_only(self):
        rng = np.random.default_rng(4)
        flagged, positive, days = rng.random(400) < 0.4, rng.random(400) < 0.3, np.arange(400) // 20
        found = recall_interval(flagged, positive, days)
        assert found.estimate == (flagged & positive).sum() / positive.sum()
        assert found == mean_interval(flagged[positive], days[positive], "positives")
        other = np.where(positive, flagged, ~flagged)
        assert recall_interval(other, positive, days) == found

    def test_without_groups_each_positive_stands_by_itself(self):
        positive = np.arange(100) % 4 == 0
        found = recall_interval(np.arange(100) % 8 == 0, positive, group_name="late orders")
        assert (found.estimate, found.over) == (13 / 25, "25 late orders")

    def test_flags_of_another_length_are_refused(self):
        with pytest.raises(ValueError, match="3 flags, 4 rows, and 4 groups: lengths differ"):
            recall_interval([1, 0, 1], [True] * 4)

    @pytest.mark.parametrize(("count", "low", "high"), [(0, 0, 0.3085), (5, 0.1871, 0.8129), (10, 0.6915, 1)])
    def test_a_share_of_a_few_has_its_exact_interval(self, count, low, high):
        found = share_interval(count, 10, "leaks")
        assert (found.estimate, found.over) == (count / 10, "10 leaks")
        assert (found.low, found.high) == pytest.approx((low, high), abs=1e-4)

    @pytest.mark.parametrize(("count", "of"), [(11, 10), (-1, 10), (0, 0)])
    def test_what_is_no_share_is_refused(self, count, of):
        with pytest.raises(ValueError, match="is no share"):
            share_interval(count, of, "leaks")

    def test_repeats_use_students_t(self):
        found = repeats_interval([1.0, 2.0, 3.0])
        assert (found.low, found.high) == pytest.approx((2 - 2.4841, 2 + 2.4841), abs=1e-3)

    @pytest.mark.parametrize(
        ("values", "groups", "message"),
        [
            ([1.0] * 9, range(9), "too few"),
            ([1.0] * 11, range(10), "lengths differ"),
            ([np.nan] + [1.0] * 10, range(11), "missing"),
        ],
    )
    def test_bad_input_is_named(self, values, groups, message):
        with pytest.raises(ValueError, match=message):
            mean_interval(values, list(groups))

    def test_a_denominator_that_can_vanish_is_refused(self):
        with pytest.raises(ValueError, match="denominator"):
            ratio_interval(np.ones(10), np.eye(10)[0], range(10))

    def test_too_few_repeats_are_refused(self):
        with pytest.raises(ValueError, match="at least 3"):
            repeats_interval([1.0, 2.0])

    def test_an_estimate_outside_its_interval_is_refused(self):
        with pytest.raises(ValueError, match="must contain"):
            Interval(3, 1, 2, "20 days")

    @pytest.mark.parametrize(
        ("low", "high", "text"),
        [
            (8.0, 21.0, "14 [8, 21]"),
            (1.04, 2.51, "1.8 [1.0, 2.5]"),
            (-0.02, 1.04, "0.51 [\N{MINUS SIGN}0.02, 1.04]"),
            (0.21, 10.3, "5.3 [0.2, 10.3]"),
            (12000.0, 13000.0, "12,500 [12,000, 13,000]"),
        ],
    )
    def test_digits_follow_the_width_and_keep_the_side_of_zero(self, low, high, text):
        assert interval(low, high).text() == text

    @given(st.floats(-1e4, 1e4), st.floats(0, 1e4), st.floats(1e-3, 1e3))
    def test_another_unit_keeps_the_order_of_the_ends(self, low, width, factor):
        scaled = interval(low, low + width).scaled(factor)
        assert scaled.low <= scaled.estimate <= scaled.high

    def test_another_zero_moves_the_estimate_and_both_ends(self):
        assert interval(1, 3).shifted(-10) == Interval(-8, -9, -7, "20 days")


class TestFindings:
    @pytest.mark.parametrize(
        ("low", "high", "above", "below", "outcome"),
        [
            (0.1, 1, 0, None, "supported"),
            (-0.1, 1, 0, None, "undecided"),
            (0, 1, 0, None, "undecided"),
            (-2, -0.1, 0, None, "contradicted"),
            (-2, -1, None, 0, "supported"),
            (-1, 0.1, None, 0, "undecided"),
            (1, 2, None, 0, "contradicted"),
            (1, 2, 1.5, None, "undecided"),
        ],
    )
    def test_only_a_whole_interval_decides(self, low, high, above, below, outcome):
        assert Check("it is so", interval(low, high), above, below).outcome == outcome

    def test_several_effects_on_one_side_make_a_check_each(self):
        effects = {"more": interval(1, 2), "less": interval(-2, -1)}
        assert [check.outcome for check in above(0, effects)] == ["supported", "contradicted"]
        assert [check.outcome for check in below(0, effects, unit="min")] == ["contradicted", "supported"]
        assert [(check.statement, check.unit) for check in below(0, effects, unit="min")] == [
            ("more", "min"),
            ("less", "min"),
        ]

    @pytest.mark.parametrize(
        ("sides", "verdict"),
        [((1, 1), "holds"), ((1, -1), "holds in part"), ((-1, -1), "does not hold"), ((1,), "holds")],
    )
    def test_the_verdict_follows_from_the_checks(self, sides, verdict):
        checks = [Check("it is so", interval(side - 0.5, side + 0.5), above=0) for side in sides]
        assert finding(*checks).verdict == verdict

    def test_the_plain_text_is_one_line_that_begins_with_claim_and_verdict(self):
        text = repr(finding(Check("more", interval(1, 2), above=0)))
        assert text.startswith("finding data-rules: holds | more: 1.5 points [1.0, 2.0] over 20 days, supported")
        assert "\n" not in text

    def test_ipython_gets_text_markdown_and_the_record(self):
        shown = finding(Check("more", interval(1, 2), above=0, unit="min"))
        data, metadata = DisplayFormatter().format(shown)
        assert set(data) == {"text/plain", "text/markdown"}
        assert data["text/plain"] == repr(shown)
        assert metadata["finding"]["verdict"] == "holds"
        assert metadata["finding"]["checks"][0]["effect"] == "1.5 min [1.0, 2.0]"

    def test_snapshots_are_shown_with_their_fingerprints(self):
        from mlbook import catalog

        shown = repr(Finding("data-rules", [Check("more", interval(1, 2), above=0)], data=["flights"]))
        assert f"real data: flights {catalog.fingerprint('flights')}" in shown

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ({"claim": "no-such-claim", "data": ["flights"]}, "no claim"),
            ({"checks": [], "data": ["flights"]}, "no checks"),
            ({}, "either data="),
            ({"data": ["flights"], "simulated": "and this"}, "either data="),
            ({"data": "flights"}, r"such as \['flights'\]"),
        ],
    )
    def test_bad_findings_are_refused(self, arguments, message):
        given_ = {"claim": "data-rules", "checks": [Check("more", interval(1, 2), above=0)], **arguments}
        with pytest.raises(ValueError, match=message):
            Finding(**given_)

    @pytest.mark.parametrize("sides", [{}, {"above": 0, "below": 0}])
    def test_a_check_needs_one_side(self, sides):
        with pytest.raises(ValueError, match="one of above"):
            Check("more", interval(1, 2), **sides)


class TestClaims:
    def test_every_claim_names_its_part_its_systems_and_its_chapters(self):
        for claim in claims().values():
            assert claim["part"]
            assert claim["text"]
            assert claim["systems"]
            assert claim["chapters"]

    def test_ids_are_unique_and_begin_with_their_part(self):
        path = Path(__file__).parent.parent / "mlbook" / "evidence" / "claims.toml"
        listed = [claim["id"] for claim in tomllib.loads(path.read_text(encoding="utf-8"))["claim"]]
        assert len(listed) == len(set(listed)) == len(claims())
        for claim in claims().values():
            assert claim["id"].startswith(claim["part"].lower() + "-")


class TestFigures:
    def test_the_alternative_text_travels_with_the_picture(self):
        figure, ax = plt.subplots(figsize=(2, 1))
        ax.plot([1, 2])
        data, metadata = DisplayFormatter().format(show(figure, ALT))
        assert data["text/plain"] == ALT == metadata["image/png"]["alt"]
        assert metadata["image/png"]["width"] == 192
        assert f'<img alt="{ALT}" width="192" src="data:image/png;base64,{data["image/png"]}">' == data["text/html"]
        assert Image.open(io.BytesIO(base64.b64decode(data["image/png"]))).format == "PNG"

    def test_the_figure_is_closed_so_that_it_is_not_drawn_twice(self):
        before = plt.get_fignums()
        show(plt.figure(figsize=(2, 1)), ALT)
        assert plt.get_fignums() == before

    def test_the_picture_does_not_name_the_version_that_wrote_it(self):
        shown = show(plt.figure(figsize=(2, 1)), ALT)
        assert b"Matplotlib" not in shown.png

    def test_the_picture_is_stored_in_few_colors_that_look_like_those_drawn(self):
        figure, ax = plt.subplots()
        for x, color in enumerate(COLORS.values()):
            ax.plot([x, x + 1], color=color)
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png")
        stored = show(figure, ALT).png
        before, after = (np.asarray(Image.open(png).convert("RGB"), int) for png in (drawn, io.BytesIO(stored)))
        assert np.abs(before - after).max() <= 8
        assert len(stored) < 0.5 * len(drawn.getvalue())

    @pytest.mark.parametrize("alt", ["A chart.", "word " * 61])
    def test_text_that_says_too_little_or_too_much_is_refused(self, alt):
        figure = plt.figure(figsize=(2, 1))
        with pytest.raises(ValueError, match="words"):
            show(figure, alt)
        plt.close(figure)
