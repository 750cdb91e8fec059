# For Debian's armhf, by the package g++-arm-linux-gnueabihf.
set(CMAKE_SYSTEM_PROCESSOR armv7l)
set(triplet arm-linux-gnueabihf)
set(emulator arm)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
