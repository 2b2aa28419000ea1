"""Which cells of the targets count: masks and weights, shaped to broadcast against the network's outputs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from datasets.store.specs import VariableSpec
from surrogates.core.errors import ConfigError
from surrogates.data.batch import Batch
from surrogates.data.window import HORIZON
from surrogates.learning.context import MaskNames
from surrogates.learning.layout import Layout, field_dims


def as_weight(mask: Tensor) -> Tensor:
    """Return a mask, bool or weights, as float32; NaN and negative weights become zero."""
    return mask.to(torch.float32).nan_to_num(0.0).clamp(min=0.0)


@dataclass(frozen=True)
class Masks:
    """The masks of a pipeline's targets.

    Attributes
    ----------
    layout
        Of the targets.
    specs
        Of the masks, as far as they are known.
    """

    layout: Layout
    specs: Sequence[VariableSpec]

    def weight(self, batch: Mapping[str, Tensor], mask: MaskNames) -> Tensor:
        """Return masks or weights of the batch, shaped to broadcast against the stacked targets.

        Parameters
        ----------
        batch
            With the targets.
        mask
            A variable on the targets' grid, or with the dimensions of every target; or such a variable of
            each target, by target. One that is not named counts everywhere.
        """
        batch = self.of_horizon(batch, mask=mask)
        if isinstance(mask, str):
            return self._weight(batch, mask, self.layout)
        found = []
        for spec, count in zip(self.layout.specs, self.layout.counts, strict=True):
            own = replace(self.layout, specs=(spec,))
            rows = own.pack({spec.name: batch[spec.name].real})
            weight = self._weight(batch, mask[spec.name], own) if spec.name in mask else torch.ones_like(rows)
            found.append(weight.expand(rows.shape[0], count, *rows.shape[2:]))
        return torch.cat(found, dim=1)

    def of_horizon(self, batch: Mapping[str, Tensor], step: int = 0, mask: MaskNames | None = None) -> Batch:
        """Return a batch whose targets and mask are cut to one horizon of the pipeline.

        Parameters
        ----------
        batch
            With the targets.
        step
            Which horizon, from 0.
        mask
            As `weight` takes it.
        """
        cut, grid = dict(batch), self.layout.grid
        for spec in self.layout.specs:
            if HORIZON not in spec.dims:
                continue
            axis = spec.dims.index(HORIZON) - len(spec.dims)
            axes, length = {spec.name: axis}, spec.shape[axis]
            own = mask.get(spec.name) if isinstance(mask, Mapping) else mask
            if own is not None and batch[own].ndim > len(grid) + 1:
                axes[own] = axis
            elif own is not None and HORIZON in grid:
                axes[own] = grid.index(HORIZON) - len(grid)
            for name, along in axes.items():
                if batch[name].ndim >= -along:  # any other mask is refused by `weight`
                    cut[name] = batch[name].narrow(along, step * length, length)
        return cut

    def _weight(self, batch: Mapping[str, Tensor], mask: str, layout: Layout) -> Tensor:
        """Return one mask, for the targets of a layout."""
        value = as_weight(batch[mask])
        grid, record = len(layout.grid), layout.record_dimension
        if value.ndim in (grid, grid + 1) and self._lies_along(mask, layout.grid):
            if value.ndim == grid:
                return value.view(1, 1, *value.shape)
            return layout.repeated(value).unsqueeze(1)
        if all(
            value.shape[1:] == batch[spec.name].shape[1:] and self._lies_along(mask, field_dims(spec, record))
            for spec in layout.specs
        ):
            return layout.pack_weights(value)
        raise ConfigError(
            f"mask '{mask}' has shape {tuple(value.shape)} for targets on the grid {layout.grid}, or "
            "other dimensions; give a mask on that grid, or with the dimensions of every target"
        )

    def _lies_along(self, mask: str, dims: tuple[str, ...]) -> bool:
        """Return whether a mask has some dimensions of its own; where they are not known its shape tells."""
        specs = [spec for spec in self.specs if spec.name == mask]
        return all(field_dims(spec, self.layout.record_dimension) == dims for spec in specs)
