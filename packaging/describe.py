#!/usr/bin/env python3
"""Says what a static binary was made of: describe.py BUILD NAME COMMIT EPOCH FOLDER

Writes FOLDER/NAME.spdx.json, an SPDX document of what has been linked into BUILD/graceshim, and FOLDER/NAME.build-info.json,
by what it was built. Runs where it was built, with the package database that the libraries are from: each archive that the
linker's map BUILD/map names, and each header that the compiler has read, is looked up there. NAME is the asset's.
"""

import hashlib
import json
import re
import subprocess
import sys
import uuid
from datetime import datetime, timezone
from pathlib import Path

# A row per library: the Debian packages that its parts come in, its name, licence and origin. Some come once more for the
# cross compilers. The kernel's headers are read, and leave nothing in the binary but numbers.
_LIBRARIES = [
    (r"libuv1-dev", "libuv", "MIT AND ISC AND BSD-2-Clause", "https://libuv.org"),
    (r"libspdlog-dev", "spdlog", "MIT", "https://github.com/gabime/spdlog"),
    (r"libfmt-dev", "fmt", "MIT", "https://fmt.dev"),
    (r"libtomlplusplus-dev", "toml++", "MIT", "https://marzer.github.io/tomlplusplus"),
    (r"libexpected-dev", "tl-expected", "CC0-1.0", "https://github.com/TartanLlama/expected"),
    (r"libstdc\+\+-\d+-dev(-\w+-cross)?", "libstdc++", "GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org"),
    (r"libgcc-\d+-dev(-\w+-cross)?", "libgcc", "GPL-3.0-or-later WITH GCC-exception-3.1", "https://gcc.gnu.org"),
    (r"libc6-dev(-\w+-cross)?", "libc", "LGPL-2.1-or-later", "https://www.gnu.org/software/libc"),
    (r"linux-libc-dev(-\w+-cross)?", "linux-headers", "GPL-2.0-only WITH Linux-syscall-note", "https://www.kernel.org"),
]
_TOOLS = ["cmake", "ninja-build", "binutils", "valgrind"]  # besides the compiler


def output_of(*command):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, encoding="utf-8").stdout


def files_linked(build, sources):
    """The files of the system that have come into the binary; `sources` is the folder of our own, which may be below /usr."""
    headers = {line.strip() for line in output_of("ninja", "-C", build, "-t", "deps").splitlines() if line.startswith("    ")}
    archives = set(re.findall(r"^LOAD (/\S+)", (build / "map").read_text(encoding="utf-8"), re.MULTILINE))
    paths = {str(Path(path).resolve()) for path in headers | archives if path.startswith("/")}
    ours = tuple(f"{Path(folder).resolve()}/" for folder in (build, sources))
    return sorted(path for path in paths if path.startswith("/usr/") and not path.startswith(ours))


def packages_of(files):
    """Which packages these files are of; one that is of none is an error."""
    found = set()
    for line in output_of("dpkg-query", "--search", *files).splitlines():
        if line.startswith("diversion by"):
            continue
        found.add(line.rpartition(": ")[0].split(", ")[0])  # the same header may be there for two processors
    return sorted(found)


def versions_of(packages):
    shown = output_of("dpkg-query", "--show", "--showformat", "${Package} ${Architecture} ${Version}\\n", *packages)
    return sorted(tuple(line.split()) for line in shown.splitlines())


def distribution():
    return dict(re.findall(r'^(\w+)="?([^"\n]*)"?$', Path("/etc/os-release").read_text(encoding="utf-8"), re.MULTILINE))


def library(package, architecture, version):
    """The SPDX package of a Debian package."""
    for pattern, name, licence, origin in _LIBRARIES:
        if re.fullmatch(pattern, package):
            break
    else:
        sys.exit(f"describe.py: {package} {version} is in the binary, and not in the table of libraries")
    codename = distribution()["VERSION_CODENAME"]
    purl = f"pkg:deb/debian/{package.replace('+', '%2B')}@{version.replace('+', '%2B')}?arch={architecture}&distro={codename}"
    return {
        "SPDXID": f"SPDXRef-{re.sub('[^A-Za-z0-9.-]', '-', name)}-{re.sub('[^A-Za-z0-9.-]', '-', package)}",
        "name": name,
        "versionInfo": version,
        "supplier": "Organization: Debian",
        "downloadLocation": "NOASSERTION",
        "homepage": origin,
        "filesAnalyzed": False,
        "licenseConcluded": licence,
        "licenseDeclared": licence,
        "copyrightText": "NOASSERTION",
        "primaryPackagePurpose": "LIBRARY",
        "externalRefs": [
            {"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl", "referenceLocator": purl}
        ],
    }


