# For Debian's s390x. Needed are g++-s390x-linux-gnu and, each with :s390x, libuv1-dev, libfmt-dev, libspdlog-dev,
# libtomlplusplus-dev, libgtest-dev and libgmock-dev.
set(CMAKE_SYSTEM_PROCESSOR s390x)
set(triplet s390x-linux-gnu)
set(libraries s390x-linux-gnu)
set(emulator s390x)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
