// The whole program in its order: argv, environ, file -> layers -> Config -> Plan -> loop -> Report -> exit status.
#pragma once

namespace graceshim {

// Runs graceshim, and ends with its exit status.
[[noreturn]] void app_main(int argc, char** argv, char** environment);

}  // namespace graceshim
