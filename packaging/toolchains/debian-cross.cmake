# What the toolchain files beside this one share: Debian's cross compilers, and its libraries for the other processor,
# which apt installs beside the machine's own: `packaging/install-packages build cross-arm64`, for one. The tests need
# libgtest-dev and libgmock-dev besides, each with :ARCHITECTURE.
#
# It is given CMAKE_SYSTEM_PROCESSOR and `triplet`, the compilers' prefix; besides, where they are others, `libraries`, the
# folder below /usr/lib, and `emulator`, qemu's name for the processor.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_C_COMPILER ${triplet}-gcc)
set(CMAKE_CXX_COMPILER ${triplet}-g++)
set(CMAKE_ASM_COMPILER ${triplet}-gcc)
if(NOT DEFINED libraries)
  set(libraries ${triplet})
endif()
if(NOT DEFINED emulator)
  set(emulator ${CMAKE_SYSTEM_PROCESSOR})
endif()
set(ENV{PKG_CONFIG_LIBDIR} /usr/lib/${libraries}/pkgconfig:/usr/share/pkgconfig)
find_program(graceshim_emulator NAMES qemu-${emulator}-static qemu-${emulator})
if(graceshim_emulator)
  set(CMAKE_CROSSCOMPILING_EMULATOR ${graceshim_emulator})
endif()
