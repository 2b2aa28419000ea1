"""Wrong commands that score, join, predict and export, and what each answer says."""

from tests.hostile.case import SLOW

EVALUATE = [
    (["evaluate"], "Missing argument 'run'"),
    (["evaluate", "nowhere"], "nowhere is no run: it has no config.yaml"),
    (["evaluate", "notes.txt"], "notes.txt is no run: it has no config.yaml"),
    (["evaluate", "s3://x/y"], "s3://x/y comes without its data; give a store to score it on, data"),
    (["evaluate", "fields.zarr"], "fields.zarr is no run: it has no config.yaml"),
    (["evaluate", "half"], "half/config.yaml cannot be read: line 2: did not find expected node content"),
    (["evaluate", "no bundle"], "There is nothing at no bundle/bundle; expected the folder of a r", SLOW),
    (["evaluate", "run", "--split", "tset"], "split is 'tset'; expected test, validation or train"),
    (["evaluate", "run", "--device", "cuda"], "There is no device 'cuda' here; try 'auto' or 'cpu'", SLOW),
    (
        ["evaluate", "run", "--device", "abacus"],
        "There is no device 'abacus' here; try 'auto' or 'cpu'",
        SLOW,
    ),
    (["evaluate", "run", "--device", ""], "There is no device '' here; try 'auto' or 'cpu'", SLOW),
    (["evaluate", "run", "dataset"], "Found 'dataset', expected KEY=VALUE, such as dataset=data/mine.z"),
    (["evaluate", "run", "dataset="], "Found 'dataset=', expected KEY=VALUE, such as dataset=data/mine."),
    (
        ["evaluate", "run", "dataset=nowhere.zarr"],
        "no data store at nowhere.zarr; make one with `surrogates data bu",
        SLOW,
    ),
    (
        ["evaluate", "run", "dataset=coarse.zarr"],
        "Method 'mean' predicts 'gain' with shape (3, 16, 16); expected (",
        SLOW,
    ),
    (
        ["evaluate", "run", "dataset=other units.zarr"],
        "variable 'height' has the units km in other units.zarr, but m in",
        SLOW,
    ),
    (
        ["evaluate", "run", "dataset=only train.zarr"],
        "the test subset of only train.zarr is empty; check the split and",
        SLOW,
    ),
    (
        ["evaluate", "run", "dataset=[fields.zarr,fields.zarr]"],
        "dataset: fields.zarr and fields.zarr give 12 records twice; name",
        SLOW,
    ),
    (
        ["evaluate", "run", "task.draws=2", "task.draws=3"],
        "'task.draws' is given twice: task.draws=2 and task.draws=3; keep",
    ),
    (
        ["evaluate", "run", "model.width=3"],
        "'model.width' is not taken here. A trained run takes key",
    ),
    (
        ["evaluate", "run", "task.inputs=[gain]"],
        "task.inputs: a trained run keeps it; train another run to change",
    ),
    (["evaluate", "run", "task.drwas=3"], "configuration: unknown key 'task.drwas'. Did you mean 'draws'? V"),
    (
        ["evaluate", "run", "taks.draws=3"],
        "'taks.draws' is not taken here. Did you mean 'task'? A trained run",
    ),
    (["evaluate", "run", "task.groups=sped"], "task.groups: ", SLOW),
    (["evaluate", "run", "output=x"], "'output' is not taken here. A trained run takes keys of "),
    (
        ["evaluate", "run", "--json", "notes.txt/x.json"],
        "notes.txt: is a file; expected the folder of notes.txt/x.json",
    ),
    (["evaluate", "run", "--json", "empty"], "empty: is a folder; expected the name of a file"),
    (["evaluate", "run", "--josn", "x"], "No such option: --josn (Possible options: --json)"),
    (["evaluate", "run", "~task.draws"], "Found '~task.draws', expected KEY=VALUE, such as dataset=data/mi"),
    (["calibrate", "run"], "Missing argument 'store'"),
    (["calibrate", "nowhere", "fields.zarr"], "nowhere is no run: it has no config.yaml"),
    (
        ["calibrate", "run", "fields.zarr", "--split", "tset"],
        "split is 'tset'; expected validation, test, tra",
    ),
    (
        ["calibrate", "run", "fields.zarr", "--level", "90"],
        "the level of an interval is 90.0; expected a numb",
    ),
    (
        ["calibrate", "run", "fields.zarr", "--out", "empty"],
        "empty exists; remove it or choose another folder",
    ),
    (
        ["calibrate", "run", "fields.zarr", "task.head=point"],
        "task.head: a trained run keeps it; train anoth",
    ),
    (
        ["calibrate", "run", "fields.zarr", "dataset=x.zarr"],
        "'dataset' is given twice: dataset=fields.zarr an",
    ),
    (["calibrate", "run", "nowhere.zarr"], "no data store at nowhere.zarr; make one with `surrogates", SLOW),
    (
        ["calibrate", "run", "other units.zarr"],
        "variable 'height' has the units km in other units.zarr, but m in",
        SLOW,
    ),
    (["calibrate", "zoo:radio/geo2sigmap", "fields.zarr"], "zoo:radio/geo2sigmap stays as it is; give --out"),
    (
        ["evaluate", "zoo:radio/geo2sigmap"],
        "zoo:radio/geo2sigmap comes without its data; give a store to score it on, dataset=URL.",
    ),
    (
        ["evaluate", "zoo:radio/geo2sigmpa", "dataset=fields.zarr"],
        "There is no bundle 'radio/geo2sigmpa' in the zoo. Did you mean '",
    ),
    (
        ["evaluate", "zoo:radio/geo2sigmap", "dataset=fields.zarr"],
        "task.preparations: no variable 'building_height' in fields.zarr.",
        SLOW,
    ),
    (
        ["evaluate", "zoo:", "dataset=fields.zarr"],
        "There is no bundle '' in the zoo. It has: acoustics/deeponet, csi",
    ),
]

