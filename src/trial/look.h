// What a trial sees of the processes of a row.
#pragma once

#include <string>
#include <vector>

#include "graceshim/duration.h"
#include "listening.h"
#include "processes.h"

namespace graceshim {

// CLOCK_MONOTONIC, in the milliseconds of events.
Millis now();

// Returns the living processes below `root`, without itself.
std::vector<Process> processes_below(int root);

// Returns the sockets of `among` that one of the processes has open.
std::vector<ListeningSocket> sockets_held(const std::vector<Process>& processes,
                                          const std::vector<ListeningSocket>& among);

// Whether one of the processes does something for itself on the signal: it catches it, or waits for it, or its default
// ends a process. That TSTP, TTIN and TTOU only stop a process is nothing, as the CONT behind each step continues it.
// True where /proc cannot tell.
bool is_heard(const std::vector<Process>& processes, int signal);

}  // namespace graceshim
