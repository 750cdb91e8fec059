{
  lib,
  stdenv,
  cmake,
  ninja,
  pkg-config,
  fmt,
  libuv,
  spdlog,
  tl-expected,
  tomlplusplus,
}:

stdenv.mkDerivation {
  pname = "graceshim";
  # CMake has it.
  version = builtins.head (
    builtins.match ".*project\\(graceshim VERSION ([0-9.]+).*" (builtins.readFile ../../CMakeLists.txt)
  );

  src = lib.cleanSource ../..;

  nativeBuildInputs = [
    cmake
    ninja
    pkg-config
  ];

  buildInputs = [
    fmt
    libuv
    spdlog
    tl-expected
    tomlplusplus
  ];

  # The tests want a static C library, and commands where Debian has them.
  cmakeFlags = [ "-DBUILD_TESTING=OFF" ];

  meta = {
    description = "Init shim that stops a command the way that command finishes its work";
    license = lib.licenses.mit;
    mainProgram = "graceshim";
    platforms = lib.platforms.linux;
  };
}
