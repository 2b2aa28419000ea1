"""Wrong commands on data sets, and what each answer says."""

OWN = "tests.hostile.work:Waves"


def build(*words: str, recipe: str = OWN) -> list[str]:
    """Return the words of a build."""
    quiet = [] if any(word.startswith("workers=") for word in words) else ["workers=0"]
    return ["data", "build", recipe, "--no-progress", *words, *quiet]


BUILD = [
    (build(), "Where to? Add out=URL, for example out=data/Waves.zarr"),
    (
        build("out=new.zarr", "samples=1e3"),
        "recipe 'tests/waves': 'samples' should be a valid integer, unabl",
    ),
    (
        build("out=new.zarr", "samples=1000000000000"),
        "recipe 'tests/waves' would make 1000000000000 records; a store h",
    ),
    (
        build("out=new.zarr", "samples=10**12"),
        "recipe 'tests/waves': 'samples' should be a valid integer, unabl",
    ),
    (build("out=new.zarr", "samples=0"), "recipe 'tests/waves': 'samples' should be greater than 0, found "),
    (build("out=new.zarr", "samples=-4"), "recipe 'tests/waves': 'samples' should be greater than 0, found "),
    (
        build("out=new.zarr", "samples=many"),
        "recipe 'tests/waves': 'samples' should be a valid integer, unabl",
    ),
    (build("out=new.zarr", "samples="), "recipe 'tests/waves': 'samples' should be a valid integer, found"),
    (
        build("out=new.zarr", "samples=[4]"),
        "recipe 'tests/waves': 'samples' should be a valid integer, found",
    ),
    (build("out=new.zarr", "samples=true"), "recipe 'tests/waves': 'samples': expected a number, found true"),
    (
        build("out=new.zarr", "samples=4.5"),
        "recipe 'tests/waves': 'samples' should be a valid integer, got a",
    ),
    (
        build("out=new.zarr", "samples=4", "samples=8"),
        "'samples' is given twice: samples=4 and samples=8; keep one",
    ),
    (
        build("out=new.zarr", "out=newer.zarr"),
        "'out' is given twice: out=new.zarr and out=newer.zarr; keep one",
    ),
    (
        build("out=new.zarr", "workers=1", "workers=2"),
        "'workers' is given twice: workers=1 and workers=2; keep one",
    ),
    (build("out=new.zarr", "sampels=4"), "Recipe 'tests/waves' has no parameter 'sampels'. Did you mean 's"),
    (build("out=new.zarr", "worker=1"), "Recipe 'tests/waves' has no parameter 'worker'. Did you mean 'wo"),
    (build("out=new.zarr", "workers=-1"), "workers=-1: expected a whole number, 0 or more"),
    (build("out=new.zarr", "workers=1.5"), "workers=1.5: expected a whole number, 0 or more"),
    (build("out=new.zarr", "workers=many"), "workers=many: expected a whole number, 0 or more"),
    (build("out=new.zarr", "workers="), "workers=: expected a whole number, 0 or more"),
    (build("out=new.zarr", "parts=0/3"), "expected I/N with I from 1 to N"),
    (build("out=new.zarr", "parts=4/3"), "expected I/N with I from 1 to N"),
    (build("out=new.zarr", "parts=1/0"), "expected I/N with I from 1 to N"),
    (build("out=new.zarr", "parts=-1/3"), "parts=-1/3: expected I/N, such as parts=3/10"),
    (build("out=new.zarr", "parts=1"), "parts=1: expected I/N, such as parts=3/10"),
    (build("out=new.zarr", "parts="), "parts=: expected I/N, such as parts=3/10"),
    (build("out=new.zarr", "seed=-1"), "recipe 'tests/waves': 'seed' should be greater than or equal to "),
    (build("out=new.zarr", "seed=x"), "recipe 'tests/waves': 'seed' should be a valid integer, unable t"),
    (build("out="), "Where to? Add out=URL, for example out=data/Waves.zarr"),
    (build("out=notes.txt"), "notes.txt is not empty and not a store (it holds notes.txt). Giv"),
    (build("out=notes.txt/new.zarr"), "notes.txt"),
    (build("out=/proc/new.zarr"), "No such file or directory"),
    (build("out=run"), "run is not empty and not a store (it holds bundle). Give another"),
    (build("out=fields.zarr"), "fields.zarr"),
    (
        build("out=waves.zarr", "samples=16"),
        "waves.zarr holds other data: samples=8 instead of 16. Give anoth",
    ),
    (build("out=memory://x"), "out=memory://x: a store in memory ends with this command; give a"),
    (build("out=gopher://x/y"), "gopher://', a protocol that fsspec does not know"),
    (build("new.zarr"), "Found 'new.zarr', expected KEY=VALUE, such as workers=2"),
    (build("out=new.zarr", "samples"), "Found 'samples', expected KEY=VALUE, such as workers=2"),
    (build("out=new.zarr", "=4"), "Recipe 'tests/waves' has no parameter ''. Parameters: samples, s"),
    (build("out=new.zarr", "samples=[4"), "samples=[4: not a YAML value, such as 3, [a, b] or {x: 1} (line "),
    (build("--config", "nowhere.yaml", "out=new.zarr"), "there is no file nowhere.yaml"),
    (
        build("--config", "keys.yaml", "out=new.zarr"),
        "keys.yaml: Recipe 'tests/waves' has no parameter 'sampels'. Did ",
    ),
    (
        build("--config", "twice.yaml", "out=new.zarr"),
        "twice.yaml is not valid YAML: line 2: the key 'samples' stands i",
    ),
    (build("--config", "list.yaml", "out=new.zarr"), "list.yaml holds list, expected `key: value` lines"),
    (
        build("--config", "broken.yaml", "out=new.zarr"),
        "broken.yaml is not valid YAML: line 2: did not find expected nod",
    ),
    (build("--config", "empty", "out=new.zarr"), "empty is a folder, expected a file"),
    (build("--config"), "there is no file workers=0"),
    (
        build("out=new.zarr", "--workers", "2"),
        "No such option: --workers; settings have no dashes, `workers=VALUE`; see",
    ),
    (build("out=new.zarr", "--dryrun"), "No such option: --dryrun (Possible options: --dry-run)"),
    (build("--dry-run", "workers=-1"), "workers=-1: expected a whole number, 0 or more"),
    (build("--dry-run", "parts=0/3"), "expected I/N with I from 1 to N"),
    (["data", "build"], "Missing argument 'RECIPE'"),
    (
        build("out=new.zarr", recipe="radio/urbann"),
        "No recipe is registered as 'radio/urbann'. Did you mean 'radio/u",
    ),
    (build("out=new.zarr", recipe="nothing.module:Class"), "There is no Python module 'nothing.module' in "),
    (
        build("out=new.zarr", recipe="tests.hostile.work:Wave"),
        "Module 'tests.hostile.work' has no 'Wave'. Did you mean 'Waves'?",
    ),
    (
        build("out=new.zarr", recipe="tests.hostile.work:build"),
        "expected a class that extends datasets.factory.recipe.Recipe",
    ),
    (
        build("out=new.zarr", recipe="os:system"),
        "'os:system' is <built-in function system>, expected a class that",
    ),
    (build("out=new.zarr", recipe=":"), "':' is no MODULE:CLASS, such as my_module:MyRecipe"),
    (
        build("out=new.zarr", "cities=[nowhere]", recipe="radio/urban"),
        "recipe 'radio/urban': 'cities.0' should be 'munich', 'etoile', '",
    ),
    (
        build("out=new.zarr", "citys=[munich]", recipe="radio/urban"),
        "Recipe 'radio/urban' has no parameter 'citys'. Did you mean 'cit",
    ),
    (
        build("out=new.zarr", "family=flat", recipe="seismic/openfwi_like"),
        "recipe 'seismic/openfwi_like': 'family': there is no family 'fla",
    ),
]

