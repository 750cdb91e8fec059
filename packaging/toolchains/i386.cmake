# For Debian's i386, by the package g++-i686-linux-gnu.
set(CMAKE_SYSTEM_PROCESSOR i686)
set(triplet i686-linux-gnu)
set(libraries i386-linux-gnu)
set(emulator i386)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
