"""What the domain of seismic imaging offers by name."""

PIECES: dict[str, dict[str, str]] = {
    "recipes": {
        "seismic/openfwi_like": "datasets.seismic.openfwi_like:OpenFWILike",
        "seismic/openfwi": "datasets.seismic.openfwi:OpenFWI",
        "seismic/segy": "datasets.seismic.segy:SegyGathers",
        "seismic/section": "datasets.seismic.section:SectionTiles",
        "seismic/models": "datasets.seismic.models:VelocityModels",
    },
    "transforms": {
        "seismic/gathers": "surrogates.domains.seismic.transforms:Gathers",
    },
    "objectives": {
        "seismic/translation": "surrogates.domains.seismic.translation:Translation",
        "seismic/wasserstein": "surrogates.domains.seismic.wasserstein:Wasserstein",
    },
    "preparations": {
        "seismic/noise": "surrogates.domains.seismic.disturbances:Noise",
        "seismic/missing_receivers": "surrogates.domains.seismic.disturbances:MissingReceivers",
        "seismic/mirror": "surrogates.domains.seismic.disturbances:Mirror",
    },
    "derivations": {
        "seismic/resimulation": "surrogates.domains.seismic.derivations:Resimulation",
        "seismic/first_arrival": "surrogates.domains.seismic.derivations:FirstArrival",
    },
    "baselines": {
        "seismic/fwi": "surrogates.domains.seismic.classical:ClassicalInversion",
    },
    "plots": {
        "seismic/panels": "surrogates.domains.seismic.plots:Panels",
        "seismic/gathers": "surrogates.domains.seismic.plots:Gathers",
    },
    "record_plots": {
        "seismic/openfwi_like": "surrogates.domains.seismic.plots:draw_record",
        "seismic/openfwi": "surrogates.domains.seismic.plots:draw_record",
        "seismic/segy": "surrogates.domains.seismic.plots:draw_record",
        "seismic/section": "surrogates.domains.seismic.plots:draw_record",
        "seismic/models": "surrogates.domains.seismic.plots:draw_record",
    },
    "verbs": {
        "seismic": "surrogates.domains.seismic.verbs:SeismicVerbs",
    },
}
"""Import path of each registered object, by kind and name."""

OLD_NAMES: dict[str, dict[str, str]] = {
    "verbs": {"invert": "seismic/invert"},
    "transforms": {
        "seismic_gathers": "seismic/gathers",
    },
    "objectives": {
        "translation": "seismic/translation",
        "wasserstein": "seismic/wasserstein",
    },
    "preparations": {
        "seismic_noise": "seismic/noise",
        "seismic_missing_receivers": "seismic/missing_receivers",
        "seismic_mirror": "seismic/mirror",
    },
    "derivations": {
        "seismic_resimulation": "seismic/resimulation",
        "seismic_first_arrival": "seismic/first_arrival",
    },
    "baselines": {
        "seismic_fwi": "seismic/fwi",
    },
    "plots": {
        "seismic_panels": "seismic/panels",
        "seismic_gathers": "seismic/gathers",
    },
}
"""Names of the release before, which load with a warning."""

EXTRAS: dict[str, str] = {
    "deepwave": "seismic",
    "segyio": "seismic",
}
"""Extra of this package that installs an optional module."""
