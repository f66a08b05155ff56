"""Each reader gets hundreds of broken and hostile files: what it cannot read ends in a ReadError, in bounded memory.

`make test-long` runs LONG examples per reader and way of breaking, a plain run QUICK of them.
"""

from __future__ import annotations

import io
import resource
import zipfile
from collections.abc import Callable
from functools import cache

import pytest
import samples
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline import archive, catalog
from pipeline.errors import ReadError
from pipeline.read import read_part

CATALOG = catalog.load()
Kind = tuple[str, str, str]
KINDS = list(samples.SAMPLES)
QUICK, LONG = 40, 400
MEMORY = 600_000  # KB that the process may grow by while thousands of files of a few KB are read
NASTY = [
    "", " ", "0", "-", "-1", "1e308", "1e-400", "NaN", "inf", "99999999999999999999", "1.234.567,89", "05974040",
    "DG000000", "=1+1", "@SUM(A1)", "'; drop table rejected; --", '"', "\u0000", "\ufeff", "\u202e", "Ã¶", "ß" * 300,
    "x" * 100_000,
    "31.12.2021", "2021-13-45", "#REF!", "null", "\r", "\t",
]  # fmt: skip


@cache
def sample(kind: Kind) -> bytes:
    return samples.SAMPLES[kind]()


def read(kind: Kind, content: bytes) -> None:
    """Read a part; anything but a whole reading or a ReadError that names source and edition is a failure."""
    source = CATALOG.sources[kind[0]]
    (part,) = (p for p in source.editions[kind[1]].parts if archive.part_name(p) == kind[2])
    try:
        found = read_part(source, kind[1], part, content)
    except ReadError as error:
        assert kind[0] in str(error) and kind[1] in str(error)
        assert "expected" in str(error) or "layout" in str(error), str(error)
        return
    rejected = int((found.rejected["row_last"] - found.rejected["row_first"] + 1).sum())
    assert found.rows_read == found.rows["row_number"].nunique() + rejected


def spliced(content: bytes) -> st.SearchStrategy[bytes]:
    """Parts of the file cut out, doubled, overwritten by noise, or in another order."""
    at = st.integers(0, len(content))
    noise = st.binary(min_size=0, max_size=64)

    def splice(a: int, b: int, c: int, new: bytes, way: str) -> bytes:
        a, b, c = sorted((a, b, c))
        one, two, three, four = content[:a], content[a:b], content[b:c], content[c:]
        return {
            "cut": one + four, "double": one + two + two + three + four, "noise": one + new + three + four,
            "turn": one + three + two + four, "insert": one + new + two + three + four,
        }[way]  # fmt: skip

    return st.builds(splice, at, at, at, noise, st.sampled_from(["cut", "double", "noise", "turn", "insert"]))


def rewritten(content: bytes) -> st.SearchStrategy[bytes]:
    """Some fields of a text file, or of the first sheets of a workbook, become nasty ones."""

    def replace(text: bytes, places: list[float], words: list[str], mark: bytes) -> bytes:
        fields = text.split(mark)
        for share, word in zip(places, words, strict=False):
            fields[int(share * (len(fields) - 1))] = word.encode("utf-8", "surrogatepass")
        return mark.join(fields)

    def write(places: list[float], words: list[str], mark: bytes) -> bytes:
        if not content.startswith(b"PK"):
            return replace(content, places, words, mark)
        packed = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(content)) as old, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as new:
            for name in old.namelist():
                text = old.read(name)
                new.writestr(name, replace(text, places, words, b">") if name.endswith(".xml") else text)
        return packed.getvalue()

    places = st.lists(st.floats(0, 1), min_size=1, max_size=5)
    words = st.lists(st.sampled_from(NASTY), min_size=5, max_size=5)
    return st.builds(write, places, words, st.sampled_from([b",", b";", b"\n", b" ", b'"']))


WAYS: dict[str, Callable[[bytes], st.SearchStrategy[bytes]]] = {
    "noise": lambda _: st.binary(max_size=2000),
    "noise_after_the_first_bytes": lambda content: st.binary(max_size=500).map(lambda noise: content[:64] + noise),
    "spliced": spliced,
    "rewritten": rewritten,
}


def fuzz(kind: Kind, way: str, examples: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    @settings(
        max_examples=examples, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
    )
    @given(content=WAYS[way](sample(kind)))
    def run(content: bytes) -> None:
        read(kind, content)

    run()
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < MEMORY, f"{grown:,} KB more memory"


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind[0]}-{kind[2]}")
def test_a_hostile_file_is_read_whole_or_refused(kind: Kind, way: str) -> None:
    fuzz(kind, way, QUICK)


@pytest.mark.long
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: f"{kind[0]}-{kind[2]}")
def test_hundreds_of_hostile_files_are_read_whole_or_refused(kind: Kind, way: str) -> None:
    fuzz(kind, way, LONG)
