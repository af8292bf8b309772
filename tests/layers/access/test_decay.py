"""Decay functions: values at telling times, conventions of the peers, text, refusals."""

import dataclasses

import numpy as np
import pytest
from scipy.stats import norm
from towns_of_access import random_times

from civigrid.errors import SchemaError, UnknownNameError
from civigrid.layers.access import decay as d
from civigrid.layers.access import decay_text, more_decay, parse_decay, weighted
from civigrid.layers.access.cumulative import Thresholds

ALL = (
    d.Binary(15.0), d.Step((10.0, 20.0), (1.0, 0.4)), d.Linear(30.0), d.Exponential(beta_per_min=0.1),
    d.Exponential(half_life_min=12.0), d.Power(1.5, scale_min=5.0), d.Power(1.5, 5.0, 1.0, capped=False),
    d.Gaussian(10.0), d.TruncatedGaussian(30.0), more_decay.Logistic(20.0, 6.0), more_decay.Gamma(0.5, 0.2),
    more_decay.Butterworth(20.0, 4.0), more_decay.Epanechnikov(25.0), d.E2SFCA_SLOW, d.E2SFCA_FAST, d.THREE_STEP,
)  # fmt: skip


@pytest.mark.parametrize("decay", ALL, ids=lambda f: f.words)
def test_words_read_back_to_an_equal_value(decay):
    """What outputs say can be typed again; equal values have equal hashes."""
    again = parse_decay(decay.words)

    assert again == decay
    assert hash(again) == hash(decay)


@pytest.mark.parametrize("decay", ALL, ids=lambda f: f.words)
def test_the_table_holds_what_the_function_says(decay):
    """One look-up by whole second is the function of its minutes, to the last bit."""
    seconds = np.array([0, 1, 599, 600, 601, 1200, 1201, 3600])

    assert d.tabulated(decay, 3600)[seconds].tolist() == decay(seconds / 60).tolist()


@pytest.mark.parametrize("decay", ALL, ids=lambda f: f.words)
def test_weights_fall_with_time(decay):
    """No decay but Tanner's rises anywhere."""
    weights = d.tabulated(decay, 3600)

    assert weights.min() >= 0
    assert isinstance(decay, more_decay.Gamma) or np.all(np.diff(weights) <= 0)


def test_steps_close_right_as_pysal_or_left_as_r():
    """The bound itself: PySAL gives it the weight before it, R accessibility the weight behind it."""
    right = d.Step((10.0, 20.0, 30.0), (1.0, 0.68, 0.22))
    left = dataclasses.replace(right, closed="left")
    at = np.array([0.0, 10.0, 20.0, 30.0])

    assert right(at).tolist() == [1.0, 1.0, 0.68, 0.22]
    assert left(at).tolist() == [1.0, 0.68, 0.22, 0.0]
    assert d.Binary(10.0)(at).tolist() == [1.0, 1.0, 0.0, 0.0]
    assert d.Binary(10.0, "left")(at).tolist() == [1.0, 0.0, 0.0, 0.0]
    assert right == d.E2SFCA_SLOW


def test_steps_equal_pysals():
    """The peer's step function at bounds and between."""
    peer = pytest.importorskip("access.weights")
    theirs = peer.step_fn({10: 1, 20: 0.68, 30: 0.22})
    minutes = np.arange(0, 40, 0.5)

    assert d.E2SFCA_SLOW(minutes).tolist() == [theirs(t) for t in minutes]


def test_gaussian_and_power_equal_pysals():
    """The peer's gaussian and its signed, uncapped power."""
    peer = pytest.importorskip("access.weights")
    minutes = np.arange(0, 60, 0.5)

    gauss, power = peer.gaussian(7.0), peer.gravity(scale=20, alpha=-2, min_dist=1)
    assert d.Gaussian(7.0)(minutes).tolist() == pytest.approx([gauss(t) for t in minutes], rel=1e-14)
    assert d.pysal_power(20.0, -2.0, 1.0)(minutes).tolist() == pytest.approx([power(t) for t in minutes], rel=1e-14)


def test_power_in_the_convention_of_r_is_capped_at_one():
    """R accessibility: a positive exponent, 1 up to 1 minute."""
    assert d.Power(0.2)(np.array([0.0, 0.5, 1.0, 32.0])).round(12).tolist() == [1.0, 1.0, 1.0, 0.5]


def test_two_exponentials_are_one_curve():
    """A half-life of h is a rate of ln 2 / h; a half remains at the half-life (R5's parameter)."""
    minutes = np.linspace(0, 90, 31)
    by_rate, by_half = d.Exponential(beta_per_min=np.log(2) / 15), d.Exponential(half_life_min=15.0)

    assert by_half(minutes) == pytest.approx(by_rate(minutes), rel=1e-14)
    assert by_half(np.array([15.0]))[0] == 0.5


def test_gaussian_is_the_bell_scaled_to_one():
    """Against the normal density."""
    minutes = np.linspace(0, 40, 9)

    assert d.Gaussian(10.0)(minutes) == pytest.approx(norm.pdf(minutes / 10) / norm.pdf(0), rel=1e-13)


def test_dais_gaussian_ends_at_zero():
    """1 at 0, 0 at the threshold and beyond, by hand in between."""
    value = d.TruncatedGaussian(30.0)(np.array([0.0, 15.0, 30.0, 31.0]))
    middle = (np.exp(-0.125) - np.exp(-0.5)) / (1 - np.exp(-0.5))

    assert value.tolist() == pytest.approx([1.0, middle, 0.0, 0.0], abs=1e-15)


