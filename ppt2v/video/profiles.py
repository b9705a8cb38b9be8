"""Pictures whose colours are not those of screens: phones, cameras and printers say by a profile how to read them."""

from __future__ import annotations

import io
from typing import Any

_MODES = {"RGB": "RGB", "RGBA": "RGBA", "L": "RGB", "CMYK": "RGB"}  # that profiles are for, and what comes of them


def in_srgb(image: Any) -> Any:
    """A picture of Pillow's in sRGB, by its own profile (ICC.1), if it has one; else as it is.

    It is then RGB, or RGBA where it was. A profile that is damaged is passed over, as viewers do.
    """
    from PIL import ImageCms

    profile = image.info.get("icc_profile")
    if not profile or image.mode not in _MODES:
        return image
    try:
        own = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if str(own.profile.profile_description).startswith("sRGB"):
            return image
        return ImageCms.profileToProfile(image, own, ImageCms.createProfile("sRGB"), outputMode=_MODES[image.mode])
    except (ImageCms.PyCMSError, OSError):
        return image
