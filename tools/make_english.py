"""The English words that the text tower is believed to know beside those that are whole tokens of its own.

    apt-get download wordnet-base && dpkg-deb -x wordnet-base_*.deb wn
    python tools/make_english.py --wordnet wn/usr/share/wordnet --tower src/imagefinder/models/bundled/minilm-l6-v2

Writes english.txt.gz: the single words of WordNet's entries, its irregular forms, and words for things and makers that
are newer than WordNet, in lower case, one a line.
"""

from __future__ import annotations

import argparse
import gzip
import re
from pathlib import Path

PARTS = ("noun", "verb", "adj", "adv")
NEWER = """
hoverfly inukshuk kiwifruit
adidas airbnb airpod alexa asus athleisure audi bento bibimbap bluetooth bmx boba bodycon bokeh bralette burkini
cabrio canva chatbot cockapoo cosplay crocs crossbody crossfit daypack delorean doordash doritos dragster dreidel dslr
ebike ebook emoji etsy facebook fastfood fedex ferrari fitbit flipflop fursuit garmin genderfluid gif glamping
goldendoodle gopro gucci hashtag hoodie hyundai ikea instagram ipad iphone jacuzzi jeggings jorts kawaii keycap
keychain kickstarter kimchi labradoodle lamborghini lenovo lexus linkedin longboard longsleeve lululemon macbook
maltipoo manga mankini maserati matcha mcdonalds minifig mitsubishi mojito moodboard motocross nerf nespresso netbook
netflix nikon nintendo nutella onesie otaku peloton penske photobomb photobooth photoshop pikachu pinterest pixar
playstation pokemon porsche powerbank prada quadcopter ramen reebok renault roomba rosella samsung selfie sheltie
shiba skatepark skoda skype smartphone smartwatch snapback snapchat softbox solarpunk sriracha starbucks steampunk
streetwear subaru supercar swarovski tankini tiktok toonie totebag tracksuit tshirt uber uniqlo usb vape vibrams
volkswagen volvo vr vw walmart wetsuit whatsapp wheelie wii xbox yorkie youtube yum zalando zara zumba
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wordnet", type=Path, required=True, help="folder of index.noun, noun.exc and so on")
    parser.add_argument("--tower", type=Path, required=True, help="folder of the text tower; the list goes there")
    args = parser.parse_args()
    words = set(NEWER.split())
    for part in PARTS:
        entries = (args.wordnet / f"index.{part}").read_text("utf-8").splitlines()
        words |= {w for line in entries if line[:1] != " " for w in re.findall("[a-z]+", line.split()[0].lower())}
        words |= set(re.findall("[a-z]+", (args.wordnet / f"{part}.exc").read_text("utf-8").lower()))
    packed = gzip.compress("\n".join(sorted(words)).encode(), compresslevel=9, mtime=0)
    (args.tower / "english.txt.gz").write_bytes(packed)
    print(f"{len(words):,} words, {len(packed):,} bytes")


if __name__ == "__main__":
    main()
