"""Sums under a kernel against a plain loop, and the laws they obey."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from civigrid.errors import SchemaError, UnknownNameError
from civigrid.kernels.convolution import STEP, Kernel, convolve, convolve_all, in_steps, kernel_weights

KERNELS = [
    Kernel("uniform", 0),
    Kernel("uniform", 1500),
    Kernel("uniform", 9000),
    Kernel("triangular", 3000),
    Kernel("biweight", 4200),
    Kernel("gaussian", 5000, 1700),
    Kernel("exponential", 6000, 1500),
]


def brute(dense, weights):
    """Sum neighbour by neighbour."""
    r, q = (n // 2 for n in weights.shape)
    result = np.zeros_like(dense)
    ny, nx = dense.shape
    for y in range(ny):
        for x in range(nx):
            for dy in range(-r, r + 1):
                for dx in range(-q, q + 1):
                    if 0 <= y + dy < ny and 0 <= x + dx < nx:
                        result[y, x] += weights[dy + r, dx + q] * dense[y + dy, x + dx]
    return result


def town(shape=(13, 17), seed=1):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(shape) < 0.6, rng.negative_binomial(0.4, 0.01, shape), 0).astype(float)


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_every_route_equals_a_plain_loop(kernel):
    """Whatever the shape, sums are those of a loop over neighbours; whole counts by steps are exact."""
    weights = kernel_weights(kernel, 1000)
    dense = town()

    assert convolve(dense, weights) == pytest.approx(brute(dense, weights), rel=1e-13, abs=1e-11)
    assert np.array_equal(convolve(dense, in_steps(weights)), brute(dense, in_steps(weights)))


@pytest.mark.parametrize("window", [np.ones((3, 5)), np.ones((11, 11)), np.outer([1, 2, 1], [0.5, 1, 0.5, 0, 0])])
def test_windows_and_separable_weights(window):
    """Square windows (summed areas) and products of a row and a column have routes of their own."""
    assert convolve(town(), window) == pytest.approx(brute(town(), window), rel=1e-13, abs=1e-11)


def test_weights_that_point_somewhere():
    """Weights that differ by direction are those of the neighbour at that offset."""
    weights = np.zeros((3, 3))
    weights[2, 1] = 0.25  # the neighbour one row up

    assert convolve(np.array([[0.0, 0.0], [8.0, 4.0]]), weights) == pytest.approx(np.array([[2.0, 1.0], [0.0, 0.0]]))


def test_shapes_by_hand():
    """Weights at half the radius, and at one decay length."""
    half = np.array([500.0])

    assert Kernel("uniform", 1000)(half) == pytest.approx([1])
    assert Kernel("triangular", 1000)(half) == pytest.approx([0.5])
    assert Kernel("biweight", 1000)(half) == pytest.approx([0.5625])
    assert Kernel("gaussian", 1000, 500)(half) == pytest.approx([np.exp(-0.5)])
    assert Kernel("exponential", 1000, 500)(half) == pytest.approx([np.exp(-1)])
    assert Kernel("uniform", 300 * np.sqrt(2))(np.array([np.hypot(300, 300)])) == 1


def test_cells_within_a_radius():
    """A uniform kernel of 2 cells holds 13 cells; the edge of a triangular one weighs nothing and is cut."""
    assert kernel_weights(Kernel("uniform", 2000), 1000).sum() == 13
    assert kernel_weights(Kernel("triangular", 2000), 1000).shape == (3, 3)
    assert kernel_weights(Kernel("biweight", 999), 1000).tolist() == [[1.0]]


@pytest.mark.parametrize("kernel", KERNELS, ids=str)
def test_kernels_look_alike_from_every_side(kernel):
    """Weights do not change by a 90 degree turn or a reflection."""
    w = kernel_weights(kernel, 700)

    assert np.array_equal(w, np.rot90(w))
    assert np.array_equal(w, w[::-1])


@given(st.integers(0, 1000), st.sampled_from(KERNELS))
def test_turning_the_map_turns_the_sums(seed, kernel):
    """A 90 degree turn of whole counts turns exact sums, to the bit."""
    w, dense = in_steps(kernel_weights(kernel, 1000)), town(seed=seed)

    assert np.array_equal(convolve(np.rot90(dense), w), np.rot90(convolve(dense, w)))


def test_many_kernels_and_groups_at_once():
    """Groups are leading axes, kernels a list: the same sums as one by one."""
    groups = np.stack([town(seed=1), town(seed=2)])
    weights = [in_steps(kernel_weights(k, 1000)) for k in KERNELS]
    together = convolve_all(groups, weights)

    for found, w in zip(together, weights, strict=True):
        assert np.array_equal(found, np.stack([convolve(g, w) for g in groups]))


def test_a_rare_group_beside_a_city_keeps_its_share():
    """One person alone 20 cells from 10 million: exactly 1, and exactly 0 where nobody is."""
    dense = np.zeros((60, 60))
    dense[30, 30], dense[30, 55] = 1e7, 1
    found = convolve(dense, in_steps(kernel_weights(Kernel("biweight", 9000), 1000)))

    assert found[30, 55] == 1
    assert found[0, 0] == 0


def test_fractional_counts_are_never_negative():
    """Interpolated counts are not rounded, and rounding errors do not make them negative."""
    dense = town() / 7
    found = convolve(dense, kernel_weights(Kernel("biweight", 5000), 1000))

    assert (found >= 0).all()
    assert found == pytest.approx(brute(dense, kernel_weights(Kernel("biweight", 5000), 1000)), rel=1e-12, abs=1e-12)


def test_steps_move_weights_by_less_than_is_said():
    """Weights in steps lie within half a step."""
    w = kernel_weights(Kernel("exponential", 9000, 2000), 1000)

    assert np.abs(in_steps(w) - w).max() <= STEP / 2


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Kernel("uniform", -1), "radius_m is -1"),
        (lambda: Kernel("uniform", np.inf), "radius_m is inf"),
        (lambda: Kernel("gaussian", 1000), "needs decay_m"),
        (lambda: Kernel("uniform", 1000, 5), "takes no decay_m"),
        (lambda: Kernel("gaussian", 1000, 0), "decay_m is 0"),
        (lambda: kernel_weights(Kernel("uniform", 1), 0), "cell_size_m is 0"),
        (lambda: convolve(np.array([[np.nan]]), np.ones((1, 1))), "NaN or infinite"),
    ],
)
def test_what_is_refused(make, message):
    """Kernels and arrays that mean nothing are refused, with the reason."""
    with pytest.raises(SchemaError, match=message):
        make()


def test_unknown_shape():
    """An unknown shape is told with the known ones."""
    with pytest.raises(UnknownNameError, match="biweight"):
        Kernel("quartic", 1000)
