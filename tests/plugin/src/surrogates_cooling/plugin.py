"""What the package offers by name: plain strings, read when a name is asked for."""

PIECES: dict[str, dict[str, str]] = {
    "recipes": {"cooling/body": "surrogates_cooling.recipe:Cooling"},
    "transforms": {"cooling/factors": "surrogates_cooling.learning:Factors"},
    "models": {"cooling/bilinear": "surrogates_cooling.learning:Bilinear"},
    "heads": {"cooling/cautious": "surrogates_cooling.learning:Cautious"},
    "predictors": {"cooling/bounded": "surrogates_cooling.learning:Bounded"},
    "baselines": {"cooling/newton": "surrogates_cooling.judging:Newton"},
    "metrics": {"cooling/warming": "surrogates_cooling.judging:Warming"},
    "record_plots": {"cooling/body": "surrogates_cooling.pictures:draw_record"},
    "verbs": {"cooling": "surrogates_cooling.verbs:CoolingVerbs"},
}

COMMANDS: dict[str, tuple[str, str]] = {
    "cooling/until": ("surrogates_cooling.command:until", "Say when a body has cooled down."),
}

OLD_NAMES: dict[str, dict[str, str]] = {
    "models": {"cooling_bilinear": "cooling/bilinear"},
}

PIECES |= {
    "callbacks": {"cooling/norm": "surrogates_cooling.watching:GradientNorm"},
    "loggers": {"cooling/diary": "surrogates_cooling.watching:Diary"},
}
