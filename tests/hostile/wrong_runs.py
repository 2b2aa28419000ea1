"""Wrong commands that train, score, predict and export, and what each answer says."""

SLOW = "slow"
"""Marks what opens data or builds a network."""

FEW = {
    "dataset": "fields.zarr",
    "model": "mlp",
    "task.inputs": "[height]",
    "task.targets": "[gain]",
    "trainer.max_steps": "1",
    "trainer.batch_size": "2",
    "trainer.threads": "0",
    "trainer.progress": "false",
    "output": "out",
}
"""Keys of a run that would train; a case replaces some."""


def train(*words: str, command: str = "train", without: tuple[str, ...] = ()) -> list[str]:
    """Return the words of a run with some keys replaced or left out."""
    given = {word.partition("=")[0] for word in words}
    kept = [f"{key}={value}" for key, value in FEW.items() if key not in given and key not in without]
    return [command, *kept, *words]


WINDOW = "task.window={length: 2, horizon: 1, dimension: time}"

MODELS = [
    (
        train("model=fno", "task.inputs=[speed]", "task.targets=[power]"),
        "the Fourier neural operator needs fields, with one to three dimen",
        SLOW,
    ),
    (
        train("model=unet", "task.inputs=[speed]", "task.targets=[power]"),
        "the U-Net needs fields, with one to three dimensions beside the ",
        SLOW,
    ),
    (train("model=lstm"), "model 'lstm': 'horizon' is required and has no default", SLOW),
    (
        train("model=lstm", "model.horizon=2"),
        "the LSTM needs (batch, channel, time), found (2, 1, 16, 16); giv",
        SLOW,
    ),
    (train("model=gru"), "the GRU needs (batch, channel, time), found (2, 1, 16, 16); give", SLOW),
    (train("model=gru_state"), "the GRU needs (batch, channel, time), found (2, 1, 16, 16); give", SLOW),
    (train("model=tcn"), "model 'tcn': 'horizon' is required and has no default", SLOW),
    (
        train("model=sequence_transformer"),
        "model 'sequence_transformer': 'horizon' is required and has no d",
        SLOW,
    ),
    (train("model=vector"), "model 'vector': 'horizon' is required and has no default", SLOW),
    (
        train("model=geo_unet", "task.inputs=[speed]"),
        "the first two examples (speed (2,)) do not pass through the mode",
        SLOW,
    ),
    (
        train("model=latent_unet", "task.inputs=[speed]"),
        "direction: 'inverse' found, with 1 channels in and 256 out; expe",
        SLOW,
    ),
    (
        train("model=unet", "task.inputs=[course]", "task.targets=[course_forecast]", WINDOW),
        "the U-Net needs fields, with one to three dimensions beside the ",
        SLOW,
    ),
    (
        train("model=fno", "task.inputs=[course]", "task.targets=[course_forecast]", WINDOW),
        "the Fourier neural operator needs fields, with one to three dimen",
        SLOW,
    ),
    (
        train("model=lstm", "task.inputs=[speed]", "task.targets=[power]"),
        "model 'lstm': 'horizon' is required and has no default",
        SLOW,
    ),
    (
        train("model=unet", "dataset=coarse.zarr", "model.depth=4"),
        "the U-Net needs (batch, channel, height, width), at least 16 cel",
        SLOW,
    ),
    (train("model=unett"), "no model 'unett'. Did you mean 'unet'? There are:"),
    (
        train("model=mlp", "model.wdith=4"),
        "model 'mlp': unknown key 'wdith'. Did you mean 'width'? Valid ke",
        SLOW,
    ),
    (train("model.width=0"), "model 'mlp': 'width' should be greater than 0, found 0", SLOW),
    (train("model.width=-1"), "model 'mlp': 'width' should be greater than 0, found -1", SLOW),
    (train("model.width=wide"), "model 'mlp': 'width' should be a valid integer, unable to parse ", SLOW),
    (
        train("model=unet", "task.inputs=[height,speed]", "task.targets=[speed]"),
        "configuration: 'task': ['speed'] stand twice among inputs and ta",
    ),
    (
        train("task.targets=[course]", "model=unet"),
        "the U-Net needs fields, with one to three dimensions beside the ",
        SLOW,
    ),
]

