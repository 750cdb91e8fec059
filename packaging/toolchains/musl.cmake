# A static binary with musl and LLVM's libc++, by the compiler of Zig, which brings both: `zig` is looked for in PATH.
# Where musl is the system's own C library, Alpine for one, the preset `static` does without this file.
#
# The libraries are looked for in GRACESHIM_MUSL_PREFIX alone, which tests/portable/row.bash fills from Debian's source
# packages.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR x86_64)
set(CMAKE_C_COMPILER zig cc)
set(CMAKE_CXX_COMPILER zig c++)
set(CMAKE_ASM_COMPILER zig cc)
set(CMAKE_C_COMPILER_TARGET x86_64-linux-musl)
set(CMAKE_CXX_COMPILER_TARGET x86_64-linux-musl)
set(CMAKE_ASM_COMPILER_TARGET x86_64-linux-musl)
set(CMAKE_TRY_COMPILE_PLATFORM_VARIABLES GRACESHIM_MUSL_PREFIX)
set(CMAKE_FIND_ROOT_PATH ${GRACESHIM_MUSL_PREFIX})
set(CMAKE_FIND_ROOT_PATH_MODE_LIBRARY ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_INCLUDE ONLY)
set(CMAKE_FIND_ROOT_PATH_MODE_PACKAGE ONLY)
set(ENV{PKG_CONFIG_LIBDIR} ${GRACESHIM_MUSL_PREFIX}/lib/pkgconfig)
