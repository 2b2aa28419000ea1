"""Wrong smaller commands, and what each answer says."""

from tests.hostile.case import SLOW

OTHERS = [
    (["trian"], "No such command 'trian'. Did you mean 'train'?"),
    (["--nothing"], "No such option: --nothing"),
    (["-x", "train"], "No such option: -x"),
    (["train.py"], "No such command 'train.py'. Did you mean 'train'?"),
    (["zoo", "radio/geo2sigmpa"], "There is no bundle 'radio/geo2sigmpa' in the zoo. Did you mean '"),
    (["zoo", "radio"], "There is no bundle 'radio' in the zoo. It has: acoustics/deepone"),
    (["zoo", "../radio"], "There is no bundle '../radio' in the zoo. It has: acoustics/deep"),
    (["zoo", ""], "There is no bundle '' in the zoo. It has: acoustics/deeponet, csi"),
    (["zoo", "--json", "--markdown"], "--json and --markdown are two forms of one list; choose one"),
    (["zoo", "--example", "x.zarr"], "--example needs the NAME of a bundle; `surrogates zoo` lists the"),
    (
        ["zoo", "radio/geo2sigmap", "--example", "empty"],
        "out is empty; expected a name that ends in .zarr",
        SLOW,
    ),
    (["zoo", "radio/geo2sigmap", "--example", "x.nc"], "out is x.nc; expected a name that ends in .zarr"),
    (["zoo", "radio/geo2sigmap", "--example", "notes.txt/x.zarr"], "notes.txt: File exists"),
    (["zoo", "radio/geo2sigmap", "more"], "Got unexpected extra argument(s) (more)"),
    (["report", "claim", "radio"], "No such command 'claim'. Did you mean 'claims'?"),
    (["report", "claims"], "Missing argument 'domain'"),
    (["report", "claims", "radoi"], "there are no claims on 'radoi'. Did you mean 'radio'? There are "),
    (["report", "claims", "../radio"], "there are no claims on '../radio'. Did you mean 'radio'? There a"),
    (["report", "results", "--chekc"], "No such option: --chekc (Possible options: --check, --help); see"),
    (["bench"], "Missing argument 'name'"),
    (["bench", "trian"], "There is no benchmark 'trian'. Did you mean 'train'? Benchmarks:"),
    (["bench", "rows"], "There is no benchmark 'rows'. Benchmarks:"),
    (["bench", "../claims"], "There is no benchmark '../claims'. Benchmarks:"),
    (["bench", "list", "--json"], "Option '--json' requires an argument"),
    (["schema", "recipe"], "Missing argument 'RECIPE'"),
    (
        ["schema", "recipe", "radio/urbann"],
        "No recipe is registered as 'radio/urbann'. Did you mean 'radio/u",
    ),
    (
        ["schema", "recipe", "radio/urban", "--out", "empty"],
        "empty: is a folder; expected the name of a file",
    ),
    (["schema", "experiment", "radio/city"], "Got unexpected extra argument(s) (radio/city)"),
    (["schema", "experimnt"], "No such command 'experimnt'. Did you mean 'experiment'?"),
    (["doctor", "all"], "Got unexpected extra argument(s) (all)"),
    (["doctor", "--fix"], "No such option: --fix"),
    (["uav", "straem"], "No such command 'straem'. Did you mean 'stream'?"),
    (["uav", "stream"], "Missing argument 'run'"),
    (["uav", "stream", "run"], "give one source of positions: --replay FILE or --mavlink CONNECT"),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--mavlink", "udpin:127.0.0.1:0"],
        "give one source of positions: --replay FILE or --mavlink CONNECT",
    ),
    (
        ["uav", "stream", "run", "--replay", "flight.csv"],
        "a stream needs a surrogate that forecasts one position from its ",
        SLOW,
    ),
    (
        ["uav", "stream", "nowhere", "--replay", "flight.csv"],
        "There is nothing at nowhere; expected the folder of a run or of ",
    ),
    (
        ["uav", "stream", "zoo:uav/coures", "--replay", "flight.csv"],
        "There is no bundle 'uav/coures' in the zoo. Did you mean 'uav/co",
    ),
    (["uav", "stream", "zoo:uav/course", "--replay", "nowhere.csv"], "There is no log at nowhere.csv"),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "notes.txt"],
        "notes.txt has no column 'timestamp'. It has no picture, no run, ",
        SLOW,
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "input.nc"],
        "input.nc is an HDF5 or NetCDF-4 file, expected a log of a flight",
        SLOW,
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--speed", "0"],
        "--speed is 0; expected a number above 0",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--speed", "nan"],
        "--speed is nan; expected a number above 0",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--seconds", "3"],
        "--seconds belongs to --mavlink; leave it out here",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--system", "3"],
        "--system belongs to --mavlink; leave it out here",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--out", "x.pdf"],
        "the output is x.pdf; expected a name that ends in .png",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--csv", "x.txt"],
        "the output is x.txt; expected a name that ends in .csv",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--csv", "flight.csv"],
        "flight.csv exists; remove it or choose another name",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--csv", "nowhere/x.csv"],
        "flight.csv has no column 'timestamp'. Did you mean 'time'? It ha",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--key", "farme=ned"],
        "flight.csv cannot be read with farme; options of its kind of log",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--key", "frame"],
        "flight.csv: frame is ''. Input should be 'enu', 'ned', 'enu/frd'",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--key", "frame=down"],
        "flight.csv: frame is 'down'. Input should be 'enu', 'ned', 'enu/",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--time-unit", "h"],
        "Invalid value for '--time-unit': Value error, 'h' is not one of ",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--topic", "x"],
        "flight.csv cannot be read with topic; options of its kind of log",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--max-gap", "-1"],
        "max_gap is -1.0; expected seconds above 0",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--replay", "flight.csv", "--max-gap", "nan"],
        "max_gap is nan; expected seconds above 0",
    ),
    (
        [
            "uav",
            "stream",
            "zoo:uav/course",
            "--replay",
            "flight.csv",
            "--key",
            "frame=ned",
            "--key",
            "frame=enu",
        ],
        "flight.csv has no column 'timestamp'. Did you mean 'time'? It ha",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--mavlink", "nothing"],
        "The command needs the module 'serial', which is not installed. I",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--mavlink", "udpin:127.0.0.1:notaport"],
        "the connection is 'udpin:127.0.0.1:notaport' (invalid literal fo",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--mavlink", "udpin:127.0.0.1:0", "--speed", "1"],
        "--speed belongs to --replay; leave it out here",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--mavlink", "udpin:127.0.0.1:0", "--key", "frame=ned"],
        "--key frame=ned belongs to --replay; leave it out here",
    ),
    (
        ["uav", "stream", "zoo:uav/course", "--mavlink", "udpin:127.0.0.1:0", "--seconds", "-1"],
        "--seconds is -1; expected a number above 0",
    ),
]