ENSEMBLE = [
    (["ensemble"], "Missing argument 'runs'"),
    (["ensemble", "run"], "Missing option '--out'"),
    (["ensemble", "run", "--out", "ens"], "an ensemble needs two runs or more, found 1"),
    (
        ["ensemble", "run", "run", "--out", "ens"],
        "run is given twice; a member counts once, so name each run once",
    ),
    (
        ["ensemble", "run", "of speed", "--out", "ens"],
        "of speed/bundle has other targets than run/bundle: speed instead",
        SLOW,
    ),
    (["ensemble", "run", "nowhere", "--out", "ens"], "nowhere is no run: it has no config.yaml"),
    (["ensemble", "run", "no bundle", "--out", "ens"], "no bundle/bundle is not a folder; expected a bundle"),
    (
        ["ensemble", "run", "zoo:radio/geo2sigmap", "--out", "ens"],
        "zoo:radio/geo2sigmap is no run: it has no config.yaml",
    ),
    (
        ["ensemble", "run", "of speed", "--out", "empty"],
        "empty exists; remove it or choose another folder with --out DIR",
    ),
    (
        ["ensemble", "run", "of speed", "--out", "notes.txt/x"],
        "notes.txt: is a file; expected the folder of notes.txt/x",
    ),
    (
        ["ensemble", "run", "of speed", "--out", "s3://x"],
        "s3://x is a URL, but a run lies on this machine's disk; copy its",
    ),
    (["ensemble", "run", "run/bundle", "--out", "ens"], "run/bundle is no run: it has no config.yaml"),
]

