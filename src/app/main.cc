#include <unistd.h>

#include "app.h"

int main(int argc, char** argv, char** environment) {
  const int status = graceshim::app_main(argc, argv, environment);
#ifdef GRACESHIM_ENDS_AT_ONCE
  _exit(status);  // all is written: what exit(3) does for libraries is the kernel's to do, and our parent waits
#else
  return status;  // a sanitizer, or gcov, has the last word
#endif
}
