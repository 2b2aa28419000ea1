"""The enumeration of CSI-RRG's conditions has the sizes of its result files."""

from datasets.csi import scenarios
from datasets.csi.scenarios import Scenario


def test_each_test_set_has_as_many_conditions_as_the_published_results() -> None:
    assert len(set(scenarios.regular())) == 162
    assert len(set(scenarios.robustness())) == 486
    assert len(set(scenarios.generalisation())) == 3060


def test_scenarios_of_training_are_among_those_of_generalisation() -> None:
    seen, every = scenarios.regular_scenarios(), scenarios.generalisation_scenarios()
    assert (len(seen), len(every)) == (27, 510)
    assert set(seen) < set(every)
    assert seen[:2] == [Scenario("A", 3e-8, 1.0), Scenario("A", 3e-8, 10.0)]
    assert str(seen[-1]) == "CDL-D, 300 ns, 30 m/s"
    assert sorted({each.speed for each in every}) == [1, 3, 6, 9, 10, *range(12, 46, 3)]


def test_conditions_name_the_noise_and_its_degree() -> None:
    kinds = [condition.noise for condition in scenarios.robustness()]
    assert {kind: kinds.count(kind) for kind in set(kinds)} == {
        "phase": 108,
        "burst": 108,
        "packet_drop": 270,
    }
    assert {each.degree for each in scenarios.regular()} == {0, 5, 10, 15, 20, 25}
