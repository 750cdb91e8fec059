// How a message names a setting.
#pragma once

#include <string>

#include "config.h"

namespace graceshim {

// Returns "stop.plan (--stop-plan)", and the key alone for a default.
template <class T>
std::string named(std::string key, const Setting<T>& setting) {
  if (!setting.where.empty()) key.append(" (").append(setting.where).append(")");
  return key;
}

}  // namespace graceshim
