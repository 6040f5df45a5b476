"""A digest is set where it stands, and nothing else moves."""

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from bot.core.errors import Refused
from bot.core.kustomize import image_digest, set_image_digest

IMAGE = "registry.example.org/ada/digits"
OLD, NEW = f"sha256:{'0' * 64}", f"sha256:{'1' * 64}"

TEXT = f"""\
# production
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
resources: [../../base]   # what is common
images:
  - name: other
    digest: sha256:{"2" * 64}
  - name: digits        # the service
    newName: {IMAGE}
    digest: {OLD}  # set by Bolide
"""


def test_the_digest_changes_and_every_other_character_stays() -> None:
    assert image_digest(TEXT, IMAGE) == OLD
    changed = set_image_digest(TEXT, IMAGE, NEW)
    assert changed == TEXT.replace(OLD, NEW)
    assert image_digest(changed, IMAGE) == NEW
    assert set_image_digest(changed, "digits", OLD) == TEXT


@pytest.mark.parametrize(
    "entry",
    [
        "  - name: digits\n    newTag: v1  # mutable\n",
        "  - {name: digits, newTag: latest}\n",
        '  - newTag: "1"\n    name: "digits"\n',
        "  - name: digits\n",
        "  - newName: x\n    name: digits\nresources: []\n",
        "- name: digits\n  newName: x\n",
    ],
)
def test_a_tag_gives_way_to_the_digest(entry: str) -> None:
    changed = set_image_digest(f"images:\n{entry}", "digits", NEW)
    (told,) = yaml.safe_load(changed)["images"]
    assert told["digest"] == NEW
    assert "newTag" not in told
    assert image_digest(f"images:\n{entry}", "digits") is None


@pytest.mark.parametrize("text", ["", "images: []\n", "images:\n  digits: x\n", "images:\n  - digest: x\n", "[1]\n"])
def test_a_kustomization_without_the_image_is_refused_with_the_remedy(text: str) -> None:
    with pytest.raises(Refused, match=r"overlays/prod/kustomization\.yaml declares no image digits; add it below"):
        set_image_digest(text, "digits", NEW, "overlays/prod/kustomization.yaml")


def test_what_is_no_yaml_is_refused_with_its_place() -> None:
    with pytest.raises(Refused, match="line 3"):
        image_digest("images:\n  - {name: digits\n", "digits")


@given(
    before=st.text("abc #:\n", max_size=20).map(lambda text: "".join(f"# {line}\n" for line in text.splitlines())),
    quote=st.sampled_from(["", "'", '"']),
    digest=st.text("0123456789abcdef", min_size=64, max_size=64).map("sha256:{}".format),
)
def test_whatever_stands_around_it_stays(before: str, quote: str, digest: str) -> None:
    text = f"{before}images:\n- name: {quote}digits{quote}\n  digest: {OLD}\n{before}"
    assert set_image_digest(text, "digits", digest) == text.replace(OLD, digest)
