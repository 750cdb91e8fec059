#include "app.h"

int main(int argc, char** argv, char** environ) {
  return graceshim::app_main(argc, argv, environ);
}
