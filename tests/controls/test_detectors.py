"""The detectors against their PyTorch originals (``data/make_detectors_reference.py``), and what they refuse."""

from __future__ import annotations

import shutil

import numpy as np
import paddle
import pytest
from conftest import CLIPS, DATA
from safetensors.numpy import load_file, save_file

from ppt2v import video
from ppt2v.detectors import blazepose, people, skeleton
from ppt2v.detectors.depth_maps import steady
from ppt2v.detectors.dpt import DepthNetwork
from ppt2v.detectors.mobile_unet import SmallDepthNetwork
from ppt2v.detectors.openpose import BodyNetwork, OpenPose, _with_prefixes, body_maps
from ppt2v.detectors.u2net import SalientObject, U2Net
from ppt2v.errors import InputError
from ppt2v.models.formats import fitting, reading

REFERENCE = DATA / "detectors_reference"
SCENES = ("one", "two", "crowd", "nobody", "noise", "more noise")
STAGES = (
    "stage1",
    "stage2",
    "stage3",
    "stage4",
    "stage5",
    "stage6",
    "stage5d",
    "stage4d",
    "stage3d",
    "stage2d",
    "stage1d",
)
WIDTHS = {
    "U2NET": (
        (3, 32, 64),
        (64, 32, 128),
        (128, 64, 256),
        (256, 128, 512),
        (512, 256, 512),
        (512, 256, 512),
        (1024, 256, 512),
        (1024, 128, 256),
        (512, 64, 128),
        (256, 32, 64),
        (128, 16, 64),
    ),
    "U2NETP": ((3, 16, 64), *((64, 16, 64),) * 5, *((128, 16, 64),) * 5),
}
TINY = ((3, 2, 4), *((4, 2, 4),) * 5, *((8, 2, 4),) * 5)


def seeded(shapes: dict[str, tuple[int, ...]]) -> dict[str, np.ndarray]:
    """The weights that the references were made with."""
    random = np.random.default_rng(0)
    weights = {}
    for name, shape in sorted(shapes.items()):
        values = random.random(shape, np.float32) - np.float32(0.5)
        if len(shape) == 4:
            gain = 0.1 if name.startswith("side") else 1.0
            weights[name] = values * np.float32(gain * (24 / np.prod(shape[1:])) ** 0.5)
        else:
            weights[name] = values * np.float32(0.2) + np.float32(name.endswith(("running_var", "bn_s1.weight")))
    return weights


def picture(height: int, width: int) -> np.ndarray:
    """The picture ``[1, 3, height, width]`` that the networks of the references were shown."""
    rows, columns, channels = np.mgrid[:height, :width, :3].astype(np.float32)
    waves = np.sin(rows / 5 + channels) * np.cos(columns / 7 - channels) / 2
    return waves.transpose(2, 0, 1)[None].astype(np.float32)


def torch_shapes(network) -> dict[str, tuple[int, ...]]:
    """Names and shapes as PyTorch has them, in its order."""
    names = {"_mean": "running_mean", "_variance": "running_var"}
    return {
        ".".join([*name.split(".")[:-1], names.get(name.split(".")[-1], name.split(".")[-1])]): tuple(value.shape)
        for name, value in network.state_dict().items()
    }


def relative_error(found: np.ndarray, expected: np.ndarray) -> float:
    return np.abs(found - expected).max() / expected.std()


# OpenPose


@pytest.fixture(scope="module")
def body() -> BodyNetwork:
    network = BodyNetwork()
    network.eval()
    return network


@pytest.mark.parametrize("names", ["bare", "prefixed"])
def test_body_network(body, names):
    tensors = seeded(torch_shapes(body))
    if names == "bare":
        tensors = {name.split(".", 1)[1]: value for name, value in tensors.items()}
    loaded = _with_prefixes(body, reading.WeightFile(tensors, reading.PYTORCH))
    fitting.put(body, loaded, "body_pose_model.pth")
    with paddle.no_grad():
        fields, heatmaps = body(paddle.to_tensor(picture(40, 48)))
    reference = np.load(REFERENCE / "body.npz")
    # Some 50 convolutions in a row in float32 (relative precision 6e-8), whose sums are ordered differently.
    assert relative_error(fields.numpy(), reference["fields"]) < 1e-4
    assert relative_error(heatmaps.numpy(), reference["heatmaps"]) < 1e-4


