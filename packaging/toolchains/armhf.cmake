# For Debian's armhf. Needed are g++-arm-linux-gnueabihf and, each with :armhf, libuv1-dev, libfmt-dev, libspdlog-dev,
# libtomlplusplus-dev, libgtest-dev and libgmock-dev.
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(triplet arm-linux-gnueabihf)
set(libraries arm-linux-gnueabihf)
set(emulator arm)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