DATA = [
    (
        train("dataset=[fields.zarr,coarse.zarr]"),
        "variable 'height' has the shape (4, 4) in coarse.zarr, but (16, ",
        SLOW,
    ),
    (
        train("dataset=[fields.zarr,'other units.zarr']"),
        "variable 'height' has units km in other units.zarr, but m in fie",
        SLOW,
    ),
    (
        train("dataset=[fields.zarr,fields.zarr]"),
        "dataset: fields.zarr and fields.zarr give 12 records twice; name",
        SLOW,
    ),
    (
        train("dataset=[fields.zarr,./fields.zarr]"),
        "dataset: fields.zarr and fields.zarr give 12 records twice; name",
        SLOW,
    ),
    (
        train("dataset=[fields.zarr,waves.zarr]"),
        "task.targets: no variable 'gain' in fields.zarr. It has height",
        SLOW,
    ),
    (train("dataset=nowhere.zarr"), "no data store at nowhere.zarr; make one with `surrogates data bu"),
    (train("dataset=notes.txt"), "no data store at notes.txt; make one with `surrogates data build"),
    (train("dataset=empty"), "no data store at empty; make one with `surrogates data build REC"),
    (train("dataset=run"), "no data store at run; make one with `surrogates data build RECIP"),
    (train("dataset=s3://"), "s3:// names no place behind 's3://'; expected a bucket or server"),
    (train("dataset=gopher://x/y.zarr"), "gopher://x/y.zarr begins with 'gopher://', a protocol that fsspe"),
    (train("dataset=[]"), "configuration: no data: give the path or URL of a store, such as"),
    (train("dataset="), "configuration: no data: give the path or URL of a store, such as"),
    (train("dataset=null"), "configuration: no data: give the path or URL of a store, such as"),
    (train("dataset=3"), "no data store at 3; make one with `surrogates data build RECIPE "),
    (train(without=("dataset",)), "configuration: no data: give the path or URL of a store, such as"),
    (
        train("dataset={url: fields.zarr, splti: split}"),
        "configuration: unknown key 'dataset.0.splti'. Did you mean 'spli",
    ),
    (
        train("dataset={url: fields.zarr, split: nosplit}"),
        "fields.zarr has no split 'nosplit'; it has ['split']",
        SLOW,
    ),
    (
        train("dataset={url: fields.zarr, select: {speed: 77}}"),
        "select: no sample of fields.zarr has speed 77. It has 0.13499098",
        SLOW,
    ),
    (
        train("dataset={url: fields.zarr, select: {height: 1}}"),
        "select: fields.zarr has no variable 'height' with one value for ",
        SLOW,
    ),
    (
        train("dataset={url: fields.zarr, select: {sped: 1}}"),
        "select: fields.zarr has no variable 'sped' with one value for ea",
        SLOW,
    ),
    (
        train("dataset=no train.zarr"),
        "the train subset of no train.zarr is empty; check the split and ",
        SLOW,
    ),
    (
        train("task.targets=[unknown]"),
        "'unknown' in the train subset of fields.zarr has no value (all a",
        SLOW,
    ),
    (train("task.targets=[level]"), "the target 'level' in the train subset of fields.zarr is 3 throu", SLOW),
    (train("task.targets=[still]"), "the target 'still' in the train subset of fields.zarr is 1 throu", SLOW),
    (
        train("task.inputs=[unknown]"),
        "'unknown' in the train subset of fields.zarr has no value (all a",
        SLOW,
    ),
    (train("task.targets=[height]"), "configuration: 'task': ['height'] stand twice among inputs and t"),
    (
        train("task.inputs=[height,height]"),
        "configuration: 'task': ['height'] stand twice among inputs and t",
    ),
    (train("task.inputs=[heigth]"), "task.inputs: no variable 'heigth' in fields.zarr. Did you mean '", SLOW),
    (train("task.inputs=[]"), "configuration: 'task.inputs': list should have at least 1 item a"),
    (train("task.inputs=height"), "configuration: 'task.inputs' should be a valid list, found 'heig"),
    (train("task.inputs=[3]"), "configuration: 'task.inputs.0' should be a valid string, found 3"),
    (train("task.targets={a: 1}"), "configuration: 'task.targets' should be a valid list, found {'a'"),
    (train("+task.mask=gain"), "configuration: 'task': the mask 'gain' is a target; give a varia"),
    (train("+task.mask=outdor"), "task.mask: no variable 'outdor' in fields.zarr. Did you mean 'ou", SLOW),
    (train("+task.mask=speed"), "mask 'speed' has shape (2,) for targets on the grid ('y', 'x'); ", SLOW),
    (
        train("task.window={length: 2}", "task.inputs=[speed]", "task.targets=[power_forecast]"),
        "task.targets: no variable 'power_forecast' in fields.zarr. It ha",
        SLOW,
    ),
    (
        train(
            "task.window={length: 20, horizon: 1, dimension: time}",
            "task.inputs=[course]",
            "task.targets=[course_forecast]",
        ),
        "task.window: no record of fields.zarr has 21 samples along 'time",
        SLOW,
    ),
    (train("task.window={length: 0}"), "configuration: 'task.window.length' should be greater than 0, fo"),
    (
        train("task.window={length: 2, dimension: tiem}"),
        "task.window.dimension: fields.zarr has no dimension 'tiem' insid",
    ),
    (
        train("task.window={length: 2, leaky: true}"),
        "configuration: 'task.window': leaky=true divided overlapping win",
    ),
    (
        train("task.window={length: 2, horizon: 1}", "task.inputs=[speed]", "task.targets=[power]"),
        "the train subset of fields.zarr has no window of 3 samples (inpu",
        SLOW,
    ),
    (train("task.window=3"), "configuration: 'task.window' should be a valid dictionary or ins"),
]

