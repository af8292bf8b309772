"""The wheel holds what the house needs, and the house keeps its own rules."""

import ast
import subprocess
import sys
import zipfile

import pytest
from conftest import ROOT


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Names of the files in a freshly built wheel."""
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True)
    with zipfile.ZipFile(next(folder.glob("*.whl"))) as archive:
        return set(archive.namelist())


@pytest.mark.parametrize("name", ["grids", "boundaries"])
def test_declarations_are_in_the_wheel(wheel, name):
    """Every declaration of the checkout, and none besides."""
    expected = {f"civigrid/catalog/{name}/{p.name}" for p in (ROOT / name).iterdir()}

    assert expected == {n for n in wheel if n.startswith(f"civigrid/catalog/{name}/")}


def test_every_module_and_asset_is_in_the_wheel(wheel):
    """Code, scripts, styles, the demo and the typing mark; no test, no data."""
    source = ROOT / "src"
    expected = {
        p.relative_to(source).as_posix()
        for p in source.rglob("*")
        if p.suffix in {".py", ".js", ".css", ".toml", ".typ"}
    }

    assert expected | {"civigrid/py.typed"} <= wheel
    assert not [n for n in wheel if "test" in n or n.endswith((".parquet", ".gpkg"))]


MODULES = sorted((ROOT / "src").rglob("*.py"))
ALLOWED = {"dask": "engine/execute.py", "folium": "maps/", "branca": "maps/", "typer": "cli/", "rich": "cli/"}


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT / "src").as_posix())
def test_rooms_are_small_and_libraries_have_one_door(path):
    """At most 400 lines; Dask graphs in the engine, Folium in maps, the command line in cli; kernels stay plain."""
    text = path.read_text(encoding="utf-8")
    name = path.relative_to(ROOT / "src" / "civigrid").as_posix()
    imported = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            imported.add(node.module.split(".")[0])

    assert len(text.splitlines()) <= 400
    for library, door in ALLOWED.items():
        assert library not in imported or name.startswith(door)
    if name.startswith("kernels/"):
        plain = {"numpy", "scipy", "shapely", "numba", "civigrid", "__future__"}
        plain |= {"collections", "dataclasses", "functools", "itertools", "math", "typing", "zlib"}
        assert imported <= plain


def test_importing_civigrid_loads_nothing_heavy():
    """The package itself imports no library."""
    heavy = "('numpy', 'geopandas', 'folium', 'dask', 'numba')"
    code = f"import sys, civigrid; print([m for m in {heavy} if m in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_the_documentation_of_indices_is_up_to_date():
    """docs/indices.md is what the declarations say."""
    from civigrid.run.segregation.listing import indices_markdown

    assert indices_markdown() == (ROOT / "docs" / "indices.md").read_text(encoding="utf-8")


def test_the_run_files_documentation_is_up_to_date():
    """docs/run_file.md is what the code says."""
    from civigrid.run import key_documentation

    assert key_documentation() == (ROOT / "docs" / "run_file.md").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("path", sorted((ROOT / "notebooks").glob("*.ipynb")), ids=lambda p: p.name)
def test_notebooks_run(path, tmp_path):
    """Every notebook runs from top to bottom, and is committed without its outputs."""
    import nbformat
    from nbclient import NotebookClient

    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells)
    NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}
    ).execute()
