#!/usr/bin/env python3
"""Packs the picture library of the drafts into assets/pictures/pictures.zip.

    npm pack @iconify-json/fluent-emoji-flat@1.2.6 && tar xzf iconify-json-fluent-emoji-flat-1.2.6.tgz
    scripts/build_pictures.py package

Takes the pictures a film can show (people in one skin tone: the drafts recolour skin and hair), leaves out symbols and
flags, and adds our own drawings from assets/pictures/own. The archive is the same on every run.
"""

import json
import re
import sys
import zipfile
from pathlib import Path

PICTURES = Path(__file__).resolve().parent.parent / "assets" / "pictures"
TONES = ("light", "medium-light", "medium", "medium-dark", "dark")
TONE = re.compile(r"-(?:medium-light|medium-dark|medium|dark|light)(?=-|$)")
KEPT_CATEGORIES = {
    "Activities": "activity",
    "Animals & Nature": "nature",
    "Food & Drink": "food",
    "Objects": "object",
    "People & Body": "person",
    "Smileys & Emotion": "emotion",
    "Travel & Places": "place",
}
# Of the smileys, only those that name a being or a thing.
KEPT_SMILEYS = set(
    "alien alien-monster bomb clown-face cowboy-hat-face ghost goblin hole love-letter ogre pile-of-poo red-heart robot skull "
    "skull-and-crossbones sparkling-heart speech-balloon thought-balloon".split()
)
# Clock faces, gestures and figures that no entity name asks for.
SKIPPED = re.compile(
    r"oclock|-thirty|gesturing|frowning|-pouting|^pouting|facepalming|shrugging|tipping|bowing|finger|fist|hand$|hand-|thumbs|wheelchair-"
    r"|white-cane|facing-right|holding-hands|^kiss-|^couple|^family|-face-with|^face-|getting|deaf|raising|love-hotel|japanese-"
)


def svg(body: str) -> str:
    body = re.sub(r"\s+", " ", body)
    return f'<svg xmlns="http://www.w3.org/2000/svg" xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="0 0 32 32">{body}</svg>'


def library(package: Path) -> dict[str, tuple[str, str]]:
    icons = json.loads((package / "icons.json").read_text())["icons"]
    categories = json.loads((package / "metadata.json").read_text())["categories"]
    found = {}
    for category, names in categories.items():
        if category not in KEPT_CATEGORIES:
            continue
        for name in names:
            # An astronomical "dark" or "light" in a name is no skin tone: those names have no base picture.
            base = TONE.sub("", name)
            if name != base and base in icons or SKIPPED.search(name) or name not in icons:
                continue
            source = f"{name}-light" if f"{name}-light" in icons else name
            if category == "Smileys & Emotion" and name not in KEPT_SMILEYS:
                continue
            found[name] = (KEPT_CATEGORIES[category], svg(icons[source]["body"]))
    return found


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    pictures = library(Path(sys.argv[1]))
    for path in sorted((PICTURES / "own").glob("*.svg")):
        text = re.sub(r">\s+<", "><", re.sub(r"<!--.*?-->", "", path.read_text(), flags=re.S)).strip()
        pictures[path.stem] = ("own", text)
    target = PICTURES / "pictures.zip"
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:

        def add(name: str, text: str) -> None:
            info = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
            info.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(info, text)

        add("index.txt", "".join(f"{name} {pictures[name][0]}\n" for name in sorted(pictures)))
        for name in sorted(pictures):
            add(f"{name}.svg", pictures[name][1])
    print(f"{len(pictures)} pictures, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main()