def test_body_network_has_the_published_size(body):
    assert (sum(value.size for value in body.parameters()), len(body.state_dict())) == (52_311_446, 184)


@pytest.mark.parametrize("scene", SCENES)
def test_people_and_drawing(scene):
    reference = np.load(REFERENCE / "people.npz")
    fields, heatmaps = (
        paddle.to_tensor(reference[f"{scene} {maps}"][None].astype(np.float32)) for maps in ("fields", "heatmaps")
    )
    shown = []

    def network(pictures):
        shown.append(pictures)
        return fields, heatmaps

    frame = np.zeros((200, 290, 3), np.uint8)
    fields_at_full_size, heatmaps_at_full_size = body_maps(network, frame)
    assert shown[0].shape == [1, 3, 184, 272]
    found = people.assemble(heatmaps_at_full_size, fields_at_full_size)
    np.testing.assert_array_equal(found, reference[f"{scene} people"])
    np.testing.assert_array_equal(skeleton.draw(found, 200, 290), reference[f"{scene} drawing"])


def test_picture_is_blue_first_and_padded_with_grey():
    shown = []

    def network(pictures):
        shown.append(pictures.numpy())
        return paddle.zeros([1, 38, 23, 23]), paddle.zeros([1, 19, 23, 23])

    fields, heatmaps = body_maps(network, np.full((184, 180, 3), (255, 64, 0), np.uint8))
    assert (fields.shape, heatmaps.shape) == ((184, 180, 38), (184, 180, 19))
    assert shown[0][0, :, 90, 90].tolist() == [-0.5, -0.25, 255 / 256 - 0.5]
    assert (shown[0][0, :, :, 180:] == 0).all()


