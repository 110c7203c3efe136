"""Small JPEG and WebP files of every kind, and the pixels that Pillow decodes them to.

    python3 test/golden/images.py

needs Pillow and NumPy, and `cjpeg` of libjpeg-turbo for the kinds that Pillow does not write.
"""

import base64
import hashlib
import io
import json
import subprocess
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

WIDTH, HEIGHT = 37, 26
OUT = Path(__file__).parent / "fixtures" / "images" / "decoded.json"


def scene() -> Image.Image:
    """Gradients, an edge and some noise."""
    y, x = np.mgrid[:HEIGHT, :WIDTH]
    noise = np.random.default_rng(1).integers(0, 24, (HEIGHT, WIDTH, 3))
    colors = np.stack([6 * x, 9 * y, np.where(x + y > 30, 220, 20)], axis=2)
    return Image.fromarray(np.clip(colors + noise, 0, 255).astype(np.uint8))


def saved(image: Image.Image, kind: str, **options) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def by_cjpeg(image: Image.Image, *options: str) -> bytes:
    return subprocess.run(
        ["cjpeg", *options], input=saved(image, "PPM"), capture_output=True, check=True
    ).stdout


def pixels(data: bytes) -> Image.Image:
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    if image.mode == "RGBA":
        white = Image.new("RGBA", image.size, (255, 255, 255, 255))
        image = Image.alpha_composite(white, image)
    return image if image.mode == "L" else image.convert("RGB")


def files() -> dict[str, bytes]:
    image = scene()
    alpha = image.convert("RGBA")
    alpha.putalpha(Image.fromarray(np.tile(np.arange(WIDTH, dtype=np.uint8) * 6, (HEIGHT, 1))))
    out = {
        "4:4:4.jpg": saved(image, "JPEG", quality=90, subsampling=0),
        "4:2:2.jpg": saved(image, "JPEG", quality=90, subsampling=1),
        "4:2:0.jpg": saved(image, "JPEG", quality=60, subsampling=2),
        "progressive.jpg": saved(image, "JPEG", quality=80, progressive=True),
        "restarts.jpg": saved(image, "JPEG", quality=80, restart_marker_blocks=2),
        "gray.jpg": saved(image.convert("L"), "JPEG", quality=80),
        "cmyk.jpg": saved(image.convert("CMYK"), "JPEG", quality=80),
        "rgb.jpg": by_cjpeg(image, "-rgb", "-quality", "90"),
        "sampling.jpg": by_cjpeg(image, "-sample", "2x2,2x1,1x1", "-quality", "80"),
        "lossy.webp": saved(image, "WEBP", quality=70),
        "lossless.webp": saved(image, "WEBP", lossless=True),
        "alpha.webp": saved(alpha, "WEBP", lossless=True),
        "alpha-lossy.webp": saved(alpha, "WEBP", quality=70),
    }
    for orientation in range(1, 9):
        exif = Image.Exif()
        exif[0x0112] = orientation
        out[f"exif-{orientation}.jpg"] = saved(image, "JPEG", quality=80, exif=exif)
    exif[0x0112] = 6
    out["exif-6.webp"] = saved(image, "WEBP", quality=70, exif=exif)
    return out


def main() -> None:
    image = scene()
    rows = []
    for name, data in files().items():
        decoded = pixels(data)
        digest = hashlib.sha256(decoded.tobytes()).hexdigest()
        encoded = base64.b64encode(data).decode()
        channels = len(decoded.getbands())
        shape = [decoded.height, decoded.width, channels]
        rows.append({"name": name, "file": encoded, "shape": shape, "sha256": digest})
    refused = {
        "arithmetic": by_cjpeg(image, "-arithmetic"),
        "animated": saved(image, "WEBP", save_all=True, append_images=[ImageOps.flip(image)]),
        "GIF": saved(image, "GIF"),
        "BMP": saved(image, "BMP")[:200],
        "TIFF": saved(image, "TIFF")[:200],
        "AVIF": saved(image, "AVIF")[:200],
        "JPEG 2000": saved(image, "JPEG2000")[:200],
    }
    encoded = {name: base64.b64encode(data).decode() for name, data in refused.items()}
    OUT.write_text(json.dumps({"decoded": rows, "refused": encoded}, indent=1) + "\n")


main()
