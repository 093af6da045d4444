# SPDX-License-Identifier: MIT
"""Takes a picture of a screen over VNC (RFC 6143): no security, raw pixels."""

import socket
import struct


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


class Viewer:
    """One connection. Raises OSError where there is no server, or one that hangs up."""

    def __init__(self, port, timeout):
        self.stream = socket.create_connection(("127.0.0.1", port), timeout)
        self._receive(12)
        self.stream.sendall(b"RFB 003.008\n")
        self._receive(self._receive(1)[0])
        self.stream.sendall(b"\x01")  # no security
        if self._receive(4) != bytes(4):
            raise OSError("the VNC server wants a password")
        self.stream.sendall(b"\x01")  # shared
        self.width, self.height = struct.unpack_from(">HH", self._receive(20))
        self._receive(struct.unpack(">I", self._receive(4))[0])
        # 32 bits a pixel, little endian, red in the first byte; then raw as the only encoding.
        self.stream.sendall(struct.pack(">B3xBBBBHHHBBB3x", 0, 32, 24, 0, 1, 255, 255, 255, 0, 8, 16))
        self.stream.sendall(struct.pack(">BxHi", 2, 1, 0))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stream.close()

    def _receive(self, size):
        data = bytearray()
        while len(data) < size:
            part = self.stream.recv(min(size - len(data), 1 << 20))
            if not part:
                raise OSError("the VNC server has hung up")
            data += part
        return bytes(data)

    def frame(self):
        """\\returns the whole screen as rows of RGB"""
        self.stream.sendall(struct.pack(">BBHHHH", 3, 0, 0, 0, self.width, self.height))
        rows = [bytearray(self.width * 3) for _ in range(self.height)]
        missing = self.width * self.height
        while missing > 0:
            for _ in range(struct.unpack(">BxH", self._receive(4))[1]):
                x, y, width, height, encoding = struct.unpack(">HHHHi", self._receive(12))
                if encoding != 0:
                    raise OSError(f"the VNC server answers in encoding {encoding}")
                for row in range(y, y + height):
                    pixels = self._receive(width * 4)
                    for channel in range(3):
                        rows[row][x * 3 + channel:(x + width) * 3:3] = pixels[channel::4]
                missing -= width * height
        return [bytes(row) for row in rows]