@pytest.mark.parametrize("size", [(64, 64), (90, 51), (301, 200)])
def test_frames_of_any_size(size):
    def network(pictures):
        height, width = (side // 8 for side in pictures.shape[2:])
        return paddle.zeros([1, 38, height, width]), paddle.zeros([1, 19, height, width])

    fields, heatmaps = body_maps(network, np.zeros((*size, 3), np.uint8))
    assert fields.shape == (*size, 38)
    assert people.assemble(heatmaps, fields).shape == (0, 18, 2)


def test_openpose_refuses_other_files(tmp_path):
    save_file({"conv1_1.weight": np.zeros((64, 3, 3, 3), np.float32)}, tmp_path / "other.safetensors")
    with pytest.raises(InputError, match=r"other.safetensors does not fit BodyNetwork: 183 weights are missing"):
        OpenPose(tmp_path / "other.safetensors")
    (tmp_path / "broken.pth").write_bytes(b"PK\3\4 broken")
    with pytest.raises(InputError, match="broken.pth is truncated, corrupt or no checkpoint"):
        OpenPose(tmp_path / "broken.pth")


# MediaPipe


def test_landmarks_of_blazepose_become_joints():
    landmarks = np.stack([np.arange(33) / 100, np.arange(33) / 50, np.ones(33)], 1)
    landmarks[26, 2] = 0.2  # hidden
    landmarks[28, 0] = 1.3  # outside
    person = blazepose.to_openpose(landmarks)
    x = [0, 0.115, 0.12, 0.14, 0.16, 0.11, 0.13, 0.15, 0.24, np.nan, np.nan, 0.23, 0.25, 0.27, 0.05, 0.02, 0.08, 0.07]
    np.testing.assert_allclose(person[:, 0], x)
    np.testing.assert_allclose(person[:, 1], 2 * np.array(x))
    landmarks[12, 2] = 0  # without a shoulder there is no neck
    assert np.isnan(blazepose.to_openpose(landmarks)[[1, 2]]).all()


# U2-Net


@pytest.mark.parametrize("name", WIDTHS)
def test_saliency_network(name):
    network = U2Net(dict(zip(STAGES, WIDTHS[name])))
    network.eval()
    tensors = seeded(torch_shapes(network))
    norms = [name.removesuffix(".running_mean") for name in tensors if name.endswith("running_mean")]
    counts = {f"{norm}.num_batches_tracked": np.array(0) for norm in norms}
    assert len({**tensors, **counts}) == 798
    fitting.put(network, reading.WeightFile({**tensors, **counts}, reading.PYTORCH), name)
    with paddle.no_grad():
        mask = network(paddle.to_tensor(picture(64, 96))).numpy()
    # About 60 convolutions deep in float32.
    assert relative_error(mask, np.load(REFERENCE / "masks.npz")[name]) < 1e-4


@pytest.fixture
def tiny_u2net() -> dict[str, np.ndarray]:
    return seeded(torch_shapes(U2Net(dict(zip(STAGES, TINY)))))


@pytest.mark.parametrize("file", ["u2netp.safetensors", "u2netp.pdparams"])
def test_masks_of_frames_of_any_size(tmp_path, tiny_u2net, file):
    if file.endswith("pdparams"):
        names = {"running_mean": "_mean", "running_var": "_variance"}
        paddle.save(
            {
                ".".join(
                    [*name.split(".")[:-1], names.get(name.split(".")[-1], name.split(".")[-1])]
                ): paddle.to_tensor(value)
                for name, value in tiny_u2net.items()
            },
            str(tmp_path / file),
        )
    else:
        save_file(tiny_u2net, tmp_path / file)
    finder = SalientObject(tmp_path)
    frames = np.random.default_rng(0).integers(0, 256, (3, 50, 71, 3), np.uint8)
    masks = list(finder.masks(iter(frames)))
    assert all(mask.shape == (50, 71) and mask.dtype == np.float32 for mask in masks)
    assert all(0 <= mask.min() < 0.2 and 0.8 < mask.max() <= 1 for mask in masks)
    np.testing.assert_array_equal(finder(frames[1]), masks[1])
    assert not np.isnan(finder(np.zeros((8, 8, 3), np.uint8))).any()


def test_saliency_refuses_other_files(tmp_path, tiny_u2net):
    with pytest.raises(InputError, match="holds no weights of U2-Net: it has no u2net.pth or u2netp.pth"):
        SalientObject(tmp_path)
    save_file({"a": np.zeros(1, np.float32)}, tmp_path / "u2net.safetensors")
    with pytest.raises(InputError, match="it does not hold the weights of a U2-Net"):
        SalientObject(tmp_path)
    del tiny_u2net["side3.bias"]
    save_file(tiny_u2net, tmp_path / "u2net.safetensors")
    with pytest.raises(InputError, match=r"does not fit U2Net: 1 weights are missing \(side3.bias\)"):
        SalientObject(tmp_path)


# DPT


@pytest.mark.parametrize("unused_layer", ["kept", "left out"])
@pytest.mark.parametrize("name", ["dpt", "dpt_hybrid"])
def test_depth_network(tmp_path, name, unused_layer):
    folder = REFERENCE / name
    if unused_layer == "left out":  # as Intel's files do
        tensors = {
            key: value
            for key, value in load_file(folder / "model.safetensors").items()
            if "layers.0.residual_layer1" not in key
        }
        shutil.copy(folder / "config.json", tmp_path)
        folder = tmp_path
        save_file(tensors, folder / "model.safetensors")
    network = DepthNetwork(folder).network
    with paddle.no_grad():
        depth = network(paddle.to_tensor(picture(64, 64) * 2)).predicted_depth[0].numpy()
    expected = np.load(REFERENCE / "depths.npz")[name]
    assert (expected > 0).mean() > 0.5
    # Some 30 layers deep in float32; attention and normalisation enlarge the error of a single one about tenfold.
    assert relative_error(depth, expected) < 1e-4


def test_depth_of_frames_of_any_size():
    network = DepthNetwork(REFERENCE / "dpt")
    for size in (64, 64), (37, 90), (130, 20):
        depth = network(np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8))
        assert depth.shape == size and np.isfinite(depth).all()


def test_depth_refuses_other_folders(tmp_path, tiny_folder):
    with pytest.raises(InputError, match="is a network of type None; depth needs one of type 'dpt'"):
        DepthNetwork(tiny_folder / "unet")
    shutil.copytree(REFERENCE / "dpt", tmp_path / "dpt")
    shutil.copy(REFERENCE / "dpt_hybrid" / "model.safetensors", tmp_path / "dpt")
    with pytest.raises(InputError, match="does not fit DPT"):
        DepthNetwork(tmp_path / "dpt")
    (tmp_path / "dpt" / "model.safetensors").unlink()
    with pytest.raises(InputError, match="has no weights"):
        DepthNetwork(tmp_path / "dpt")


