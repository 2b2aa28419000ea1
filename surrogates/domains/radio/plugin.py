"""What the domain of radio maps offers by name."""

PIECES: dict[str, dict[str, str]] = {
    "recipes": {
        "radio/urban": "datasets.radio.urban:Urban",
        "radio/urban3d": "datasets.radio.urban3d:Urban3d",
        "radio/osm": "datasets.radio.extracts:Extracts",
        "radio/drive_test": "datasets.radio.drive_test:DriveTest",
        "radio/radiomapseer": "datasets.radio.radiomapseer:RadioMapSeer",
        "radio/urbanradio3d": "datasets.radio.urbanradio3d:UrbanRadio3D",
    },
    "models": {
        "radio/sector_process": "surrogates.domains.radio.measured.process:SectorProcess",
    },
    "transforms": {
        "radio/physics": "surrogates.domains.radio.channels.physics:PhysicsChannels",
        "radio/directional": "surrogates.domains.radio.channels.cascade:Directional",
        "radio/sector": "surrogates.domains.radio.channels.sector:SectorChannels",
        "radio/geo2sigmap_iso": "surrogates.domains.radio.channels.published:PublishedIso",
        "radio/geo2sigmap_directional": "surrogates.domains.radio.channels.published:PublishedDirectional",
        "radio/volume": "surrogates.domains.radio.volumes.channels:VolumeChannels",
        "radio/radiodiff_3d": "surrogates.domains.radio.volumes.channels:PublishedVolume",
    },
    "objectives": {
        "radio/geo2sigmap": "surrogates.domains.radio.objectives:Geo2SigMapLoss",
        "radio/process_likelihood": "surrogates.domains.radio.objectives:ProcessLikelihood",
    },
    "predictors": {
        "radio/without_buildings": ("surrogates.domains.radio.measured.without_buildings:WithoutBuildings"),
    },
    "preparations": {
        "radio/campaign": "surrogates.domains.radio.measured.campaign:Campaign",
        "radio/outdoor": "surrogates.domains.radio.preparations.maps:Outdoor",
        "radio/samples": "surrogates.domains.radio.preparations.maps:DrawSamples",
        "radio/hold_out": "surrogates.domains.radio.preparations.maps:HoldOutCells",
        "radio/link_budget": "surrogates.domains.radio.preparations.maps:LinkBudget",
        "radio/symmetry": "surrogates.domains.radio.preparations.symmetry:Symmetry",
        "radio/volume_samples": "surrogates.domains.radio.volumes.preparations:DrawVolumeSamples",
        "radio/volume_symmetry": "surrogates.domains.radio.volumes.preparations:VolumeSymmetry",
    },
    "derivations": {
        "radio/by_sight": "surrogates.domains.radio.volumes.sight:BySight",
    },
    "baselines": {
        "radio/free_space": "surrogates.domains.radio.baselines.formulas:FreeSpace",
        "radio/uma": "surrogates.domains.radio.baselines.formulas:UrbanMacro",
        "radio/ericsson": "surrogates.domains.radio.baselines.formulas:Ericsson",
        "radio/log_distance": "surrogates.domains.radio.baselines.formulas:LogDistance",
        "radio/log_distance_by_sight": "surrogates.domains.radio.baselines.formulas:LogDistanceBySight",
        "radio/kriging": "surrogates.domains.radio.baselines.interpolators:Kriging",
        "radio/universal_kriging": "surrogates.domains.radio.baselines.interpolators:UniversalKriging",
        "radio/sample_log_distance": "surrogates.domains.radio.baselines.interpolators:SampleLogDistance",
        "radio/geometry_ridge": "surrogates.domains.radio.baselines.interpolators:GeometryRidge",
        "radio/geometry_gp": "surrogates.domains.radio.baselines.interpolators:GeometryProcess",
        "radio/ray_tracer": "surrogates.domains.radio.baselines.ray_tracer:FewerRays",
        "radio/direct_path": "surrogates.domains.radio.volumes.paths:DirectPath",
        "radio/dominant_path": "surrogates.domains.radio.volumes.paths:DominantPath",
        "radio/nearest_volume_samples": "surrogates.domains.radio.volumes.interpolators:NearestVolumeSamples",
        "radio/inverse_volume_distance": (
            "surrogates.domains.radio.volumes.interpolators:InverseVolumeDistance"
        ),
        "radio/volume_kriging": "surrogates.domains.radio.volumes.interpolators:VolumeKriging",
    },
    "plots": {
        "radio/map": "surrogates.domains.radio.plots.maps:RadioMap",
        "radio/site": "surrogates.domains.radio.plots.sites:SiteMap",
        "radio/volume": "surrogates.domains.radio.volumes.pictures:VolumeSlices",
    },
    "verbs": {
        "radio": "surrogates.domains.radio.verbs:RadioVerbs",
    },
    "checks": {
        "radio/ray_tracing": "surrogates.domains.radio.check:ray_tracing",
    },
    "record_plots": {
        "radio/urban": "surrogates.domains.radio.plots.maps:draw_record",
        "radio/urban3d": "surrogates.domains.radio.volumes.pictures:draw_record",
        "radio/drive_test": "surrogates.domains.radio.plots.sites:draw_measured_record",
        "radio/osm": "surrogates.domains.radio.plots.maps:draw_record",
    },
}
"""Import path of each registered object, by kind and name."""

OLD_NAMES: dict[str, dict[str, str]] = {
    "models": {
        "sector_process": "radio/sector_process",
    },
    "transforms": {
        "radio_physics": "radio/physics",
        "radio_directional": "radio/directional",
        "radio_sector": "radio/sector",
        "geo2sigmap_iso": "radio/geo2sigmap_iso",
        "geo2sigmap_directional": "radio/geo2sigmap_directional",
    },
    "objectives": {
        "geo2sigmap": "radio/geo2sigmap",
        "process_likelihood": "radio/process_likelihood",
    },
    "preparations": {
        "radio_campaign": "radio/campaign",
        "radio_outdoor": "radio/outdoor",
        "radio_samples": "radio/samples",
        "radio_hold_out": "radio/hold_out",
        "radio_link_budget": "radio/link_budget",
        "radio_symmetry": "radio/symmetry",
    },
    "baselines": {
        "free_space": "radio/free_space",
        "uma": "radio/uma",
        "ericsson": "radio/ericsson",
        "log_distance": "radio/log_distance",
        "log_distance_by_sight": "radio/log_distance_by_sight",
        "radio/inverse_distance": "inverse_distance",
        "radio/nearest_samples": "nearest_samples",
        "kriging": "radio/kriging",
        "radio/sample_mean": "sample_mean",
        "sample_log_distance": "radio/sample_log_distance",
        "geometry_ridge": "radio/geometry_ridge",
        "geometry_gp": "radio/geometry_gp",
        "ray_tracer": "radio/ray_tracer",
    },
    "plots": {
        "radio_map": "radio/map",
        "radio_site": "radio/site",
    },
}
"""Names of the release before, which load with a warning."""

EXTRAS: dict[str, str] = {
    "sionna": "radio",
    "mitsuba": "radio",
    "drjit": "radio",
    "osmium": "radio",
    "shapely": "radio",
    "pyproj": "radio",
    "mapbox_earcut": "radio",
    "PIL": "radio",
    "plotly": "radio",
}
"""Extra of this package that installs an optional module."""
