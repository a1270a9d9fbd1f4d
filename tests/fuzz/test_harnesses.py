"""Every reader of what comes from outside, fed with some hundred altered inputs; `make fuzz` feeds on."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.harnesses import HARNESSES

EXAMPLES = {"document": 400, "letter": 400, "code": 400, "frame": 400, "posted": 400, "plan": 300}
"""How many each is fed; the others open a workbook or judge a whole questionnaire, and take longer."""

FEWER = 150


def inputs(seeds: list[bytes]) -> st.SearchStrategy[bytes]:
    """Bytes of any kind, a seed, or a seed that was cut and goes on in another way."""
    any_bytes = st.binary(max_size=120)
    cut = st.builds(
        lambda seed, at, more: seed[: at % (len(seed) + 1)] + more,
        st.sampled_from(seeds),
        st.integers(0, 10_000),
        any_bytes,
    )
    return any_bytes | st.sampled_from(seeds) | cut


@pytest.mark.parametrize("name", HARNESSES)
def test_whatever_comes_in_is_read_or_refused_with_a_remedy(name: str) -> None:
    harness = HARNESSES[name]

    @settings(max_examples=EXAMPLES.get(name, FEWER), database=None)
    @given(inputs(list(harness.seeds())))
    def fed(data: bytes) -> None:
        harness.feed(data)

    fed()


@pytest.mark.parametrize("name", HARNESSES)
def test_every_seed_is_taken_by_its_reader(name: str) -> None:
    for seed in HARNESSES[name].seeds():
        HARNESSES[name].feed(seed)