KEYS = [
    (
        train("task.inputs=[a]", "task.inputs=[b]"),
        "'task.inputs' is given twice: task.inputs=[a] and task.inputs=[b",
        SLOW,
    ),
    (train("seed=1", "seed=2"), "'seed' is given twice: seed=1 and seed=2; keep one"),
    (train("model=mlp", "model=unet"), "'model' is given twice: model=mlp and model=unet; keep one"),
    (train("+key=1"), "configuration: unknown key 'key'. Valid keys: dataset, experimen"),
    (train("key=1"), "unknown key 'key'. Valid keys: ckpt, dataset, experiment, init, "),
    (train("~key"), "~key: there is no such key to leave out; remove it from the comm"),
    (train("~dataset"), "configuration: no data: give the path or URL of a store, such as"),
    (train("++trainer.lr=1"), "configuration: unknown key 'trainer.lr'. Valid keys: accelerator"),
    (train("trainer.lr=1"), "configuration: unknown key 'trainer.lr'. Valid keys: accelerator"),
    (train("lr=1"), "unknown key 'lr'. Valid keys: ckpt, dataset, experiment, init, m"),
    (train("trainer.optimiser.lr=0"), "optimiser 'adam': 'lr' should be greater than 0, found 0", SLOW),
    (train("trainer.optimiser.lr=-1"), "optimiser 'adam': 'lr' should be greater than 0, found -1", SLOW),
    (train("trainer.optimiser.lr=nan"), "optimiser 'adam': 'lr' should be greater than 0, found nan", SLOW),
    (
        train("trainer.optimiser=adamm"),
        "No optimiser is registered as 'adamm'. Did you mean 'adam'? Regi",
        SLOW,
    ),
    (
        train("trainer.optimiser.rl=1"),
        "optimiser 'adam': unknown key 'rl'. Valid keys: lr, weight_decay",
        SLOW,
    ),
    (train("trainer.max_steps=-1"), "configuration: 'trainer.max_steps' should be greater than 0, fou"),
    (train("trainer.max_steps=0"), "configuration: 'trainer.max_steps' should be greater than 0, fou"),
    (train("trainer.max_steps=1.5"), "configuration: 'trainer.max_steps' should be a valid integer, go"),
    (train("trainer.max_steps=many"), "configuration: 'trainer.max_steps' should be a valid integer, un"),
    (train("trainer.max_steps=null"), "configuration: 'trainer': found neither of max_steps and epochs,"),
    (train("trainer.epochs=2"), "configuration: 'trainer': found both of max_steps and epochs, ex"),
    (train("trainer.batch_size=0"), "configuration: 'trainer.batch_size' should be greater than 0, fo"),
    (train("trainer.batch_size=-4"), "configuration: 'trainer.batch_size' should be greater than 0, fo"),
    (train("trainer.precision=64"), "configuration: 'trainer.precision' should be '32', 'bf16' or '16"),
    (train("trainer.precision=half"), "configuration: 'trainer.precision' should be '32', 'bf16' or '16"),
    (train("trainer.accelerator=cuda"), "configuration: 'trainer.accelerator' should be 'auto', 'cpu', 'g"),
    (
        train("trainer.accelerator=gpu"),
        "trainer.accelerator is gpu, but torch sees none; take auto or cp",
        SLOW,
    ),
    (train("trainer.accelerator=tpu"), "configuration: 'trainer.accelerator' should be 'auto', 'cpu', 'g"),
    (train("trainer.devices=0"), "configuration: 'trainer.devices' should be greater than 0, found"),
    (train("trainer.devices=3"), "configuration: 'trainer': batch_size 2 cannot be shared equally "),
    (train("trainer.threads=-1"), "configuration: 'trainer.threads' should be greater than or equal"),
    (train("trainer.log_every=0"), "configuration: 'trainer.log_every' should be greater than 0, fou"),
    (train("trainer.ema=1"), "configuration: 'trainer.ema' should be less than 1, found 1"),
    (train("trainer.ema=2"), "configuration: 'trainer.ema' should be less than 1, found 2"),
    (
        train("trainer.gradient_clip=0"),
        "configuration: 'trainer.gradient_clip' should be greater than 0,",
        SLOW,
    ),
    (
        train("trainer.compile=perhaps"),
        "configuration: 'trainer.compile' should be a valid boolean, unab",
        SLOW,
    ),
    (
        train("trainer.freeze=[nothing*]"),
        "trainer.freeze: no weight of the network is called 'nothing*'. W",
        SLOW,
    ),
    (train("trainer.freeze=['*']"), "trainer.freeze leaves no weight to train; name fewer, such as ['", SLOW),
    (
        train("trainer.groups={'none*': {lr: 1}}"),
        "trainer.groups={'none*': {lr: 1}}: expected a list [A,B] or a ma",
    ),
    (
        train("trainer.callbacks=[stop]"),
        "No callback is registered as 'stop'. Registered callbacks: early",
        SLOW,
    ),
    (
        train("trainer.loggers=[wandbb]"),
        "No logger is registered as 'wandbb'. Did you mean 'wandb'? Regis",
        SLOW,
    ),
    (train("trainer.validate_every=0"), "configuration: 'trainer.validate_every' should be greater than 0"),
    (train("trainer=gpuu"), "no trainer 'gpuu'. Did you mean 'gpu'? There are:"),
    (train("trainer=3"), "Config group override must be a string or a list. Got int", SLOW),
    (train("task=regresion"), "no task 'regresion'. Did you mean 'regression'? There are:"),
    (train("task.head=gausian"), "No head is registered as 'gausian'. Did you mean 'gaussian'? Reg", SLOW),
    (
        train("task.head={name: quantiles, levels: [2]}"),
        "head 'quantiles': levels is [2.0]; expected ascending numbers be",
        SLOW,
    ),
    (
        train("task.objective=regresion"),
        "No objective is registered as 'regresion'. Did you mean 'regress",
        SLOW,
    ),
    (train("task.metrics=[rmsee]"), "No metric is registered as 'rmsee'. Did you mean 'rmse'? Registe", SLOW),
    (
        train("task.metrics=[rmse,rmse]"),
        "metrics: 'rmse' stands twice; name it once or give other argumen",
        SLOW,
    ),
    (
        train("task.baselines=[meen]"),
        "No baseline is registered as 'meen'. Did you mean 'mean'? Regist",
        SLOW,
    ),
    (train("task.plots=[feilds]"), "No plot is registered as 'feilds'. Did you mean 'fields'? Regist", SLOW),
    (
        train("task.normalisation=standart"),
        "configuration: 'task.normalisation' should be 'standard', 'min_m",
    ),
    (train("task.transform=stak"), "No transform is registered as 'stak'. Did you mean 'stack'? Regi", SLOW),
    (
        train("task.preparations=[x]"),
        "No preparation is registered as 'x'. Registered preparations: ra",
        SLOW,
    ),
    (
        train("task.augmentations=[x]"),
        "No preparation is registered as 'x'. Registered preparations: ra",
        SLOW,
    ),
    (train("task.derivations=[x]"), "No derivation is registered as 'x'. Registered derivations: band", SLOW),
    (
        train("task.predictor=direkt"),
        "No predictor is registered as 'direkt'. Did you mean 'direct'? R",
        SLOW,
    ),
    (train("task.draws=0"), "configuration: 'task.draws' should be greater than 0, found 0", SLOW),
    (
        train("task.valid_min={gian: 1}"),
        "configuration: 'task': valid_min: 'gian' is not a target. Did yo",
        SLOW,
    ),
    (train("task.groups=sped"), "task.groups: fields.zarr has no variable 'sped' with one value f", SLOW),
    (train("task.blocks=height"), "task.blocks: fields.zarr has no variable 'height' with one value", SLOW),
    (
        train("task.shared={frequency: 1}"),
        "task.shared: no piece of the run reads 'frequency'. They read no",
        SLOW,
    ),
    (
        train("task.shared={frequency: high}"),
        "configuration: 'task.shared.frequency' should be a valid number,",
    ),
    (train("task.both_ways=true"), "task.both_ways: the objective 'regression' teaches one direction", SLOW),
    (train("seed=-1"), "configuration: 'seed' should be greater than or equal to 0, foun"),
    (train("seed=x"), "configuration: 'seed' should be a valid integer, unable to parse"),
    (train("size=small"), "no size 'small'. This experiment has: none"),
    (train("experiment=radio/nothing"), "no experiment 'radio/nothing'."),
    (train("experiment=../x"), "no experiment '../x'. There are:"),
    (train("output=s3://bucket/x"), "configuration: 'output': found the URL s3://bucket/x, expected a"),
    (train("output=notes.txt"), "output: no folder can be made in notes.txt/run (Not a directory)", SLOW),
    (train("output=/proc/none"), "output: no folder can be made in /proc/none/run (No such file or", SLOW),
    (train("init=nowhere"), "There is nothing at nowhere; expected the folder of a run or of ", SLOW),
    (train("init=notes.txt"), "notes.txt is not a folder; expected a bundle", SLOW),
    (train("init=fields.zarr"), "fields.zarr has no bundle.yaml, so it is no bundle. `surrogates ", SLOW),
    (train("init=foo://x/y"), "configuration: 'init.from': foo://x/y begins with 'foo://', a proto"),
    (train("init=of speed"), "init: of speed/bundle has (256,) where this run has (1,) (input_", SLOW),
    (
        train("init={from: run, only: [none*]}"),
        "init.only: no weight of the network is called 'none*'. Weights: ",
        SLOW,
    ),
    (train("parts.x=run"), "parts: the transform has no pipeline 'x'. It has: none", SLOW),
    (["train", "run=nowhere"], "nowhere is no run: it has no config.yaml"),
    (["train", "run=notes.txt"], "notes.txt is no run: it has no config.yaml"),
    (["train", "run=s3://x/y"], "s3://x/y is a URL"),
    (["train", "run=run", "seed=1", "run=x"], "'run' is given twice: run=run and run=x; keep one"),
    (
        ["train", "run=run", "ckpt=nowhere"],
        "no checkpoint run/checkpoints/nowhere.ckpt; it was stopped befor",
    ),
    (
        ["train", "run=run", "ckpt=x/y.ckpt"],
        "ckpt=x/y.ckpt: expected the name of a checkpoint of run, which h",
    ),
    (["train", "run=run", "model=unet"], "model=unet: a resumed run keeps its own pieces; change single va"),
    (
        ["train", "run=run", "output=elsewhere"],
        "output: run has begun and keeps its own; leave it out, or start ",
    ),
    (["train", "run=half"], "half/config.yaml cannot be read: line 2"),
    (["train", "run=empty"], "empty is no run: it has no config.yaml"),
    (["train", "run=run/bundle"], "run/bundle is no run: it has no config.yaml"),
    (["train", "run="], "run= is empty; give the folder of the run"),
    (train("ckpt=last"), "ckpt= needs run=DIR, the folder of the run to resume"),
    (train("hydra.run.dir=x"), "hydra.run.dir=x: nothing hears this key"),
    (train("hydra.sweep.dir=x"), "hydra.sweep.dir=x: nothing hears this key"),
    (train("hydra.job.chdir=true"), "hydra.job.chdir=true: nothing hears this key"),
    (train("hydra/launcher=slurm"), "no hydra 'launcher/slurm'. There are:"),
    (train("--config-name", "x"), "no primary configuration 'x'; leave --config-name out"),
    (train("--config-name"), "--config-name needs a value behind it"),
    (train("--config-dir", "nowhere"), "--config-dir nowhere: there is no such folder"),
    (
        train("--config-dir", "empty", "experiment=mine"),
        "no experiment 'mine'. There are:",
    ),
    (train("--multrun"), "unknown flag '--multrun'. Did you mean '--multirun'? Flags: --cf"),
    (train("--multi-run"), "unknown flag '--multi-run'. Did you mean '--multirun'? Flags: --"),
    (train("--seed", "3"), "unknown flag '--seed'. Settings have no dashes, `seed=VALUE`. Flags: --c"),
    (train("-M"), "unknown flag '-M'. Did you mean '-m'? Flags: --cfg, --config-dir"),
    (train("--resume"), "unknown flag '--resume'. Did you mean '--resolve'? Flags: --cfg,"),
    (train("--cfg"), "--cfg: expected --cfg and one of all, hydra, job"),
    (train("--cfg", "jobb"), "--cfg jobb: expected --cfg and one of all, hydra, job"),
    (train("seed=1,2"), "Ambiguous value for argument 'seed=1,2' 1. To use it as a list, "),
    (train("seed=range(1,3)"), "Sweep parameters 'seed=range(1,3)' requires --multirun"),
    (
        train("trainer.optimiser.lr=log(1e-4,1e-2)"),
        "`surrogates sweep` searches a range",
    ),
    (
        train("-m", "trainer.optimiser.lr=log(1e-4,1e-2)"),
        "`surrogates sweep` searches a range",
    ),
    (train("-m", "seed=1,x"), "configuration: 'seed' should be a valid integer", SLOW),
    (train("seed"), "found 'seed', expected key=value, such as trainer.max_steps=100"),
    (train("=1"), "found '=1', expected key=value"),
    (train("seed=[1"), "seed=[1: expected a list [A,B] or a mapping {key: A} in Hydra's "),
    (train("task.inputs=[a,"), "task.inputs=[a,: expected a list [A,B] or a mapping {key: A} in "),
    (train("task.inputs.0=gain"), "configuration: 'task': ['gain'] stand twice among inputs and tar"),
    (train("model.name.x=1"), "model: expected 'name: ...' and its arguments, found {'name': {'", SLOW),
    (train("seed=${nothing}"), "Interpolation key 'nothing' not found full_key: seed object_type"),
    (train("seed=${oc.env:HOME}"), "configuration: 'seed' should be a valid integer, unable to parse"),
    (["train"], "configuration: no data: give the path or URL of a store, such as"),
    (["train", "help"], "found 'help', expected key=value, such as trainer.max_steps=100"),
]

