"""Training as on a GPU gives what plain networks give, and gradients of gradients where they are wanted.

Most of it is computed on the CPU, by the same code without its kernels; what is recorded, and the
kernels themselves, where there is a GPU.
"""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from netbend.models.stylegan2.discriminator import Discriminator
from netbend.models.stylegan2.network import Architecture, Synthesis
from netbend.models.stylegan2.training import operations
from netbend.models.stylegan2.training.losses import PathLength, r1_penalty
from netbend.models.stylegan2.training.networks import judge, synthesize
from netbend.models.stylegan2.training.on_cuda import StepsOnCuda
from netbend.models.stylegan2.training.settings import Settings
from netbend.models.stylegan2.training.steps import Steps

ARCHITECTURE = Architecture((12, 8, 6), z_dim=8, w_dim=8, mapping_depth=2)
SETTINGS = Settings(
    size=16, feature_base=64, feature_max=8, z_dim=8, w_dim=8, mapping_depth=2, batch=4, r1_interval=2
)
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")


def shaken(network: nn.Module) -> nn.Module:
    """In float64, with biases and strengths of noise that do something."""
    random = torch.Generator().manual_seed(0)
    for parameter in network.parameters():
        if parameter.ndim < 2:
            parameter.data += 0.3 * torch.randn(parameter.shape, generator=random)
    return network.double()


def strong_noise(batch: int, mode: str) -> list[Tensor | None]:
    random = torch.Generator().manual_seed(1)
    sides = [ARCHITECTURE.resolution(layer) for layer in range(ARCHITECTURE.layer_count)]
    if mode == "none":
        return [None] * len(sides)
    return [torch.randn(batch, 1, side, side, generator=random, dtype=torch.float64) for side in sides]


def assert_same(found: tuple[Tensor | None, ...], expected: tuple[Tensor | None, ...]) -> None:
    """Within 1e-6, of the largest of each, which is rounding in float64."""
    for index, (one, other) in enumerate(zip(found, expected, strict=True)):
        if one is None or other is None:
            assert one is None or not one.any()
            assert other is None or not other.any()
            continue
        torch.testing.assert_close(
            one, other, rtol=0, atol=1e-6 * other.abs().max().item() + 1e-12, msg=f"gradient {index}"
        )


@pytest.mark.parametrize(("batch", "noise"), [(1, "random"), (2, "none"), (5, "random")])
@pytest.mark.parametrize("clamp", [None, 0.8])
def test_the_generators_pictures_and_gradients(batch: int, noise: str, clamp: float | None) -> None:
    torch.manual_seed(0)
    network = Synthesis(Architecture((12, 8, 6), z_dim=8, w_dim=8, mapping_depth=2, clamp=clamp))
    shaken(network)
    w = torch.randn(batch, ARCHITECTURE.latent_count, 8, dtype=torch.float64, requires_grad=True)
    maps = strong_noise(batch, noise)
    weights = [w, *network.parameters()]
    images = [network(w, maps), synthesize(network, w, maps, torch.float64)]
    torch.testing.assert_close(images[1], images[0], rtol=1e-9, atol=1e-9)
    direction = torch.randn_like(images[0])
    found, expected = (
        torch.autograd.grad((image * direction).sum(), weights, allow_unused=True) for image in images[::-1]
    )
    assert_same(found, expected)


def test_the_path_length_penaltys_gradients() -> None:
    torch.manual_seed(0)
    network = Synthesis(ARCHITECTURE)
    shaken(network)
    w = torch.randn(3, ARCHITECTURE.latent_count, 8, dtype=torch.float64, requires_grad=True)
    maps = strong_noise(3, "random")

    def gradients(images: Tensor) -> tuple[Tensor | None, ...]:
        penalty = PathLength().penalty(images, w, torch.Generator().manual_seed(2))
        return torch.autograd.grad(penalty, list(network.parameters()), allow_unused=True)

    assert_same(gradients(synthesize(network, w, maps, torch.float64)), gradients(network(w, maps)))