PREDICT = [
    (["predict"], "Missing argument 'bundle'"),
    (["predict", "run"], "Missing argument 'INPUT'"),
    (
        ["predict", "run", "input.nc"],
        "nothing to write; give an OUTPUT that ends in .nc or .zarr, or -",
        SLOW,
    ),
    (
        ["predict", "run", "input.nc", "out.txt"],
        "the output is out.txt; expected a name that ends in .nc or .zarr",
    ),
    (["predict", "run", "input.nc", "out"], "the output is out; expected a name that ends in .nc or .zarr"),
    (["predict", "run", "input.nc", "input.nc"], "input.nc exists; remove it or choose another name"),
    (
        ["predict", "run", "input.nc", "gs://x/out.nc"],
        'pip install "sciml-surrogates[gcs]"',
    ),
    (["predict", "run", "input.nc", "notes.txt/out.nc"], "expected the folder of notes.txt/out.nc"),
    (["predict", "run", "input.nc", "notes.txt/out.zarr"], "expected the folder of notes.txt/out.zarr"),
    (["predict", "run", "nowhere.nc", "out.nc"], "There is no input at nowhere.nc"),
    (
        ["predict", "run", "notes.txt", "out.nc"],
        "the input is notes.txt; expected a name that ends in .nc or .zar",
    ),
    (["predict", "run", "depth.nc", "out.nc"], "variable 'height' is missing; found ['depth']"),
    (
        ["predict", "run", "coarse.zarr", "out.nc"],
        "variable 'height': 4 cells along 'y', expected 16; crop or inter",
    ),
    (
        ["predict", "run", "other units.zarr", "out.nc", "--record", "99"],
        "--record is 99, but the input has 12 of 'sample', counted from 0",
    ),
    (
        ["predict", "run", "input.nc", "out.nc", "--record", "2"],
        "--record is 2, but the input has 2 of 'sample', counted from 0",
    ),
    (
        ["predict", "run", "input.nc", "out.nc", "--record", "-1"],
        "--record is -1, but the input has 2 of 'sample', counted from 0",
    ),
    (
        ["predict", "run", "input.nc", "out.nc", "--record", "one"],
        "Invalid value for '--record': Input should be a valid integer, u",
    ),
    (
        ["predict", "run", "input.nc", "out.nc", "--interval", "90"],
        "the level of an interval is 90.0; expected a number between 0 an",
        SLOW,
    ),
    (
        ["predict", "run", "input.nc", "out.nc", "--interval", "0"],
        "the level of an interval is 0.0; expected a number between 0 and",
    ),
    (
        ["predict", "run", "input.nc", "out.nc", "--interval", "nan"],
        "the level of an interval is nan; expected a number between 0 and",
    ),
    (["predict", "run", "input.nc", "out.nc", "--batch-size", "0"], "batch_size is 0; expected at least 1"),
    (["predict", "run", "input.nc", "out.nc", "--batch-size", "-3"], "batch_size is -3; expected at least 1"),
    (
        ["predict", "run", "input.nc", "out.nc", "--device", "cuda"],
        "There is no device 'cuda' here; try 'auto' or 'cpu'",
    ),
    (
        ["predict", "run", "input.nc", "out.nc", "--device", "gpu0"],
        "There is no device 'gpu0' here; try 'auto' or 'cpu'",
    ),
    (["predict", "run", "input.nc", "out.nc", "--crs", "EPSG:32617"], "--crs belongs to a GeoTIFF"),
    (["predict", "run", "input.nc", "out.nc", "--origin", "1", "2"], "--origin belongs to a GeoTIFF"),
    (
        ["predict", "run", "input.nc", "out.nc", "--geotiff", "map.png"],
        "--geotiff is map.png; expected a name that ends in .tif",
    ),
    (
        ["predict", "run", "input.nc", "--geotiff", "map.tif", "--crs", "EPSG:nothing", "--origin", "1", "2"],
        "the coordinate system 'EPSG:nothing' is unknown to PROJ; give e.",
    ),
    (
        ["predict", "run", "input.nc", "--geotiff", "map.tif", "--crs", "EPSG:32617"],
        "the data set does not say where its maps lie: x is no projected ",
    ),
    (
        ["predict", "run", "input.nc", "--geotiff", "map.tif"],
        "the data set has no coordinate reference system (a grid mapping ",
    ),
    (
        ["predict", "of speed", "input.nc", "--geotiff", "map.tif"],
        "'speed' has the dimensions sample: a GeoTIFF takes maps on (y, x",
    ),
    (
        ["predict", "nowhere", "input.nc", "out.nc"],
        "There is nothing at nowhere; expected the folder of a run or of ",
    ),
    (["predict", "notes.txt", "input.nc", "out.nc"], "notes.txt is not a folder; expected a bundle"),
    (
        ["predict", "no bundle", "input.nc", "out.nc"],
        "no bundle has no bundle.yaml, so it is no bundle. `surrogates tr",
    ),
    (
        ["predict", "zoo:radio/geo2sigmpa", "input.nc", "out.nc"],
        "There is no bundle 'radio/geo2sigmpa' in the zoo. Did you mean '",
    ),
    (
        ["predict", "zoo:", "input.nc", "out.nc"],
        "There is no bundle '' in the zoo. It has: acoustics/deeponet, csi",
    ),
    (
        ["predict", "zoo:../radio", "input.nc", "out.nc"],
        "There is no bundle '../radio' in the zoo. It has: acoustics/deep",
    ),
    (
        ["predict", "zoo:radio/geo2sigmap", "input.nc", "out.nc"],
        "variable 'building_height' is missing; found ['height']",
    ),
    (["predict", "run", "input.nc", "out.nc", "more"], "Got unexpected extra argument(s) (more)"),
    (
        ["predict", "run", "input.nc", "out.nc", "--intervall", "0.9"],
        "No such option: --intervall (Possible options: --interval)",
    ),
    (["predict", "run", "empty", "out.nc"], "the input is empty; expected a name that ends in .nc or .zarr"),
    (
        ["predict", "run", "http://127.0.0.1:9/x.nc", "out.nc"],
        "http://127.0.0.1:9/x.nc cannot be read (ClientConnectorError: Ca",
    ),
]

