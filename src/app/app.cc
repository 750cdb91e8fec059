#include "app.h"

namespace graceshim {

int app_main(int /*argc*/, char** /*argv*/, char** /*environment*/) { return 125; }

}  // namespace graceshim
