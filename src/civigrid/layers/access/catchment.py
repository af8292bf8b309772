"""Floating catchment areas: supply shared among all who reach it, summed over what each cell reaches."""

from __future__ import annotations

from civigrid.layers.access.found import Access, left_out, ratio, unserved
from civigrid.layers.access.market import Market


def two_step(town: Market) -> Access:
    r"""Two-step floating catchment area: places per person within reach.

    .. math:: R_j = \frac{S_j}{\sum_k P_k f_{kj}}, \quad A_i = \sum_j R_j f_{ij}

    Parameters
    ----------
    town : Market
        Its decay makes the variant: binary 2SFCA, steps E2SFCA, a Gaussian G2SFCA, Epanechnikov KD2SFCA.

    Returns
    -------
    Access
        Supply per unit of demand.  :math:`\sum_i P_i A_i` is the supply of all sites that anyone reaches
        (``supply_shared``); what nobody reaches is ``supply_lost``.

    Notes
    -----
    Luo and Wang (2003), equations 1 and 2; Luo and Qi (2009) for steps.  With several modes: Mao and Nekorchuk (2013).

    Examples
    --------
    Two cells of 10 and 30 people; both reach site a, the second alone reaches b.

    >>> from civigrid.layers.access.examples import two_cells
    >>> two_step(two_cells()).of().tolist()
    [0.1, 0.2]
    """
    claims = {m: town.claims(m) for m in town.modes}
    demand = town.at_sites(claims)
    share = ratio(town.supply, demand)
    found = {m: town.at_cells(m, share) for m in town.modes}
    # a ratio of 0 may be a full site that nobody else needs, never one without supply: it tells who is served
    notes = left_out(town, demand) | unserved(town, found)
    return Access(market=town, value=town.over_modes(found), at_site={"demand": demand, "ratio": share}, notes=notes)


def three_step(town: Market, *, huff: bool = False) -> Access:
    r"""Three-step floating catchment area: demand is split over sites by a selection weight first.

    .. math::
        G_{ij} = \frac{f_{ij}}{\sum_l f_{il}}, \quad R_j = \frac{S_j}{\sum_k G_{kj} P_k f_{kj}}, \quad
        A_i = \sum_j G_{ij} R_j f_{ij}

    Parameters
    ----------
    town : Market
        The selection weight is over sites that offer the service to the group, and within the reach of the decay:
        PySAL sums over all rows of its table, also beyond the catchment.
    huff : bool
        Weigh selection by capacity too, :math:`G_{ij} = S_j f_{ij} / \sum_l S_l f_{il}`.

    Returns
    -------
    Access
        Supply per unit of demand; conserved as by `two_step`.

    Notes
    -----
    Wan, Zou and Sternberg (2012), equations 3 to 6; Luo (2014) for Huff's model.  Paez, author of the balanced variant,
    advises against it: choose a suitable decay instead (ipeaGIT/accessibility, issues 8 and 10).

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> three_step(two_cells()).of().round(4).tolist()
    [0.16, 0.18]
    """
    attraction = town.supply if huff else town.offers.astype(float)
    pull = {m: town.at_cells(m, attraction) for m in town.modes}
    part = {m: ratio(pull[m] ** 0, pull[m]) for m in town.modes}
    # people choose among sites that offer the service: the others have no demand
    weight = attraction
    demand = weight * town.at_sites({m: town.claims(m) * part[m] for m in town.modes}, square=True)
    share = ratio(town.supply, demand)
    found = {m: part[m] * town.at_cells(m, weight * share, square=True) for m in town.modes}
    notes = left_out(town, demand) | unserved(town, pull)
    return Access(market=town, value=town.over_modes(found), at_site={"demand": demand, "ratio": share}, notes=notes)


def modified_two_step(town: Market) -> Access:
    r"""Modified two-step floating catchment area: supply that is far from everybody is not used up.

    .. math:: A_i = \sum_j \frac{S_j f_{ij}^2}{\sum_k P_k f_{kj}}

    Parameters
    ----------
    town : Market
        Its decay should be 1 at 0: the square is of that scale.

    Returns
    -------
    Access
        Supply per unit of demand; the total is at most the supply where no weight exceeds 1, and with a binary decay
        it is that of `two_step`.

    Notes
    -----
    Delamater (2013).  Paez advises against it: choose a suitable decay instead (ipeaGIT/accessibility, issue 8).

    Examples
    --------
    >>> from civigrid.layers.access.examples import two_cells
    >>> modified_two_step(two_cells()).of().tolist()
    [0.1, 0.2]
    """
    claims = {m: town.claims(m) for m in town.modes}
    demand = town.at_sites(claims)
    share = ratio(town.supply, demand)
    found = {m: town.at_cells(m, share, square=True) for m in town.modes}
    notes = left_out(town, demand) | unserved(town, found)
    return Access(market=town, value=town.over_modes(found), at_site={"demand": demand, "ratio": share}, notes=notes)
