"""What the spine offers by name: plain strings, read when a name is asked for."""

PIECES: dict[str, dict[str, str]] = {
    "recipes": {
        "generic": "datasets.factory.importing:GenericImport",
    },
    "models": {
        "mlp": "surrogates.models.mlp:MLP",
        "gru": "surrogates.models.gru:GRU",
        "gru_state": "surrogates.models.gru_state:GRUState",
        "lstm": "surrogates.models.lstm:LSTM",
        "sequence_transformer": "surrogates.models.sequence_transformer:SequenceTransformer",
        "tcn": "surrogates.models.tcn:TCN",
        "vector": "surrogates.models.vector:VECTOR",
        "unet": "surrogates.models.unet:UNet",
        "geo_unet": "surrogates.models.geo_unet:GeoUNet",
        "latent_unet": "surrogates.models.latent_unet:LatentUNet",
        "invertible_x_net": "surrogates.models.invertible_x_net:InvertibleXNet",
        "inversion_net": "surrogates.models.inversion_net:InversionNet",
        "waveform_net": "surrogates.models.waveform_net:WaveformNet",
        "fno": "surrogates.models.fno:FNO",
        "velocity_critic": "surrogates.models.velocity_critic:VelocityCritic",
        "rnn": "surrogates.models.rnn:RNN",
        "cnn_autoencoder": "surrogates.models.cnn_autoencoder:CNNAutoencoder",
        "stem_gnn": "surrogates.models.stem_gnn:StemGNN",
        "llm4cp": "surrogates.models.llm4cp:LLM4CP",
        "csi4cast": "surrogates.models.csi4cast:CSI4CAST",
    },
    "transforms": {
        "stack": "surrogates.learning.transforms:Stack",
        "windows": "surrogates.learning.sequences:Windows",
    },
    "heads": {
        "point": "surrogates.learning.heads:Point",
        "gaussian": "surrogates.learning.heads:Gaussian",
        "quantiles": "surrogates.learning.heads:Quantiles",
    },
    "objectives": {
        "regression": "surrogates.learning.objectives:Regression",
        "forecast": "surrogates.learning.objectives:Forecast",
    },
    "predictors": {
        "direct": "surrogates.learning.predictors:Direct",
        "rollout": "surrogates.learning.predictors:Rollout",
    },
    "metrics": {
        "rmse": "surrogates.evaluation.metrics:RMSE",
        "mae": "surrogates.evaluation.metrics:MAE",
        "bias": "surrogates.evaluation.metrics:Bias",
        "nmse": "surrogates.evaluation.metrics:NMSE",
        "r2": "surrogates.evaluation.metrics:R2",
        "correlation": "surrogates.evaluation.metrics:Correlation",
        "p90_absolute_error": "surrogates.evaluation.metrics:p90_absolute_error",
        "absolute_error_quantile": "surrogates.evaluation.metrics:AbsoluteErrorQuantile",
        "relative_l2": "surrogates.evaluation.metrics:RelativeL2",
        "ssim": "surrogates.evaluation.structure:SSIM",
        "crps": "surrogates.evaluation.probabilistic:CRPS",
        "coverage": "surrogates.evaluation.probabilistic:Coverage",
        "interval_width": "surrogates.evaluation.probabilistic:IntervalWidth",
        "gaussian_coverage": "surrogates.evaluation.probabilistic:gaussian_coverage",
    },
    "derivations": {
        "bands": "surrogates.evaluation.derivations:Bands",
    },
    "baselines": {
        "mean": "surrogates.evaluation.baselines:Mean",
        "nearest_neighbours": "surrogates.evaluation.baselines:NearestNeighbours",
        "persistence": "surrogates.evaluation.baselines:Persistence",
        "ridge": "surrogates.evaluation.baselines:Ridge",
    },
    "plots": {
        "fields": "surrogates.report.pictures:Fields",
    },
    "schedules": {
        "constant": "surrogates.training.optimisers:Constant",
        "cosine": "surrogates.training.optimisers:Cosine",
        "stepwise": "surrogates.training.optimisers:Stepwise",
    },
    "optimisers": {
        "adam": "surrogates.training.optimisers:adam",
        "adamax": "surrogates.training.optimisers:adamax",
        "adamw": "surrogates.training.optimisers:adamw",
        "sgd": "surrogates.training.optimisers:sgd",
    },
    "callbacks": {
        "early_stopping": "surrogates.training.callbacks:early_stopping",
        "learning_rate_monitor": "surrogates.training.callbacks:LearningRateMonitor",
    },
    "loggers": {
        "csv": "surrogates.training.logs:CurveLogger",
        "tensorboard": "surrogates.training.logs:tensorboard",
        "wandb": "surrogates.training.wandb_logger:wandb_logger",
        "mlflow": "surrogates.training.mlflow_logger:mlflow_logger",
    },
}
"""Registered names with where each object is, by kind."""

EXTRAS: dict[str, str] = {
    "neuralop": "operators",
    "aiohttp": "urls",
    "s3fs": "urls",
    "tensorstore": "scale",
    "dask": "scale",
    "netCDF4": "netcdf",
    "cupy": "gpu",
    "onnx": "export",
    "onnxscript": "export",
    "onnxruntime": "export",
    "rioxarray": "geo",
    "rasterio": "geo",
    "optuna": "sweep",
    "hydra_plugins": "launch",
    "wandb": "wandb",
    "mlflow": "mlflow",
    "mlcroissant": "cards",
}
"""Extra of this package that installs an optional module."""
