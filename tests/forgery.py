"""Model files that somebody changed and gave a checksum that fits."""

import hashlib

from skdeepcluster.persistence._container import FORMAT, SIGNATURE


def forge(content, header):
    """Give a file another header and the checksum that fits."""
    start = content.index(b"\n", content.index(b"\n") + 1) + 1
    body = header + content[content.index(b"\n", start) :]
    digest = hashlib.sha256(body).hexdigest().encode()
    return SIGNATURE + str(FORMAT).encode() + b"\n" + digest + b"\n" + body


def forge_tree(path, old, new):
    """Replace a part of the header; the checksum is made to fit."""
    content = path.read_bytes()
    start = content.index(b"\n", content.index(b"\n") + 1) + 1
    header = content[start : content.index(b"\n", start)].decode()
    assert old in header
    path.write_bytes(forge(content, header.replace(old, new).encode()))