def document(name, version, digest, epoch, libraries):
    relations = [{"spdxElementId": "SPDXRef-DOCUMENT", "relationshipType": "DESCRIBES", "relatedSpdxElement": "SPDXRef-graceshim"}]
    for each in libraries:
        if each["name"] == "linux-headers":
            relations.append({"spdxElementId": each["SPDXID"], "relationshipType": "BUILD_DEPENDENCY_OF",
                              "relatedSpdxElement": "SPDXRef-graceshim"})
        else:
            relations.append({"spdxElementId": "SPDXRef-graceshim", "relationshipType": "STATIC_LINK",
                              "relatedSpdxElement": each["SPDXID"]})
    program = {
        "SPDXID": "SPDXRef-graceshim",
        "name": "graceshim",
        "versionInfo": version,
        "packageFileName": name,
        "supplier": "Organization: The graceshim authors",
        "downloadLocation": "NOASSERTION",
        "filesAnalyzed": False,
        "checksums": [{"algorithm": "SHA256", "checksumValue": digest}],
        "licenseConcluded": "NOASSERTION",
        "licenseDeclared": "MIT",
        "copyrightText": "Copyright (c) 2026 The graceshim authors",
        "primaryPackagePurpose": "APPLICATION",
    }
    return {
        "spdxVersion": "SPDX-2.3",
        "dataLicense": "CC0-1.0",
        "SPDXID": "SPDXRef-DOCUMENT",
        "name": name,
        "documentNamespace": uuid.uuid5(uuid.NAMESPACE_OID, digest).urn,
        "creationInfo": {
            "created": datetime.fromtimestamp(epoch, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "creators": ["Tool: graceshim-packaging-describe"],
        },
        "packages": [program, *libraries],
        "relationships": relations,
    }


def cache_of(build):
    return dict(re.findall(r"^([^/#:\n]+):[A-Z]+=(.*)$", (build / "CMakeCache.txt").read_text(encoding="utf-8"), re.MULTILINE))


def compile_flags(build, source):
    """Those of main.cc, without the names of files and folders."""
    commands = json.loads((build / "compile_commands.json").read_text(encoding="utf-8"))
    words = next(entry["command"] for entry in commands if entry["file"].endswith("/src/app/main.cc")).split()
    words = words[next(at for at, word in enumerate(words) if word.endswith("++")) + 1:words.index("-o")]
    return [word.replace(source, ".") for at, word in enumerate(words)
            if not word.startswith("-I") and "-isystem" not in (word, words[at - 1] if at else "")]


def information(build, cache, commit, epoch, libraries):
    compiler = next(build.glob("CMakeFiles/*/CMakeCXXCompiler.cmake")).read_text(encoding="utf-8")
    installed = output_of("dpkg-query", "--show", "--showformat", "${Package} ${Version} ${db:Status-Status}\\n").splitlines()
    tools = {name: version for name, version, status in map(str.split, installed) if name in _TOOLS and status == "installed"}
    return {
        "version": cache["CMAKE_PROJECT_VERSION"],
        "commit": commit,
        "SOURCE_DATE_EPOCH": epoch,
        "system": distribution()["PRETTY_NAME"],
        "compiler": {
            "command": Path(re.search(r'CMAKE_CXX_COMPILER "(.*)"', compiler)[1]).name,
            "version": re.search(r'CMAKE_CXX_COMPILER_VERSION "(.*)"', compiler)[1],
        },
        "compile_flags": compile_flags(build, cache["CMAKE_HOME_DIRECTORY"]),
        "link_flags": cache["CMAKE_EXE_LINKER_FLAGS"].split(),
        "layout": bool(cache.get("GRACESHIM_LAYOUT")),
        "tools": tools,
        "libraries": {each["name"]: each["versionInfo"] for each in libraries},
    }


def main():
    build, name, commit, epoch, folder = Path(sys.argv[1]), sys.argv[2], sys.argv[3], int(sys.argv[4]), Path(sys.argv[5])
    cache = cache_of(build)
    digest = hashlib.sha256((build / "graceshim").read_bytes()).hexdigest()
    libraries = [library(*each) for each in versions_of(packages_of(files_linked(build, cache["CMAKE_HOME_DIRECTORY"])))]
    folder.mkdir(parents=True, exist_ok=True)
    for kind, value in (
        ("spdx", document(name, cache["CMAKE_PROJECT_VERSION"], digest, epoch, libraries)),
        ("build-info", information(build, cache, commit, epoch, libraries)),
    ):
        (folder / f"{name}.{kind}.json").write_text(json.dumps(value, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