@pytest.mark.parametrize(("batch", "group"), [(2, 4), (6, 3)])
def test_the_discriminators_gradients_and_those_of_the_gradient_penalty(batch: int, group: int) -> None:
    torch.manual_seed(0)
    network = Discriminator(ARCHITECTURE.features, group_size=group)
    shaken(network)
    images = torch.randn(batch, 3, 16, 16, dtype=torch.float64, requires_grad=True)
    logits = [network(images), judge(network, images, torch.float64)]
    torch.testing.assert_close(logits[1], logits[0], rtol=1e-9, atol=1e-9)
    weights = list(network.parameters())

    def gradients(logits: Tensor) -> tuple[Tensor | None, ...]:
        plain = torch.autograd.grad(logits.sum(), [images, *weights], retain_graph=True)
        penalty = r1_penalty(logits, images)
        return (*plain, penalty, *torch.autograd.grad(penalty, weights, allow_unused=True))

    assert_same(gradients(logits[1]), gradients(logits[0]))


OPERATIONS: dict[str, tuple[Callable[..., Tensor], list[tuple[int, ...]]]] = {
    "convolution": (lambda x, w: operations.convolve(x, w, padding=1), [(2, 3, 5, 5), (4, 3, 3, 3)]),
    "halving convolution": (lambda x, w: operations.convolve(x, w, stride=2), [(2, 3, 7, 7), (4, 3, 3, 3)]),
    "doubling convolution": (
        lambda x, w: operations.convolve(x, w, stride=2, transposed=True),
        [(2, 3, 4, 4), (3, 2, 3, 3)],
    ),
    "blur": (lambda x: operations.resample(x, pad=2, size=6), [(2, 3, 5, 5)]),
    "doubling": (lambda x: operations.resample(x, up=2, pad=2, size=8, gain=4), [(2, 3, 4, 4)]),
    "halving": (lambda x: operations.resample(x, down=2, pad=1, size=3), [(2, 3, 6, 6)]),
    "scale": (operations.scale, [(2, 3, 4, 4), (2, 3)]),
    "activation": (lambda x, b: operations.activate(x, b), [(2, 3, 4, 4), (3,)]),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_operations_can_be_differentiated_twice(name: str) -> None:
    operation, shapes = OPERATIONS[name]
    random = torch.Generator().manual_seed(0)
    inputs = [
        torch.randn(shape, generator=random, dtype=torch.float64, requires_grad=True) for shape in shapes
    ]
    assert torch.autograd.gradcheck(operation, inputs)
    assert torch.autograd.gradgradcheck(operation, inputs)


def random_images() -> Tensor:
    random = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, (12, 3, 16, 16), dtype=torch.uint8, generator=random)


def losses(steps: Steps, count: int) -> list[dict[str, float]]:
    found = []
    for number in range(count):
        steps.step(number, keep=0.9)
        found.append({name: loss.item() for name, loss in steps.losses.items()})
    return found


@pytest.mark.parametrize("changes", [{"augment": "none"}, {"augment": "0.5", "path_length_weight": 2.0}])
def test_steps_as_on_a_gpu_are_those_of_plain_networks(changes: dict[str, object]) -> None:
    settings = Settings(**{**vars(SETTINGS), **changes})
    fabric = Fabric(accelerator="cpu", devices=1)
    plain, other = (kind(random_images(), settings, fabric, 4) for kind in (Steps, StepsOnCuda))
    for found, expected in zip(losses(other, 6), losses(plain, 6), strict=True):
        assert found == pytest.approx(expected, rel=1e-4)
    for name, value in plain.averaged.state_dict().items():
        torch.testing.assert_close(other.averaged.state_dict()[name], value, rtol=1e-3, atol=1e-3, msg=name)


