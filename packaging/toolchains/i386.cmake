# For Debian's i386. Needed are g++-i686-linux-gnu and, each with :i386, libuv1-dev, libfmt-dev, libspdlog-dev,
# libtomlplusplus-dev, libgtest-dev and libgmock-dev.
set(CMAKE_SYSTEM_PROCESSOR i686)
set(triplet i686-linux-gnu)
set(libraries i386-linux-gnu)
set(emulator i386)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
