# For Debian's ppc64el. Needed are g++-powerpc64le-linux-gnu and, each with :ppc64el, libuv1-dev, libfmt-dev, libspdlog-dev,
# libtomlplusplus-dev, libgtest-dev and libgmock-dev.
set(CMAKE_SYSTEM_PROCESSOR ppc64le)
set(triplet powerpc64le-linux-gnu)
set(libraries powerpc64le-linux-gnu)
set(emulator ppc64le)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