def test_logistic_starts_at_one_and_does_not_overflow():
    """Bauer and Groneberg's scaling; far times are 0, silently."""
    decay = more_decay.Logistic(20.0, 0.01)
    rate = np.pi / (6.0 * np.sqrt(3))
    wide = more_decay.Logistic(20.0, 6.0)

    assert decay(np.array([0.0, 1e6])).tolist() == [1.0, 0.0]
    assert wide(np.array([5.0]))[0] == pytest.approx((1 + np.exp(-20 * rate)) / (1 + np.exp(-15 * rate)), rel=1e-13)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("binary(30)", d.Binary(30.0)),
        (" Gaussian( sigma = 10 ) ", d.Gaussian(10.0)),
        ("exponential(half_life=10)", d.Exponential(half_life_min=10.0)),
        ("exponential(beta=0.1)", d.Exponential(beta_per_min=0.1)),
        ("step(10/20/30, 1/0.68/0.22, closed=left)", d.Step((10.0, 20.0, 30.0), (1.0, 0.68, 0.22), "left")),
        ("pysal_power(scale=20, alpha=-2, min_dist=1)", d.Power(2.0, 20.0, 1.0, capped=False)),
        ("e2sfca_fast", d.E2SFCA_FAST),
        ("gaussian(sigma=3, within=15)", more_decay.Within(d.Gaussian(3.0), 15.0)),
        ("3sfca(within=30)", more_decay.Within(d.THREE_STEP, 30.0)),
    ],
)
def test_text_is_read(text, expected):
    """Names without case, parameters without their unit, any decay with a cut-off."""
    assert parse_decay(text) == expected


@pytest.mark.parametrize(
    ("text", "error", "words"),
    [
        ("gauss(sigma=3)", UnknownNameError, "Did you mean 'gaussian'"),
        ("gaussian(sgima=3)", UnknownNameError, "Known: sigma_min, within"),
        ("gaussian()", SchemaError, "lacks sigma_min"),
        ("gaussian(3, 4)", SchemaError, "takes 1 parameters"),
        ("gaussian(3, sigma=4)", SchemaError, "given twice"),
        ("gaussian(sigma=3, sigma=4)", SchemaError, "given twice"),
        ("gaussian(sigma=10min)", SchemaError, "is no number"),
        ("gaussian(sigma=0)", SchemaError, "above 0"),
        ("gaussian[3]", SchemaError, "cannot be read"),
        ("logistic(mu=3, 4)", SchemaError, "without a name"),
        ("exponential(beta=1, half_life=2)", SchemaError, "one of the two"),
        ("exponential", SchemaError, "one of the two"),
        ("step(10/20, 1)", SchemaError, "each needs one"),
        ("step(20/10, 1/0.5)", SchemaError, "must ascend"),
        ("step(10/20, 1/-1)", SchemaError, "at least 0"),
        ("binary(30, closed=middle)", SchemaError, "must be 'right'"),
        ("binary(-1)", SchemaError, "at least 0"),
        ("power(alpha=-1)", SchemaError, "above 0"),
        ("power(1, least=-1)", SchemaError, "at least 0"),
        ("power(1, capped=maybe)", SchemaError, "true or false"),
        ("power(1, capped=false)", SchemaError, "infinite at 0"),
        ("pysal_power(1, 2, 3)", SchemaError, "below 0"),
        ("gamma(-1, 1)", SchemaError, "at least 0"),
        ("e2sfca_slow(3)", SchemaError, "no parameters"),
        ("gaussian(3, within=-1)", SchemaError, "at least 0"),
    ],
)
def test_bad_text_says_what_is_wrong(text, error, words):
    """Each message names the fault."""
    with pytest.raises(error, match=words):
        parse_decay(text)


def test_every_name_has_a_decay():
    """Names of the shell: all callables, none twice."""
    assert {c.name for c in decay_text.PARAMETRIC} < set(decay_text.DECAYS)
    assert len(decay_text.PARAMETRIC) == len({c.name for c in decay_text.PARAMETRIC})


def test_a_function_of_ones_own_works():
    """Any callable from minutes to weights; its name is told."""
    times = random_times()

    def halves(minutes):
        return np.where(minutes < 20, 0.5, 0.0)

    found = weighted(times, halves)
    assert found.weight.tolist() == np.where(times.seconds < 1200, 0.5, 0.0).tolist()
    assert found.words == "halves of the travel time"


@pytest.mark.parametrize(
    ("decay", "words"),
    [
        (lambda minutes: 1.0, "must take an array"),
        (lambda minutes: minutes - 5, "at 0 minutes"),
        (lambda minutes: np.where(minutes > 1, np.nan, 1.0), "is nan at 1.01"),
    ],
)
def test_a_bad_function_is_refused(decay, words):
    """Wrong shapes, negative weights and NaN never reach a sum."""
    with pytest.raises(SchemaError, match=words):
        weighted(random_times(), decay)


def test_a_decay_beyond_the_search_is_refused():
    """Times searched up to 60 minutes cannot tell who is within 61; what a gaussian loses there is told."""
    times = random_times()

    with pytest.raises(SchemaError, match="searched up to 60"):
        weighted(times, d.Binary(61.0))
    with pytest.raises(SchemaError, match="searched up to 60"):
        weighted(times, more_decay.Within(d.Gaussian(5.0), 61.0))
    assert weighted(times, d.Gaussian(30.0)).weight_at_limit == pytest.approx(np.exp(-2))
    assert weighted(times, d.Binary(60.0)).weight_at_limit == 0.0


@pytest.mark.parametrize(("bad", "words"), [((9.0, 5.0), "ascend"), ((1.0, 5.0, 1.0, "mode"), "median")])
def test_bad_intervals_of_thresholds_are_refused(bad, words):
    """First after last, and a summary nobody knows."""
    with pytest.raises(SchemaError, match=words):
        Thresholds(*bad)
