"""One rule of names, for pickles and for files of torch."""

import pytest

from netbend.models.weights.names import is_allowed

ALLOWED = [
    "torch.FloatStorage",
    "torch.cuda.HalfStorage",
    "torch._utils._rebuild_tensor_v2",
    "torch.nn.modules.container.Sequential",
    "torch.nn.parallel.data_parallel.DataParallel",
    "model.StyledConv",
    "models.stylegan2.model.Generator",
    "models.stylegan2.op.fused_act.FusedLeakyReLU",
    "training.networks_stylegan2.SynthesisLayer",
    "torch_utils.persistence._reconstruct_persistent_obj",
    "PTI.torch_utils.persistence._reconstruct_persistent_obj",
    "dnnlib.util.EasyDict",
    "easydict.EasyDict",
    "argparse.Namespace",
    "numpy._core.multiarray.scalar",
    "numpy.core.multiarray._reconstruct",
    "pathlib.PosixPath",
    "datetime.datetime",
    "omegaconf.dictconfig.DictConfig",
    "pytorch_lightning.callbacks.model_checkpoint.ModelCheckpoint",
]
REFUSED = [
    "os.system",
    "model.system",
    "builtins.eval",
    "builtins.getattr",
    "torch.load",
    "torch.hub.load",
    "torch.nn.modules.os.system.run",
    "numpy.load",
    "numpy.core.multiarray.fromfile",
    "pathlib.os.system",
    "easydict.os.system",
    "argparse.ArgumentParser",
    "__main__.Generator",
    "omegaconf",
    "x omegaconf.a",
    "omegaconf.a\n",
]


@pytest.mark.parametrize("name", ALLOWED)
def test_what_weights_and_records_of_training_need_is_allowed(name: str) -> None:
    assert is_allowed(name)


@pytest.mark.parametrize("name", REFUSED)
def test_everything_else_is_not(name: str) -> None:
    assert not is_allowed(name)
