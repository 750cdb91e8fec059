# For Debian's arm64. Needed are g++-aarch64-linux-gnu and, each with :arm64, libuv1-dev, libfmt-dev, libspdlog-dev,
# libtomlplusplus-dev, libgtest-dev and libgmock-dev.
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(triplet aarch64-linux-gnu)
set(libraries aarch64-linux-gnu)
set(emulator aarch64)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
