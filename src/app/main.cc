#include "app.h"

int main(int argc, char** argv, char** environment) {
  graceshim::app_main(argc, argv, environment);
}
