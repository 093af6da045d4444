# SPDX-License-Identifier: MIT
"""Reads PNG pictures (8-bit RGB or RGBA, not interlaced) and tells how far two of them are apart."""

import struct
import zlib


def _chunks(data):
    position = 8
    while position < len(data):
        length, kind = struct.unpack_from(">I4s", data, position)
        yield kind, data[position + 8 : position + 8 + length]
        position += length + 12


def _paeth(left, above, corner):
    estimate = left + above - corner
    return min((left, above, corner), key=lambda value: abs(estimate - value))


def _unfilter(kind, line, above, step):
    """Undoes one line's PNG filter in place; `step` is the bytes of a pixel."""
    for i in range(len(line)):
        left = line[i - step] if i >= step else 0
        corner = above[i - step] if i >= step else 0
        if kind == 1:
            line[i] = (line[i] + left) & 255
        elif kind == 2:
            line[i] = (line[i] + above[i]) & 255
        elif kind == 3:
            line[i] = (line[i] + (left + above[i]) // 2) & 255
        elif kind == 4:
            line[i] = (line[i] + _paeth(left, above[i], corner)) & 255


def read_png(path):
    """\\returns (width, height, bytes a pixel, pixels)"""
    data = path.read_bytes()
    if data[:8] != b"\x89PNG\r\n\x1a\n":
        raise ValueError(f"{path} is no PNG file")
    chunks = list(_chunks(data))
    width, height, depth, colour, _, _, interlaced = struct.unpack(">IIBBBBB", chunks[0][1])
    if depth != 8 or colour not in (2, 6) or interlaced:
        raise ValueError(f"{path}: only 8-bit RGB and RGBA without interlacing are read")
    step = 3 if colour == 2 else 4
    raw = zlib.decompress(b"".join(body for kind, body in chunks if kind == b"IDAT"))
    stride = width * step
    pixels, above = bytearray(), bytearray(stride)
    for row in range(height):
        start = row * (stride + 1)
        line = bytearray(raw[start + 1 : start + 1 + stride])
        _unfilter(raw[start], line, above, step)
        pixels += line
        above = line
    return width, height, step, bytes(pixels)


def read_rgb(path):
    """\\returns (width, height, pixels of three bytes)"""
    width, height, step, pixels = read_png(path)
    rgb = bytearray(width * height * 3)
    for channel in range(3):
        rgb[channel::3] = pixels[channel::step]
    return width, height, bytes(rgb)


def difference(first, second, tolerance):
    """Share of pixels (0 to 1) with a colour component that differs by more than `tolerance`; 1 where sizes differ."""
    a, b = read_png(first), read_png(second)
    if a[:3] != b[:3]:
        return 1.0
    width, height, step, pixels = a
    wrong = 0
    for start in range(0, len(pixels), step):
        if any(abs(x - y) > tolerance for x, y in zip(pixels[start : start + step], b[3][start : start + step])):
            wrong += 1
    return wrong / (width * height)


def distance(first, second):
    """How far two pictures are apart: the largest difference of a colour component, and the shares (0 to 1) of the components that
    differ, and that differ by more than one. Where sizes differ (255, 1, 1)."""
    a, b = read_rgb(first), read_rgb(second)
    if a[:2] != b[:2]:
        return 255, 1.0, 1.0
    apart = [abs(x - y) for x, y in zip(a[2], b[2])]
    same, by_one = apart.count(0), apart.count(1)
    return max(apart), 1 - same / len(apart), 1 - (same + by_one) / len(apart)
