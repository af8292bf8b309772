"""Where every index and method comes from: one entry each, cited by key, exported as BibTeX."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from civigrid.errors import unknown_name

_ISSUE = re.compile(r"(\d+)(?:\((\d+)\))?, ([\d-]+)")
"""Volume, number and pages."""


@dataclass(frozen=True)
class Source:
    """One publication.

    Parameters
    ----------
    key : str
        Name in BibTeX.
    author : str
        Authors as BibTeX writes them, joined by " and ".
    year : int
        Year of publication.
    title, venue : str
        Title; journal, or publisher of a book.
    more : str
        Volume, pages or identifier, as text.
    book : bool
        Whether `venue` is a publisher.
    chapter : bool
        Whether `venue` is the title of the book it is a chapter of.
    """

    key: str
    author: str
    year: int
    title: str
    venue: str
    more: str = ""
    book: bool = False
    chapter: bool = False

    @property
    def short(self) -> str:
        """Author and year, as sentences cite them.

        >>> SOURCES["duncan1955"].short
        'Duncan and Duncan (1955)'
        """
        names = [name.split(",")[0] for name in self.author.split(" and ")]
        who = " and ".join(names) if len(names) < 3 else f"{names[0]} et al."
        return f"{who} ({self.year})"

    def bibtex(self) -> str:
        """Give the entry as BibTeX."""
        kind, place = ("book", "publisher") if self.book else ("article", "journal")
        if self.chapter:
            kind, place = "incollection", "booktitle"
        fields = {"author": self.author, "title": f"{{{self.title}}}", place: self.venue, "year": str(self.year)}
        parts = None if kind == "book" else _ISSUE.fullmatch(self.more)
        if parts:
            found = {"volume": parts[1], "number": parts[2], "pages": parts[3].replace("-", "--")}
            fields |= {name: text for name, text in found.items() if text}
        elif self.more:
            fields["note"] = self.more
        lines = ",\n".join(f"  {name} = {{{value}}}" for name, value in fields.items())
        return f"@{kind}{{{self.key},\n{lines}\n}}"


def _s(
    key: str, author: str, title: str, venue: str, more: str = "", *, book: bool = False, chapter: bool = False
) -> Source:
    return Source(key, author, int("".join(c for c in key if c.isdigit())[:4]), title, venue, more, book, chapter)


_ALL = (
    _s("allen2015", "Allen, Rebecca and Burgess, Simon and Davidson, Russell and Windmeijer, Frank",
       "More reliable inference for the dissimilarity index of segregation", "The Econometrics Journal",
       "18(1), 40-66"),
    _s("atkinson1970", "Atkinson, Anthony B.", "On the measurement of inequality", "Journal of Economic Theory",
       "2(3), 244-263"),
    _s("bell1954", "Bell, Wendell", "A probability model for the measurement of ecological segregation",
       "Social Forces", "32(4), 357-364"),
    _s("bezenac2022", "B\\'ezenac, C\\'ecile de and Clark, William A. V. and Olteanu, Madalina and "
       "Randon-Furling, Julien", "Measuring and visualizing patterns of ethnic concentration: the role of distortion "
       "coefficients", "Geographical Analysis", "54(1), 173-196"),
    _s("carlson1992", "Carlson, Susan M.", "Trends in race/sex occupational inequality: conceptual and measurement "
       "issues", "Social Problems",
       "39(3), 268-290"),
    _s("carrington1997", "Carrington, William J. and Troske, Kenneth R.", "On measuring segregation in samples with "
       "small units", "Journal of Business and Economic Statistics", "15(4), 402-409"),
    _s("duncan1955", "Duncan, Otis Dudley and Duncan, Beverly", "A methodological analysis of segregation indexes",
       "American Sociological Review", "20(2), 210-217"),
    _s("elbers2023", "Elbers, Benjamin", "A method for studying differences in segregation across time and space",
       "Sociological Methods and Research", "52(1), 5-42"),
    _s("folch2016", "Folch, David C. and Rey, Sergio J.", "The centralization index: a measure of local spatial "
       "segregation", "Papers in Regional Science", "95(3), 555-576"),
    _s("gorard2002", "Gorard, Stephen and Taylor, Chris", "What is segregation? A comparison of measures in terms of "
       "`strong' and `weak' compositional invariance", "Sociology", "36(4), 875-895"),
    _s("hutchens2001", "Hutchens, Robert", "Numerical measures of segregation: desirable properties and their "
       "implications", "Mathematical Social Sciences", "42(1), 13-29"),
    _s("isard1960", "Isard, Walter", "Methods of Regional Analysis", "MIT Press", book=True),
    _s("james1985", "James, David R. and Taeuber, Karl E.", "Measures of segregation", "Sociological Methodology",
       "15, 1-32"),
    _s("james1986", "James, Franklin J.", "A new generalized `exposure-based' segregation index: demonstration in "
       "Denver and Houston", "Sociological Methods and Research", "14(3), 301-316"),
    _s("massey1988", "Massey, Douglas S. and Denton, Nancy A.", "The dimensions of residential segregation",
       "Social Forces", "67(2), 281-315"),
    _s("miller1955", "Miller, George A.", "Note on the bias of information estimates",
       "Information Theory in Psychology: Problems and Methods", "Free Press, 95-100", chapter=True),
    _s("mora2011", "Mora, Ricardo and Ruiz-Castillo, Javier", "Entropy-based segregation indices",
       "Sociological Methodology", "41(1), 159-194"),
    _s("morgan1975", "Morgan, Barrie S.", "The segregation of socioeconomic groups in urban areas: a comparative "
       "analysis", "Urban Studies", "12(1), 47-60"),
    _s("morrill1991", "Morrill, Richard L.", "On the measure of geographic segregation", "Geography Research Forum",
       "11, 25-36"),
    _s("olteanu2019", "Olteanu, Madalina and Randon-Furling, Julien and Clark, William A. V.",
       "Segregation through the multiscalar lens", "Proceedings of the National Academy of Sciences",
       "116(25), 12250-12254"),
    _s("osth2015", "{\\\"O}sth, John and Clark, William A. V. and Malmberg, Bo", "Measuring the scale of segregation "
       "using k-nearest neighbor aggregates", "Geographical Analysis", "47(1), 34-49"),
    _s("osullivan2007", "O'Sullivan, David and Wong, David W. S.", "A surface-based approach to measuring spatial "
       "segregation", "Geographical Analysis", "39(2), 147-168"),
    _s("reardon2002", "Reardon, Sean F. and Firebaugh, Glenn", "Measures of multigroup segregation",
       "Sociological Methodology", "32(1), 33-67"),
    _s("reardon2004", "Reardon, Sean F. and O'Sullivan, David", "Measures of spatial segregation",
       "Sociological Methodology", "34(1), 121-162"),
    _s("reardon2008", "Reardon, Sean F. and Matthews, Stephen A. and O'Sullivan, David and Lee, Barrett A. and "
       "Firebaugh, Glenn and Farrell, Chad R. and Bischoff, Kendra", "The geographic scale of metropolitan racial "
       "segregation", "Demography", "45(3), 489-514"),
    _s("reardon2009", "Reardon, Sean F.", "Measures of ordinal segregation", "Occupational and Residential "
       "Segregation (Research on Economic Inequality)", "17, 129-155", chapter=True),
    _s("reardon2011", "Reardon, Sean F. and Bischoff, Kendra", "Income inequality and income segregation",
       "American Journal of Sociology", "116(4), 1092-1153"),
    _s("reardon2011b", "Reardon, Sean F.", "Measures of income segregation", "Stanford Center for Education Policy "
       "Analysis", "working paper", book=True),
    _s("roberto2015", "Roberto, Elizabeth", "The divergence index: a decomposable measure of segregation and "
       "inequality", "arXiv", "1508.01167"),
    _s("sakoda1981", "Sakoda, James M.", "A generalized index of dissimilarity", "Demography", "18(2), 245-250"),
    _s("simpson1949", "Simpson, Edward H.", "Measurement of diversity", "Nature", "163, 688"),
    _s("stearns1986", "Stearns, Linda Brewster and Logan, John R.", "Measuring trends in segregation: three "
       "dimensions, three measures", "Urban Affairs Quarterly", "22(1), 124-150"),
    _s("theil1971", "Theil, Henri and Finizza, Anthony J.", "A note on the measurement of racial integration of "
       "schools by means of informational concepts", "Journal of Mathematical Sociology", "1(2), 187-193"),
    _s("theil1972", "Theil, Henri", "Statistical Decomposition Analysis", "North-Holland", book=True),
    _s("white1983", "White, Michael J.", "The measurement of spatial segregation", "American Journal of Sociology",
       "88(5), 1008-1018"),
    _s("winship1977", "Winship, Christopher", "A revaluation of indexes of residential segregation", "Social Forces",
       "55(4), 1058-1066"),
    _s("wong1993", "Wong, David W. S.", "Spatial indices of segregation", "Urban Studies", "30(3), 559-572"),
    _s("anselin1995", "Anselin, Luc", "Local indicators of spatial association -- LISA", "Geographical Analysis",
       "27(2), 93-115"),
    _s("anselin2019", "Anselin, Luc and Li, Xun", "Operational local join count statistics for cluster detection",
       "Journal of Geographical Systems", "21(2), 189-210"),
    _s("benjamini1995", "Benjamini, Yoav and Hochberg, Yosef", "Controlling the false discovery rate: a practical and "
       "powerful approach to multiple testing", "Journal of the Royal Statistical Society B", "57(1), 289-300"),
    _s("duncan1955b", "Duncan, Otis Dudley and Duncan, Beverly", "Residential distribution and occupational "
       "stratification", "American Journal of Sociology", "60(5), 493-503"),
    _s("hoover1941", "Hoover, Edgar M.", "Interstate redistribution of population, 1850-1940",
       "The Journal of Economic History", "1(2), 199-205"),
    _s("marshall1991", "Marshall, Roger J.", "Mapping disease and mortality rates using empirical Bayes estimators",
       "Applied Statistics", "40(2), 283-294"),
    _s("marshall2011", "Marshall, Albert W. and Olkin, Ingram and Arnold, Barry C.", "Inequalities: Theory of "
       "Majorization and Its Applications", "Springer", "2nd edition", book=True),
    _s("morgan1983", "Morgan, Barrie S.", "A distance-decay based interaction index to measure residential "
       "segregation", "Area", "15(3), 211-217"),
    _s("phipson2010", "Phipson, Belinda and Smyth, Gordon K.", "Permutation p-values should never be zero",
       "Statistical Applications in Genetics and Molecular Biology", "9(1), 39"),
    _s("rey2021", "Rey, Sergio J. and Cortes, Renan and Knaap, Elijah", "Comparative spatial segregation analytics",
       "Spatial Demography", "9, 31-56"),
    _s("tivadar2019", "Tivadar, Mihai", "OasisR: an R package to bring some order to the world of segregation "
       "measurement", "Journal of Statistical Software", "89(7), 1-39"),
    _s("zou2008", "Zou, Guang Yong and Donner, Allan", "Construction of confidence limits about effect measures: a "
       "general approach", "Statistics in Medicine", "27(10), 1693-1702"),
)  # fmt: skip

SOURCES: dict[str, Source] = {source.key: source for source in _ALL}
"""All publications by key."""


def bibtex(keys: Iterable[str]) -> str:
    """Give the entries of some keys as one BibTeX text, each once, sorted.

    >>> print(bibtex(["winship1977"]))
    @article{winship1977,
      author = {Winship, Christopher},
      title = {{A revaluation of indexes of residential segregation}},
      journal = {Social Forces},
      year = {1977},
      volume = {55},
      number = {4},
      pages = {1058--1066}
    }
    """
    entries = []
    for key in sorted(set(keys)):
        if key not in SOURCES:
            raise unknown_name("source", key, SOURCES)
        entries.append(SOURCES[key].bibtex())
    return "\n\n".join(entries)
