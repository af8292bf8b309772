"""Where measures of access come from."""

from __future__ import annotations

SOURCES: dict[str, str] = {
    "hansen1959": "W. G. Hansen (1959), How accessibility shapes land use, J. American Institute of Planners 25, 73-76",
    "huff1964": "D. L. Huff (1964), Defining and estimating a trading area, J. Marketing 28 (3), 34-38",
    "wilson1971": "A. G. Wilson (1971), A family of spatial interaction models, Environment and Planning A 3, 1-32",
    "benakiva1985": "M. Ben-Akiva and S. R. Lerman (1985), Discrete Choice Analysis, MIT Press, section 10.2",
    "luo2003": "W. Luo and F. Wang (2003), Measures of spatial accessibility to health care in a GIS environment, "
    "Environment and Planning B 30, 865-884",
    "luo2009": "W. Luo and Y. Qi (2009), An enhanced two-step floating catchment area method, Health & Place 15, "
    "1100-1107",
    "wan2012": "N. Wan, B. Zou and T. Sternberg (2012), A three-step floating catchment area method, "
    "International J. of Geographical Information Science 26, 1073-1089",
    "luo2014": "J. Luo (2014), Integrating the Huff model and floating catchment area methods, Transactions in GIS 18, "
    "436-448",
    "delamater2013": "P. L. Delamater (2013), Spatial accessibility in suboptimally configured health care systems, "
    "Health & Place 24, 30-43",
    "paez2019": "A. Paez, C. D. Higgins and S. F. Vivona (2019), Demand and level of service inflation in floating "
    "catchment area methods, PLOS ONE 14 (6), e0218773",
    "soukhov2023": "A. Soukhov, A. Paez, C. D. Higgins and M. Mohamed (2023), Introducing spatial availability, "
    "PLOS ONE 18 (1), e0278468",
    "saxon2020": "J. Saxon and D. Snow (2020), A rational agent model for the spatial accessibility of primary health "
    "care, Annals of the American Association of Geographers 110, 205-222",
    "hitchcock1941": "F. L. Hitchcock (1941), The distribution of a product from several sources to numerous "
    "localities, J. Mathematics and Physics 20, 224-230",
    "cui2020": "M. Cui and D. Levinson (2020), Primal and dual access, Geographical Analysis 52, 452-474",
    "tomasiello2023": "D. B. Tomasiello, D. Herszenhut, J. L. A. Oliveira, C. K. V. Braga and R. H. M. Pereira (2023), "
    "A time interval metric for cumulative opportunity accessibility, Applied Geography 157, 103007",
    "barboza2021": "M. H. C. Barboza, M. S. Carneiro, C. Falavigna, G. Luz and R. Orrico (2021), Balancing time, "
    "J. Transport Geography 90, 102924",
}
"""Sources by key."""