# The small depth network


def test_small_depth_network():
    network = SmallDepthNetwork("embedded/nearness").network
    with paddle.no_grad():
        depth = network(paddle.to_tensor(picture(64, 96))).numpy()
    # About 60 convolutions deep in float32.
    assert relative_error(depth, np.load(DATA / "nearness_reference.npz")["depth"]) < 1e-4


def test_small_depth_network_takes_frames_of_any_size():
    network = SmallDepthNetwork("embedded/nearness")
    for size in (64, 64), (37, 90), (130, 20):
        depth = network(np.random.default_rng(0).integers(0, 256, (*size, 3), np.uint8))
        assert depth.shape == size and depth.dtype == np.float32 and np.isfinite(depth).all()


def test_small_depth_network_finds_what_is_near():
    """In a sample clip whose depth is known, and better than who says that what is lower is nearer."""
    seen, maps = (video.read(CLIPS / f"{name}.mp4", multiple=1).frames[4] for name in ("elephant", "elephant_depth"))
    depth = maps[..., 0].astype(float)
    pairs = np.random.default_rng(0).integers(depth.size, size=(2, 4000))

    def right(found: np.ndarray) -> float:
        """Share of the pairs of pixels, apart in depth, of which the nearer one is found."""
        wanted, given = (each.ravel()[pairs[0]] - each.ravel()[pairs[1]] for each in (depth, found))
        return (np.sign(wanted) == np.sign(given))[np.abs(wanted) > 12].mean()

    lower = np.repeat(np.arange(len(depth))[:, None], depth.shape[1], 1)
    assert right(SmallDepthNetwork("embedded/nearness")(seen)) > right(lower)


def test_depth_of_a_still_scene_changes_less_than_the_noise_of_its_frames():
    scene = video.read(CLIPS / "car.mp4", multiple=1).frames[0]
    random = np.random.default_rng(0)
    frames = [np.clip(scene + random.normal(0, 6, scene.shape), 0, 255).round().astype(np.uint8) for _ in range(6)]
    maps = list(steady(map(SmallDepthNetwork("embedded/nearness"), frames)))

    def flicker(pictures: list[np.ndarray]) -> float:
        return np.abs(np.diff(np.array(pictures, float), axis=0)).mean()

    assert flicker(maps) < flicker(frames)


def test_small_depth_network_refuses_other_files(tmp_path):
    with pytest.raises(InputError, match="no weights of the small depth network: it has no mobile_unet.safetensors"):
        SmallDepthNetwork(tmp_path)
    save_file({"a": np.zeros(1, np.float32)}, tmp_path / "mobile_unet.safetensors")
    with pytest.raises(InputError, match="does not fit MobileUNet"):
        SmallDepthNetwork(tmp_path)


def test_depth_is_near_bright_and_the_first_frame_as_published():
    depth = np.linspace(-3, 7, 64).reshape(8, 8)
    (first,) = steady([depth])
    np.testing.assert_array_equal(first[..., 0], np.rint((depth + 3) / 10 * 255))
    assert first.shape == (8, 8, 3) and (first == first[..., :1]).all()


def test_depth_does_not_flicker():
    random = np.random.default_rng(0)
    scene = np.linspace(0, 10, 256).reshape(16, 16)
    clip = []
    for _ in range(12):
        clip.append(scene.copy())
        clip[-1][0, 0] = 10 + random.uniform(0, 8)  # a spark: one near pixel that comes and goes
    apart = [next(steady([depth])) for depth in clip]
    together = list(steady(clip))

    def flicker(maps):
        return np.abs(np.diff(np.array(maps)[:, 1:].astype(float), axis=0)).mean()

    assert flicker(together) < 0.25 * flicker(apart)
    np.testing.assert_array_equal(list(steady(clip[:5])), together[:5])


def test_depth_of_a_wall():
    assert (next(steady([np.full((4, 4), 2.5, np.float32)])) == 0).all()
