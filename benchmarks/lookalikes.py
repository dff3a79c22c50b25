"""Made-up pictures that look alike and are not copies: pages of one template, packagings of one brand, signs with other
digits, things that moved before a fixed camera, animations.

Each kind is a function ``draw(template, content)``: pictures with one ``template`` share everything that is printed,
and differ in what somebody wrote in, which follows from ``content``. The kinds in ``HELD_OUT`` were not looked at while
the thresholds of ``duplicates/matching`` were chosen.
"""

from __future__ import annotations

import io
import math
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

WORDS = [
    "alpha",
    "beta",
    "gamma",
    "delta",
    "epsilon",
    "zeta",
    "eta",
    "theta",
    "iota",
    "kappa",
    "lambda",
    "mu",
    "nu",
    "xi",
    "omicron",
    "pi",
    "rho",
    "sigma",
    "tau",
    "upsilon",
    "harbour",
    "station",
    "garden",
    "market",
    "bridge",
    "castle",
    "river",
    "mountain",
    "forest",
    "village",
    "window",
    "candle",
    "silver",
    "copper",
]
NAMES = [
    "Maria",
    "Ivan",
    "Chen",
    "Amara",
    "Lars",
    "Priya",
    "Tomas",
    "Yuki",
    "Fatima",
    "Noah",
    "Elena",
    "Kofi",
    "Ingrid",
    "Diego",
    "Leila",
    "Hugo",
]
Draw = Callable[[Random, Random], Image.Image]


def font(size: float) -> ImageFont.ImageFont | ImageFont.FreeTypeFont:
    return ImageFont.load_default(max(6, size))


def page(width: int, height: int, colour: object = "white") -> tuple[Image.Image, ImageDraw.ImageDraw]:
    image = Image.new("RGB", (width, height), colour)  # type: ignore[arg-type]
    return image, ImageDraw.Draw(image)


def words(r: Random, n: int) -> str:
    return " ".join(r.choice(WORDS) for _ in range(n))


def tint(r: Random, low: int, high: int) -> tuple[int, int, int]:
    return r.randrange(low, high), r.randrange(low, high), r.randrange(low, high)


def landscape(r: Random, width: int, height: int) -> Image.Image:
    """Something like a photo: soft shapes of many sizes, and grain."""
    image, d = page(width, height, tint(r, 90, 200))
    for i in range(160):
        size = width / (2 + i / 6)
        x, y = r.uniform(-size, width), r.uniform(-size, height)
        shape = d.ellipse if r.random() < 0.5 else d.rectangle
        shape((x, y, x + size, y + size * r.uniform(0.3, 1.5)), fill=tint(r, 20, 235))
    noise = Image.effect_noise((width, height), 40).convert("RGB")
    return Image.blend(image.filter(ImageFilter.GaussianBlur(1)), noise, 0.08)


# --- kinds --------------------------------------------------------------------------------------------------------


def form(t: Random, c: Random) -> Image.Image:
    image, d = page(1000, 1400)
    d.text((80, 60), f"{words(t, 3).title()} (Form {t.randrange(99)}-B)", font=font(36), fill="black")
    for i in range(18):
        y = 150 + i * 65
        d.text((80, y), f"{i + 1}. {words(t, 2).title()}:", font=font(20), fill="black")
        d.rectangle((400, y - 8, 920, y + 36), outline="black", width=2)
        d.text((412, y), f"{c.choice(WORDS)} {c.randrange(9999)} {c.choice(WORDS)}", font=font(24), fill=(0, 0, 150))
    return image


def invoice(t: Random, c: Random) -> Image.Image:
    image, d = page(1000, 1400)
    d.text((80, 60), t.choice(("INVOICE", "BILL", "RECHNUNG")), font=font(60), fill=tint(t, 0, 120))
    d.text((80, 150), f"No. 2024-{c.randrange(9999):04}", font=font(28), fill="black")
    d.text((80, 230), f"Customer: {words(t, 2).title()}\n{t.randrange(99)} High Street", font=font(24), fill="black")
    for i in range(t.randrange(4, 9)):
        d.text((80, 400 + i * 50), f"{i + 1}   Service {words(t, 1)}", font=font(22), fill="black")
        d.line((80, 440 + i * 50, 920, 440 + i * 50), fill="gray")
    d.text((620, 860), f"Total: EUR {c.randrange(99999) / 100:,.2f}", font=font(30), fill="black")
    return image


