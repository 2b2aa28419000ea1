"""Wrong models and data of a training, and what each answer says."""

from tests.hostile.case import SLOW

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
