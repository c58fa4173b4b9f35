"""The calibration error counts what a person would count by hand."""

import numpy as np
import pytest

from components.evaluation.calibration import (
    best_temperature,
    expected_calibration_error,
    probability_chosen,
    reliability,
)


def test_the_error_of_a_set_counted_by_hand() -> None:
    # four pairs at 0.95 sure of which one is wrong, six at 0.65 of which three are wrong
    probability = np.array([0.95, 0.95, 0.95, 0.05, 0.65, 0.65, 0.65, 0.35, 0.35, 0.35])
    by_hand = 0.4 * abs(0.75 - 0.95) + 0.6 * abs(0.5 - 0.65)
    assert expected_calibration_error(probability) == pytest.approx([by_hand])
    assert by_hand == pytest.approx(0.17)


def test_a_model_that_is_always_sure_and_right_half_the_time_is_off_by_a_half() -> None:
    assert expected_calibration_error(np.array([1.0, 0.0] * 50)) == pytest.approx([0.5])


def test_a_model_that_cannot_tell_is_calibrated() -> None:
    assert expected_calibration_error(np.full(30, 0.5)) == pytest.approx([0.0])


def test_probabilities_that_are_true_are_calibrated_and_twice_the_margin_is_not() -> None:
    rng = np.random.default_rng(0)
    margins = rng.normal(scale=1.5, size=40_000)
    chosen_first = rng.random(40_000) < probability_chosen(margins)
    observed = np.where(chosen_first, margins, -margins)
    assert expected_calibration_error(probability_chosen(observed))[0] < 0.01
    assert expected_calibration_error(probability_chosen(2 * observed))[0] > 0.08
    assert best_temperature(2 * observed, np.ones((1, 40_000))) == pytest.approx([2.0], rel=0.05)
    assert best_temperature(observed / 3, np.ones((1, 40_000))) == pytest.approx([1 / 3], rel=0.05)


def test_a_confidence_on_an_edge_belongs_to_the_bin_below() -> None:
    bins = reliability(np.array([0.9, 0.1, 0.91, 0.5]))
    assert bins.count.tolist() == [0, 0, 0, 0, 1, 0, 0, 0, 2, 1]
    assert bins.confidence[8] == pytest.approx(0.9)
    assert bins.accuracy[[4, 8, 9]].tolist() == [0.5, 0.5, 1.0]
    assert np.isnan(bins.accuracy[0])


def test_counting_a_pair_twice_is_having_it_twice() -> None:
    probability = np.array([0.95, 0.65, 0.35])
    twice = expected_calibration_error(probability, np.array([[2.0, 1.0, 0.0], [1.0, 1.0, 1.0]]))
    assert twice[0] == pytest.approx(expected_calibration_error(np.array([0.95, 0.95, 0.65]))[0])
    assert twice[1] == pytest.approx(expected_calibration_error(probability)[0])


def test_a_margin_becomes_a_probability_without_overflow() -> None:
    assert probability_chosen(np.array([-2000.0, 0.0, np.log(3), 2000.0])) == pytest.approx([0, 0.5, 0.75, 1])