def test_a_run_as_on_a_gpu_goes_on_from_its_state() -> None:
    settings, fabric = Settings(**{**vars(SETTINGS), "augment": "ada"}), Fabric(accelerator="cpu", devices=1)
    one, other = (StepsOnCuda(random_images(), settings, fabric, 4) for _ in range(2))
    losses(one, 3)
    other.load_state(one.state())
    assert other.state()["augmentation"] == one.state()["augmentation"]
    assert torch.equal(other.random.get_state(), one.random.get_state())
    for name, value in one.discriminator.state_dict().items():
        assert torch.equal(other.discriminator.state_dict()[name], value), name
    losses(other, 1)


class Asked(TorchDispatchMode):
    """Notes the names of what torch is asked for, and the largest kernel of a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.largest_kernel = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.names.add(func._schema.name)
        if func._schema.name == "aten::convolution":
            self.largest_kernel = max(self.largest_kernel, args[1].shape[-1])
        return func(*args, **(kwargs or {}))


def test_steps_as_on_a_gpu_wait_for_nothing_and_leave_no_second_derivative_to_torch() -> None:
    """Torch's of a convolution is one whose kernel is as large as the map; numbers are waited for."""
    fabric = Fabric(accelerator="cpu", devices=1)
    asked = {}
    for kind in (Steps, StepsOnCuda):
        steps = kind(random_images(), Settings(**{**vars(SETTINGS), "augment": "ada"}), fabric, 4)
        with Asked() as asked[kind]:
            steps.step(0, keep=0.9)
    assert "aten::_local_scalar_dense" in asked[Steps].names
    assert "aten::_local_scalar_dense" not in asked[StepsOnCuda].names
    assert asked[Steps].largest_kernel > 4
    assert asked[StepsOnCuda].largest_kernel <= 4


@needs_gpu
def test_recorded_steps_are_those_of_plain_networks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    settings = Settings(**{**vars(SETTINGS), "augment": "none"})
    fabric = Fabric(accelerator="cuda", devices=1)
    plain, other = (kind(random_images(), settings, fabric, 4) for kind in (Steps, StepsOnCuda))
    for found, expected in zip(losses(other, 12), losses(plain, 12), strict=True):
        assert found == pytest.approx(expected, rel=1e-2)


@needs_gpu
@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("features", [3, 24, 64, 130])
def test_kernels_compute_what_plain_torch_does(features: int, precision: torch.dtype) -> None:
    from netbend.models.stylegan2.training import kernels

    torch.manual_seed(0)
    maps = torch.randn(3, features, 18, 18, device="cuda").to(precision)
    maps = maps.contiguous(memory_format=torch.channels_last)
    tolerance = {"rtol": 1e-2, "atol": 1e-2} if precision is torch.bfloat16 else {"rtol": 1e-4, "atol": 1e-5}
    for up, down, pad, side in [(1, 1, 1, 17), (1, 1, 2, 19), (1, 2, 1, 9), (2, 1, 2, 36)]:
        expected = operations.resample_plainly(maps.float(), up, down, pad, (side, side), 4.0)
        found = kernels.resample(maps, up, down, pad, (side, side), 4.0)
        torch.testing.assert_close(found.float(), expected, **tolerance)
    factor, bias = torch.randn(3, features, device="cuda"), torch.randn(features, device="cuda")
    noise, strength = torch.randn(3, 1, 18, 18, device="cuda"), torch.tensor(0.3, device="cuda")
    for clamp in (float("inf"), 0.8):
        given = (factor, bias, noise, strength, 0.2, 1.4, clamp)
        drawn = operations.activate_plainly(maps.float(), *given)
        found = kernels.activate(maps, *given)
        torch.testing.assert_close(found.float(), drawn, **tolerance)
        slopes = (found, factor, noise, 0.2, 1.4, clamp)
        gradients = kernels.activate_backward(maps, maps, *slopes)
        plainly = operations.activate_backward_plainly(maps, maps, *slopes)
        for one, other in zip(gradients, plainly, strict=True):
            torch.testing.assert_close(one.float(), other.float(), rtol=2e-2, atol=2e-2)
