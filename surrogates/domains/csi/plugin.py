"""What the domain of channel state information offers by name."""

PIECES: dict[str, dict[str, str]] = {
    "recipes": {
        "csi/rrg": "datasets.csi.rrg:RRG",
        "csi/raytraced": "datasets.csi.raytraced:Raytraced",
        "csi/rrg_files": "datasets.csi.rrg_files:RRGFiles",
        "csi/measured": "datasets.csi.measured:MeasuredCSI",
    },
    "objectives": {
        "csi/nmse": "surrogates.domains.csi.objectives:NMSE",
    },
    "preparations": {
        "csi/noise": "surrogates.domains.csi.noise:Noise",
    },
    "baselines": {
        "csi/ar": "surrogates.domains.csi.baselines.autoregression:AR",
        "csi/vector_ar": "surrogates.domains.csi.baselines.vector_autoregression:VectorAR",
        "csi/wiener": "surrogates.domains.csi.baselines.wiener:Wiener",
        "csi/pad": "surrogates.domains.csi.baselines.autoregression:PAD",
        "csi/kalman": "surrogates.domains.csi.baselines.kalman:Kalman",
    },
    "metrics": {
        "csi/nmse": "surrogates.domains.csi.metrics:NMSE",
        "csi/nmse_quantile": "surrogates.domains.csi.metrics:NMSEQuantile",
        "csi/spectral_efficiency": "surrogates.domains.csi.metrics:SpectralEfficiency",
        "csi/spectral_efficiency_bound": "surrogates.domains.csi.metrics:SpectralEfficiencyBound",
    },
    "plots": {
        "csi/channels": "surrogates.domains.csi.plots:Channels",
    },
    "record_plots": {
        "csi/rrg": "surrogates.domains.csi.plots:draw_record",
        "csi/raytraced": "surrogates.domains.csi.flight_plot:draw_record",
        "csi/rrg_files": "surrogates.domains.csi.plots:draw_record",
        "csi/measured": "surrogates.domains.csi.plots:draw_measured",
    },
}
"""Import path of each registered object, by kind and name."""

EXTRAS: dict[str, str] = {
    "sionna.phy": "csi",
    "csiread": "csi",
}
"""Extra of this package that installs an optional module."""
