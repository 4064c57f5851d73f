#pragma once

namespace gradus::serve {

/// What the system says about this process, as Prometheus's own clients report it.
struct ProcessFigures {
  double cpu_seconds = 0;  ///< user and system time
  double open_fds = 0, max_fds = 0;
  double virtual_bytes = 0, resident_bytes = 0;
  double start_seconds = 0;  ///< since 1970
};

/// Read from /proc; zeros where it is not there.
ProcessFigures process_figures();

}  // namespace gradus::serve
