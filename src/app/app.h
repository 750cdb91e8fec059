// The arrows: argv, environ, file -> layers -> Config -> Plan -> loop -> Report -> exit status.
#pragma once

namespace graceshim {

// Runs graceshim. Returns its exit status.
int app_main(int argc, char** argv, char** environment);

}  // namespace graceshim