def plate(t: Random, c: Random) -> Image.Image:
    image, d = page(600, 200, (250, 250, 250) if t.random() < 0.6 else (250, 220, 60))
    d.rectangle((5, 5, 594, 194), outline="black", width=6)
    d.rectangle((10, 10, 70, 190), fill=(0, 50, 160))
    digits = [str(t.randrange(10)) for _ in range(4)]
    digits[t.randrange(4)] = str(c.randrange(10))
    letters = "".join(t.choice("ABCDEFHKLMNPRSTUVXYZ") for _ in range(2))
    d.text((110, 40), f"{letters} {''.join(digits)}", font=font(110), fill="black")
    return image


def bars(t: Random, c: Random) -> Image.Image:
    image, d = page(900, 600)
    d.text((60, 20), words(t, 4).title(), font=font(30), fill="black")
    for i in range(6):
        d.line((80, 520 - i * 80, 860, 520 - i * 80), fill="lightgray")
        d.text((30, 510 - i * 80), str(i * 20), font=font(18), fill="black")
    colour, n = tint(t, 30, 180), t.randrange(5, 10)
    heights = [t.randrange(40, 400) for _ in range(n)]
    for _ in range(c.randrange(1, 3)):
        heights[c.randrange(n)] = c.randrange(40, 400)
    for i, h in enumerate(heights):
        x = 110 + i * 720 // n
        d.rectangle((x, 520 - h, x + 500 // n, 520), fill=colour)
        d.text((x, 530), t.choice(WORDS)[:5], font=font(18), fill="black")
    return image


def lines(t: Random, c: Random) -> Image.Image:
    image, d = page(900, 600)
    d.text((60, 20), words(t, 4).title(), font=font(30), fill="black")
    d.rectangle((80, 80, 860, 520), outline="black", width=2)
    for i in range(1, 6):
        d.line((80, 80 + i * 73, 860, 80 + i * 73), fill="lightgray")
        d.text((30, 72 + i * 73), str(100 - i * 20), font=font(18), fill="black")
    y, points = c.uniform(150, 450), []
    for x in range(80, 861, 20):
        y = min(510.0, max(90.0, y + c.uniform(-40, 40)))
        points.append((x, y))
    d.line(points, fill=tint(t, 0, 150), width=3)
    return image


def calendar(t: Random, c: Random) -> Image.Image:
    image, d = page(1000, 800)
    start = c.randrange(7)
    d.text((60, 20), f"{t.choice(('January', 'May', 'July'))} {2000 + c.randrange(40)}", font=font(40), fill="darkred")
    for i in range(42):
        x, y = 50 + i % 7 * 130, 110 + i // 7 * 110
        d.rectangle((x, y, x + 130, y + 110), outline="black")
        if 0 <= i - start < 31:
            d.text((x + 10, y + 8), str(i - start + 1), font=font(30), fill="black")
    return image


def scan(t: Random, c: Random) -> Image.Image:
    """A letter with its head, turned a little, grey and grainy."""
    image, d = page(850, 1200, (244, 242, 235))
    d.text((300, 50), words(t, 2).upper(), font=font(40), fill=(60, 60, 60))
    d.line((80, 110, 770, 110), fill="black", width=3)
    for i in range(30):
        d.text((90, 180 + i * 30), words(c, 8)[:60], font=font(20), fill=(30, 30, 30))
    image = image.rotate(c.uniform(-0.4, 0.4), Image.Resampling.BICUBIC, fillcolor=(244, 242, 235))
    return Image.blend(image, Image.effect_noise(image.size, 60).convert("RGB"), 0.06)


def ticket(t: Random, c: Random) -> Image.Image:
    image, d = page(800, 320, tint(t, 190, 250))
    d.rectangle((10, 10, 789, 309), outline="black", width=4)
    d.text((40, 30), words(t, 3).upper(), font=font(38), fill=tint(t, 0, 100))
    d.text((40, 110), f"{t.randrange(28)} March 2026, 19:30", font=font(26), fill="black")
    d.text((40, 180), f"Row {c.randrange(1, 40)}   Seat {c.randrange(1, 60)}", font=font(34), fill="black")
    d.text((40, 250), f"{c.randrange(10**9):010}", font=font(22), fill="black")
    for i in range(60):
        if c.random() < 0.5:
            d.rectangle((620 + i * 2, 60, 621 + i * 2, 260), fill="black")
    return image


def receipt(t: Random, c: Random) -> Image.Image:
    image, d = page(420, 1000, (250, 250, 248))
    d.text((110, 30), words(t, 1).upper() + " STORE", font=font(28), fill="black")
    d.text((60, 80), f"{t.randrange(200)} {words(t, 1)} road", font=font(18), fill="black")
    for i in range(14):
        d.text((30, 160 + i * 40), c.choice(WORDS), font=font(20), fill="black")
        d.text((310, 160 + i * 40), f"{c.randrange(3000) / 100:.2f}", font=font(20), fill="black")
    d.text((30, 780), f"TOTAL  {c.randrange(20000) / 100:.2f}", font=font(32), fill="black")
    return image


def scores(t: Random, c: Random) -> Image.Image:
    image, d = page(900, 1100)
    d.text((60, 30), f"Score sheet: {words(t, 2)}", font=font(34), fill="black")
    for row in range(16):
        for column in range(6):
            x, y = 60 + column * 130, 110 + row * 58
            d.rectangle((x, y, x + 130, y + 58), outline="black", width=2)
            text = t.choice(NAMES) if column == 0 else str(c.randrange(100)) if row else f"H{column}"
            d.text((x + 12, y + 12), text, font=font(26), fill="black" if column == 0 else (20, 20, 140))
    return image


def certificate(t: Random, c: Random) -> Image.Image:
    image, d = page(1200, 850, (252, 248, 232))
    gold = (170, 130, 40)
    for i in range(0, 40, 8):
        d.rectangle((20 + i, 20 + i, 1179 - i, 829 - i), outline=gold, width=2)
    d.text((330, 130), "CERTIFICATE", font=font(80), fill=gold)
    d.text((420, 270), f"of {words(t, 2)}", font=font(34), fill="black")
    d.text((400, 380), f"{c.choice(NAMES)} {c.choice(NAMES)}son", font=font(52), fill=(30, 30, 90))
    for i in range(3):
        d.text((200, 520 + i * 40), words(t, 9), font=font(24), fill="black")
    d.text(
        (200, 720), f"{c.randrange(1, 29)}.{c.randrange(1, 13)}.20{c.randrange(10, 27)}", font=font(26), fill="black"
    )
    return image


def screenshot(t: Random, c: Random) -> Image.Image:
    image, d = page(1280, 800, (240, 240, 242))
    d.rectangle((0, 0, 1280, 44), fill=tint(t, 30, 90))
    d.rectangle((0, 44, 240, 800), fill=(225, 226, 230))
    for i in range(10):
        d.text((24, 70 + i * 44), words(t, 2).title(), font=font(18), fill=(50, 50, 50))
    for i in range(14):
        y = 60 + i * 52
        d.rectangle((250, y, 1270, y + 46), fill="white")
        d.ellipse((262, y + 8, 292, y + 38), fill=tint(t, 60, 200))
        d.text((310, y + 12), words(c, 7), font=font(18), fill="black")
    return image


def sign(t: Random, c: Random) -> Image.Image:
    """A sign in a landscape, with another number."""
    image = landscape(t, 800, 600)
    d = ImageDraw.Draw(image)
    x, y = t.randrange(100, 450), t.randrange(80, 320)
    ground, ink = t.choice((("white", "black"), ((20, 60, 150), "white"), ((250, 210, 30), "black")))
    d.rectangle((x, y, x + 220, y + 150), fill=ground, outline=ink, width=5)
    d.text((x + 30, y + 10), t.choice(("EXIT", "ROOM", "LINE")), font=font(40), fill=ink)
    d.text((x + 40, y + 60), f"{t.randrange(1, 10)}{c.randrange(10)}", font=font(80), fill=ink)
    return image.filter(ImageFilter.GaussianBlur(0.8))


def flavour(t: Random, c: Random) -> Image.Image:
    """A packaging on white: brand and shape stay, the name, the fruit and its colour change."""
    image, d = page(700, 900)
    body, fruit = tint(t, 60, 220), tint(c, 30, 230)
    d.rounded_rectangle((150, 80, 550, 840), 40, fill=body, outline="black", width=3)
    d.ellipse((190, 130, 510, 330), fill="white", outline=tint(t, 0, 90), width=8)
    d.text((230, 190), t.choice(WORDS).upper()[:7], font=font(54), fill=tint(t, 0, 90))
    d.rectangle((150, 420, 550, 520), fill=fruit if t.random() < 0.6 else body)
    d.text((190, 440), c.choice(WORDS).title(), font=font(50), fill="white")
    for i in range(5):
        d.ellipse((200 + i * 60, 600, 250 + i * 60, 650), fill=fruit)
    d.text((200, 760), f"{t.randrange(100, 900)} g", font=font(36), fill="black")
    return image


def moved(t: Random, c: Random) -> Image.Image:
    """A thing that stands elsewhere before a camera that does not move."""
    image = landscape(t, 800, 600)
    thing = landscape(Random(t.random()), 110, 150)
    mask = Image.new("L", thing.size)
    ImageDraw.Draw(mask).ellipse((0, 0, *thing.size), fill=255)
    image.paste(thing, (c.randrange(20, 680), c.randrange(20, 430)), mask)
    return image


def exchanged(t: Random, c: Random) -> Image.Image:
    """Another thing at the same place."""
    image = landscape(t, 800, 600)
    thing = landscape(c, t.randrange(80, 200), t.randrange(80, 200))
    image.paste(thing, (t.randrange(20, 580), t.randrange(20, 380)))
    return image


def board(t: Random, c: Random) -> Image.Image:
    """Men on a board of squares."""
    dark, light = tint(t, 60, 140), tint(t, 190, 250)
    image, d = page(800, 800, light)
    for i in range(64):
        x, y = i % 8 * 100, i // 8 * 100
        if (x + y) % 200:
            d.rectangle((x, y, x + 100, y + 100), fill=dark)
    for i in c.sample(range(64), 12):
        x, y = i % 8 * 100, i // 8 * 100
        d.ellipse((x + 20, y + 20, x + 80, y + 80), fill=c.choice(("black", "white")), outline="gray", width=3)
    return image


def street_map(t: Random, c: Random) -> Image.Image:
    image, d = page(900, 900, (235, 230, 220))
    for _ in range(40):
        x, y, angle = t.uniform(0, 900), t.uniform(0, 900), t.uniform(0, math.pi)
        dx, dy = 900 * math.cos(angle), 900 * math.sin(angle)
        d.line((x - dx, y - dy, x + dx, y + dy), fill=t.choice(("white", (250, 220, 140))), width=t.randrange(4, 16))
    for _ in range(12):
        x, y = t.randrange(800), t.randrange(850)
        d.text((x, y), t.choice(WORDS).title(), font=font(18), fill=(80, 80, 80))
    for _ in range(4):
        x, y = c.randrange(60, 840), c.randrange(60, 840)
        d.ellipse((x - 14, y - 14, x + 14, y + 14), fill=(200, 20, 20), outline="black", width=2)
    return image


def meter(t: Random, c: Random) -> Image.Image:
    """A meter with its reading."""
    image, d = page(700, 500, tint(t, 100, 200))
    d.ellipse((60, 10, 640, 490), fill=(230, 230, 225), outline=(60, 60, 60), width=12)
    d.text((270, 90), words(t, 1).upper(), font=font(30), fill="black")
    base = t.randrange(10000, 99999)
    for i, digit in enumerate(str(base)[:3] + f"{c.randrange(100):02}"):
        d.rectangle((150 + i * 80, 190, 220 + i * 80, 290), fill=(20, 20, 20) if i < 4 else (160, 20, 20))
        d.text((165 + i * 80, 195), digit, font=font(70), fill="white")
    d.text((300, 340), "kWh", font=font(36), fill="black")
    return image.filter(ImageFilter.GaussianBlur(1.2))


def label(t: Random, c: Random) -> Image.Image:
    """A parcel label: one sender, other barcodes and numbers."""
    image, d = page(800, 600)
    d.rectangle((20, 20, 780, 580), outline="black", width=4)
    d.text((50, 40), words(t, 3).title(), font=font(30), fill="black")
    d.line((20, 100, 780, 100), fill="black", width=3)
    x = 80
    while x < 720:
        width = c.randrange(2, 9)
        d.rectangle((x, 150, x + width, 380), fill="black")
        x += width + c.randrange(2, 9)
    d.text((200, 400), f"{c.randrange(10**12):012}", font=font(40), fill="black")
    d.text((50, 500), f"Weight {c.randrange(100) / 10} kg", font=font(30), fill="black")
    return image


def card(t: Random, c: Random) -> Image.Image:
    """A card of one company, of other people."""
    image, d = page(850, 500, tint(t, 225, 255))
    accent = tint(t, 20, 170)
    d.rectangle((0, 0, 60, 500), fill=accent)
    d.polygon([(700, 60), (780, 60), (740, 130)], fill=accent)
    d.text((110, 70), words(t, 2).title(), font=font(36), fill=accent)
    d.text((110, 210), f"{c.choice(NAMES)} {c.choice(WORDS).title()}", font=font(44), fill="black")
    d.text((110, 330), f"+44 {c.randrange(10**9):09}", font=font(26), fill=(60, 60, 60))
    return image


KINDS: dict[str, Draw] = {
    "form": form, "invoice": invoice, "number plate": plate, "bar chart": bars, "calendar": calendar,
    "scanned letter": scan, "flavour": flavour, "moved thing": moved, "sign with digits": sign, "score sheet": scores,
    "line chart": lines, "ticket": ticket, "receipt": receipt, "certificate": certificate, "screenshot": screenshot,
    "exchanged thing": exchanged, "board": board, "map": street_map, "meter": meter, "parcel label": label,
    "business card": card,
}  # fmt: skip
HELD_OUT = tuple(KINDS)[10:]


# --- pairs --------------------------------------------------------------------------------------------------------


def plain(image: Image.Image) -> Image.Image:
    return image


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def scaled(image: Image.Image, factor: float) -> Image.Image:
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC)


VARIANTS: dict[str, tuple[Callable[[Image.Image], Image.Image], Callable[[Image.Image], Image.Image]]] = {
    "as drawn": (plain, plain),
    "JPEG 75 and 40": (lambda i: jpeg(i, 75), lambda i: jpeg(i, 40)),
    "0.6 of the size": (plain, lambda i: jpeg(scaled(i, 0.6), 80)),
    "0.35 of the size, both": (lambda i: jpeg(scaled(i, 0.35), 85), lambda i: jpeg(scaled(i, 0.35), 60)),
    "grey": (plain, lambda i: jpeg(ImageOps.grayscale(i).convert("RGB"), 80)),
    "darker": (lambda i: jpeg(i, 90), lambda i: jpeg(ImageEnhance.Brightness(i).enhance(0.8), 85)),
}


@dataclass(frozen=True)
class LookAlike:
    kind: str
    variant: str
    first: Image.Image
    second: Image.Image


def look_alikes(kind: str, templates: int) -> list[LookAlike]:
    """Pairs of a kind, two contents of each template in every variant; contents that came out equal are left out."""
    found = []
    for number in range(templates):
        for i, (variant, (one, other)) in enumerate(VARIANTS.items()):
            first, second = (KINDS[kind](Random(f"{kind}{number}"), Random(f"{number}/{i}/{c}")) for c in range(2))
            if not same_content(first, second):
                found.append(LookAlike(kind, variant, one(first), other(second)))
    return found


def same_content(first: Image.Image, second: Image.Image) -> bool:
    from PIL import ImageChops

    return ImageChops.difference(first, second).point(lambda v: 255 * (v > 60)).getbbox() is None
