# For Debian's riscv64. Needed are g++-riscv64-linux-gnu and, each with :riscv64, libuv1-dev, libfmt-dev, libspdlog-dev,
# libtomlplusplus-dev, libgtest-dev and libgmock-dev.
set(CMAKE_SYSTEM_PROCESSOR riscv64)
set(triplet riscv64-linux-gnu)
set(libraries riscv64-linux-gnu)
set(emulator riscv64)
include(${CMAKE_CURRENT_LIST_DIR}/debian-cross.cmake)