EXPORT = [
    (["export"], "Missing argument 'run'"),
    (["export", "run"], "Missing argument 'FILE'"),
    (["export", "run", "model.pt"], "the output is model.pt; expected a name that ends in .onnx", SLOW),
    (["export", "run", "model"], "the output is model; expected a name that ends in .onnx"),
    (["export", "run", "empty"], "the output is empty; expected a name that ends in .onnx"),
    (
        ["export", "run", "notes.txt/model.onnx"],
        "notes.txt: is a file; expected the folder of notes.txt/model.onn",
    ),
    (["export", "nowhere", "model.onnx"], "There is nothing at nowhere; expected the folder of a run or of "),
    (
        ["export", "no bundle", "model.onnx"],
        "no bundle has no bundle.yaml, so it is no bundle. `surrogates tr",
    ),
    (
        ["export", "fields.zarr", "model.onnx"],
        "fields.zarr has no bundle.yaml, so it is no bundle. `surrogates ",
    ),
    (
        ["export", "zoo:radio/geo2sigmpa", "model.onnx"],
        "There is no bundle 'radio/geo2sigmpa' in the zoo. Did you mean '",
    ),
    (
        ["export", "run", "model.onnx", "--records", "0"],
        "Invalid value for '--records': Input should be greater than or e",
    ),
    (
        ["export", "run", "model.onnx", "--records", "1"],
        "Invalid value for '--records': Input should be greater than or e",
    ),
    (
        ["export", "run", "model.onnx", "--tolerance", "-1"],
        "--tolerance is -1; expected a number above 0, such as 1e-4",
    ),
    (
        ["export", "run", "model.onnx", "--tolerance", "nan"],
        "--tolerance is nan; expected a number above 0, such as 1e-4",
    ),
    (["export", "run", "model.onnx", "--verify"], "No such option: --verify"),
]