SWEEP = [
    (["sweep"], "nothing to try; give experiment="),
    (["sweep", "--folder", "empty"], "empty is no sweep: it has no sweep.yaml; give what to try, e.g. "),
    (["sweep", "--folder", "nowhere"], "nowhere is no sweep: it has no sweep.yaml; give what to try, e.g"),
    (["sweep", "--trials", "0", "x=1"], "Invalid value for '--trials': Input should be greater than or eq"),
    (["sweep", "--trials", "many"], "Invalid value for '--trials': Input should be a valid integer, u"),
    (["sweep", "--trails", "2"], "unknown option '--trails'. Did you mean '--trials'?"),
    (train(command="sweep"), "nothing varies; give e.g. 'trainer.optimiser.lr=log(1e-4,1e-2)',"),
    (
        train("trainer.optimiser.lr=lgo(1,2)", command="sweep"),
        "trainer.optimiser.lr=lgo(1,2): a sweep knows no 'lgo'. Did you m",
    ),
    (
        train("trainer.optimiser.lr=log(0,1)", command="sweep"),
        "trainer.optimiser.lr=log(0,1): both numbers of log(LOW,HIGH) mus",
    ),
    (
        train("trainer.optimiser.lr=log(2,1)", command="sweep"),
        "trainer.optimiser.lr=log(2,1): the first number must be smaller ",
    ),
    (
        train("trainer.optimiser.lr=log(1)", command="sweep"),
        "trainer.optimiser.lr=log(1): expected log(LOW,HIGH) with two num",
    ),
    (
        train("trainer.optimiser.lr=uniform(-1,1)", command="sweep"),
        "with trainer.optimiser.lr=-1: optimiser 'adam': 'lr' should be g",
        SLOW,
    ),
    (
        train("trainer.optimiser.lr=uniform(nan,1)", command="sweep"),
        "expected two finite numbers",
    ),
    (train("trainer.optimiser.lr=uniform(1,inf)", command="sweep"), "expected two finite numbers"),
    (
        train("model.width=int(1.5,3)", command="sweep"),
        "model.width=int(1.5,3): both numbers of int(LOW,HIGH) must be wh",
    ),
    (
        train("model.width=choice(4)", command="sweep"),
        "model.width=choice(4): a choice needs two or more values, all di",
    ),
    (
        train("model.width=choice(4,4)", command="sweep"),
        "model.width=choice(4,4): a choice needs two or more values, all ",
    ),
    (
        train("model.width=choice(4,x)", command="sweep"),
        "with model.width=x: model 'mlp': 'width' should be a valid integ",
        SLOW,
    ),
    (
        train("model=choice(mlp,unett)", command="sweep"),
        "no model 'unett'. Did you mean 'unet'? There are:",
        SLOW,
    ),
    (
        train("model.width=int(2,4)", "--metric", "rsme", command="sweep"),
        "metric 'rsme' is not among task.metrics. Did you mean 'rmse'? Th",
        SLOW,
    ),
    (train("model.width=int(2,4)", "--folder", "notes.txt", command="sweep"), "notes.txt: File exists", SLOW),
    (
        train("model.width=int(2,4)", "run=run", command="sweep"),
        "run=run: a sweep starts runs of its own; leave it out",
    ),
    (
        train("model.width=int(2,4)", "-m", command="sweep"),
        "-m: a sweep starts runs of its own; leave it out",
    ),
    (train("model.width=int(2,4)", "--seed", "-1", command="sweep"), "'--seed'"),
    (
        train("model.width=int(2,4)", "dataset=only train.zarr", "--folder", "sw", command="sweep"),
        "the validation subset is empty",
        SLOW,
    ),
    (train("model.width=int(2,4)", "model.width=int(4,8)", command="sweep"), "'model.width' is given twice"),
    (train("model.width=int(2,4)", "model.width=8", command="sweep"), "'model.width' is given twice"),
]

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