STORES = [
    (["data", "resume"], "Missing argument 'URL'"),
    (["data", "resume", "nowhere.zarr"], "no data store at nowhere.zarr; make one with `surrogates data bu"),
    (["data", "resume", "notes.txt"], "no data store at notes.txt; make one with `surrogates data build"),
    (
        ["data", "resume", "waves.zarr", "samples=4"],
        "resume takes workers=N, parts=I/N and executor=NAME with its keys, found samples: the recipe ",
    ),
    (["data", "resume", "waves.zarr", "workers=-1"], "workers=-1: expected a whole number, 0 or more"),
    (["data", "resume", "waves.zarr", "parts=0/3"], "expected I/N with I from 1 to N"),
    (["data", "resume", "waves.zarr", "out=x"], "resume goes on with waves.zarr; leave out=x out"),
    (
        ["data", "resume", "waves.zarr", "workers=1", "workers=2"],
        "'workers' is given twice: workers=1 and workers=2; keep one",
    ),
    (
        ["data", "resume", "waves.zarr", "--recipe", "x"],
        "No recipe is registered as 'x'. Registered recipes:",
    ),
    (["data", "finalise"], "Missing argument 'URL'"),
    (
        ["data", "finalise", "nowhere.zarr"],
        "no data store at nowhere.zarr; make one with `surrogates data bu",
    ),
    (["data", "finalise", "empty"], "no data store at empty; make one with `surrogates data build REC"),
    (["data", "finalize", "waves.zarr"], "No such command 'finalize'. Did you mean 'finalise'?"),
    (["data", "info"], "Missing argument 'URL'"),
    (["data", "info", "nowhere.zarr"], "no data store at nowhere.zarr; make one with `surrogates data bu"),
    (["data", "info", "notes.txt"], "no data store at notes.txt; make one with `surrogates data build"),
    (["data", "info", "run"], "no data store at run; make one with `surrogates data build RECIP"),
    (
        ["data", "info", "zoo:radio/geo2sigmap"],
        "no data store at zoo:radio/geo2sigmap; make one with `surrogates",
    ),
    (
        ["data", "info", "fields.zarr", "--json", "notes.txt/x.json"],
        "notes.txt: is a file; expected the folder of notes.txt/x.json",
    ),
    (["data", "info", "fields.zarr", "--json", "empty"], "empty: is a folder; expected the name of a file"),
    (["data", "info", "fields.zarr", "coarse.zarr"], "Got unexpected extra argument(s) (coarse.zarr)"),
    (["data", "info", "fields.zarr", "record=1"], "Got unexpected extra argument(s) (record=1)"),
    (["data", "verify"], "Missing argument 'URL'"),
    (["data", "verify", "nowhere.zarr"], "no data store at nowhere.zarr; make one with `surrogates data bu"),
    (["data", "verify", "empty"], "no data store at empty; make one with `surrogates data build REC"),
    (
        ["data", "verify", "waves.zarr", "--resimulate", "-1"],
        "Invalid value for '--resimulate': Input should be greater than o",
    ),
    (
        ["data", "verify", "waves.zarr", "--resimulate", "1"],
        "No recipe is registered as 'tests/waves'. Registered recipes:",
    ),
    (
        ["data", "verify", "waves.zarr", "--resimulate", "1", "--recipe", "radio/urban"],
        "waves.zarr was made by recipe 'tests/waves', but 'radio/urban' w",
    ),
    (
        ["data", "verify", "waves.zarr", "--recipe", "nothing"],
        "No recipe is registered as 'nothing'. Registered recipes:",
    ),
    (["data", "verify", "waves.zarr", "--json", "empty"], "empty: is a folder; expected the name of a file"),
    (["data", "plot"], "Missing argument 'URL'"),
    (["data", "plot", "fields.zarr", "--record", "99"], "record=99: fields.zarr has records 0 to 11"),
    (["data", "plot", "fields.zarr", "--record", "-1"], "record=-1: fields.zarr has records 0 to 11"),
    (
        ["data", "plot", "fields.zarr", "--record", "x"],
        "Invalid value for '--record': Input should be a valid integer, u",
    ),
    (
        ["data", "plot", "fields.zarr", "--out", "picture"],
        "--out is picture; expected a name that ends in .png or .svg or .pdf",
    ),
    (
        ["data", "plot", "fields.zarr", "--out", "picture.doc"],
        "--out is picture.doc; expected a name that ends in .png or .svg or .",
    ),
    (
        ["data", "plot", "fields.zarr", "--out", "notes.txt/x.png"],
        "notes.txt: is a file; expected the folder of notes.txt/x.png",
    ),
    (["data", "plot", "fields.zarr", "record=3"], "Got unexpected extra argument(s) (record=3)"),
    (["data", "plot", "nowhere.zarr"], "no data store at nowhere.zarr; make one with `surrogates data bu"),
    (["data", "card"], "Missing argument 'RECIPE|STORE'"),
    (["data", "card", "nowhere.zarr"], "no data store at nowhere.zarr; make one with `surrogates data bu"),
    (["data", "card", "radio/urbann"], "'radio/urbann' is neither a store nor a recipe. Did you mean 'ra"),
    (["data", "card", "notes.txt"], "no data store at notes.txt; make one with `surrogates data build"),
    (
        ["data", "card", "radio/urban", "--croissant"],
        "--croissant describes files, and the recipe 'radio/urban' has no",
    ),
    (["data", "card", "fields.zarr", "--out", "empty"], "is a folder; expected the name of a file"),
    (["data", "card", "x:y"], "There is no Python module 'x' in "),
    (["data", "mapping"], "No such command 'mapping'"),
    (["data", "mapping", "nowhere.nc"], "No such command 'mapping'"),
    (["data", "mapping", "notes.txt"], "No such command 'mapping'"),
    (["data", "list", "radio"], "Got unexpected extra argument(s) (radio)"),
    (["data", "nothing"], "No such command 'nothing'"),
    (["data", "buidl", "radio/urban"], "No such command 'buidl'. Did you mean 'build'?"),
    (["data", "import", "nothing"], "No recipe is registered as 'nothing'. Registered recipes:"),
    (["data", "import", "radio/urban"], "Recipe 'radio/urban' reads no files; make its store by `surrogat"),
    (["data", "import", "generic"], "Missing argument 'MAPPING'"),
    (
        ["data", "import", "generic", "nowhere.yaml", "out=new.zarr"],
        "there is no file nowhere.yaml",
    ),
    (["data", "import", "generic", "keys.yaml"], "Where to? Add out=URL, for example out=data/keys.zarr"),
    (
        ["data", "import", "generic", "keys.yaml", "out=new.zarr"],
        "keys.yaml: 'title' is required and has no default; 'variables' i",
    ),
    (
        ["data", "import", "generic", "list.yaml", "out=new.zarr"],
        "list.yaml holds list, expected `key: value` lines",
    ),
    (
        ["data", "import", "generic", "broken.yaml", "out=new.zarr"],
        "broken.yaml is not valid YAML: line 2: did not find expected nod",
    ),
    (
        ["data", "import", "generic", "keys.yaml", "out=new.zarr", "samples=4"],
        "import takes out=URL and workers=N, found samples: the rest is i",
    ),
    (["data", "import", "generic", "keys.yaml", "out=new.zarr", "parts=1/3"], "An import is made as a whole"),
    (
        ["data", "import", "generic", "notes.txt", "out=new.zarr"],
        "notes.txt holds str, expected `key: value` lines",
    ),
    (
        ["data", "import", "uav/flights", "empty", "out=new.zarr"],
        "No recipe is registered as 'uav/flights'. Did you mean 'uav/ulog",
    ),
    (
        ["data", "import", "uav/flights", "empty"],
        "No recipe is registered as 'uav/flights'. Did you mean 'uav/ulog",
    ),
    (
        ["data", "import", "uav/flights", "nowhere", "out=new.zarr"],
        "No recipe is registered as 'uav/flights'. Did you mean 'uav/ulog",
    ),
    (["data", "import", "uav/csv", "empty", "out=new.zarr", "parts=1/2"], "An import is made as a whole"),
    (
        ["data", "import", "uav/flights", "empty", "notes.txt", "out=new.zarr"],
        "No recipe is registered as 'uav/flights'. Did you mean 'uav/ulog",
    ),
    (
        ["data", "import", "seismic/segy", "out=new.zarr"],
        "recipe 'seismic/segy': 'folder' is required and has no default",
    ),
    (
        ["data", "import", "seismic/segy", "notes.txt", "out=new.zarr"],
        "notes.txt is a text file, expected a SEG-Y file; such files are ",
    ),
]
