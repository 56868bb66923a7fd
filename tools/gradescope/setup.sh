#!/bin/sh
# Once, as root, when Gradescope builds the image.
set -eu
cd "${AUTOGRADER:-/autograder}/source"
apt-get update
apt-get install -y --no-install-recommends gcc make binutils pkg-config python3 \
    check liblzma-dev libjansson-dev libseccomp-dev
mkdir -p memtwin && tar -xf memtwin.tar.xz -C memtwin --strip-components=1
mkdir -p build && cd build
../memtwin/configure -q --disable-kernel
make -s memtwin-grade kit/stamp
