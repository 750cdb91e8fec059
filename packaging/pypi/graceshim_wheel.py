#!/usr/bin/env python3
"""Makes a wheel that holds the static binary, so that `pip install graceshim` puts it where scripts are.

    packaging/pypi/graceshim_wheel.py BINARY FOLDER

It is a build backend of PEP 517, too. The same binary gives the same wheel, if SOURCE_DATE_EPOCH is set.
"""

import base64
import hashlib
import os
import re
import struct
import sys
import time
import zipfile
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]

# By the machine in the header of the binary: what Python calls it. The binary needs no C library, so that the oldest tags which
# pip knows for it are right.
_MACHINES = {62: "x86_64", 183: "aarch64", 40: "armv7l", 3: "i686", 21: "ppc64le", 22: "s390x", 243: "riscv64"}
_TAGS = ("manylinux_2_17_{0}", "musllinux_1_1_{0}")


def machine_of(binary):
    if binary[:4] != b"\x7fELF":
        sys.exit("graceshim_wheel: what it is given is no program of Linux")
    return _MACHINES[struct.unpack_from("<H" if binary[5] == 1 else ">H", binary, 18)[0]]


def version():
    return re.search(r"project\(graceshim VERSION ([0-9.]+)", (_ROOT / "CMakeLists.txt").read_text(encoding="utf-8"))[1]


def metadata():
    return (
        "Metadata-Version: 2.1\nName: graceshim\n"
        f"Version: {version()}\n"
        "Summary: Init shim that stops a command the way that command finishes its work\n"
        "License: MIT\nRequires-Python: >=3.7\n"
        "Classifier: Environment :: Console\nClassifier: Operating System :: POSIX :: Linux\n"
        "Description-Content-Type: text/markdown\n\n" + (_ROOT / "README.md").read_text(encoding="utf-8")
    )


def digest(data):
    return "sha256=" + base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def write_wheel(binary, folder):
    """Returns the wheel's name."""
    tags = [f"py3-none-{tag.format(machine_of(binary))}" for tag in _TAGS]
    base = f"graceshim-{version()}"
    files = {
        f"{base}.data/scripts/graceshim": (binary, 0o755),
        f"{base}.dist-info/METADATA": (metadata().encode(), 0o644),
        f"{base}.dist-info/WHEEL": (
            "".join(["Wheel-Version: 1.0\nGenerator: graceshim_wheel\nRoot-Is-Purelib: false\n", *(f"Tag: {tag}\n" for tag in tags)])
            .encode(), 0o644),
        f"{base}.dist-info/licenses/copyright": ((_ROOT / "packaging/debian/copyright").read_bytes(), 0o644),
    }
    record = f"{base}.dist-info/RECORD"
    lines = [f"{name},{digest(data)},{len(data)}\n" for name, (data, _) in files.items()]
    files[record] = ("".join([*lines, f"{record},,\n"]).encode(), 0o644)
    name = f"{base}-{tags[0].rpartition('-')[0]}-{'.'.join(tag.rpartition('-')[2] for tag in tags)}.whl"
    date = time.gmtime(int(os.environ.get("SOURCE_DATE_EPOCH", time.time())))[:6]
    with zipfile.ZipFile(Path(folder) / name, "w", zipfile.ZIP_DEFLATED) as wheel:
        for path, (data, mode) in files.items():
            entry = zipfile.ZipInfo(path, date)
            entry.external_attr = (0o100000 | mode) << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            wheel.writestr(entry, data)
    return name


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):  # pylint: disable=unused-argument
    binary = os.environ.get("GRACESHIM_BINARY", _ROOT / "build/release-static/graceshim")
    return write_wheel(Path(binary).read_bytes(), wheel_directory)


if __name__ == "__main__":
    print(write_wheel(Path(sys.argv[1]).read_bytes(), sys.argv[2]))
