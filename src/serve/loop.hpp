#pragma once

#include <chrono>
#include <functional>
#include <list>

#include <gradus/serve.hpp>

#include "serve/asio.hpp"
#include "serve/batching.hpp"
#include "serve/metrics.hpp"

namespace gradus::serve {

using Clock = std::chrono::steady_clock;

inline Clock::duration seconds(double count) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
}

/// A connection as its loop sees it: something with a deadline.
class AnyConnection {
 public:
  virtual ~AnyConnection() = default;
  /// Ends what it waits for, so that it sees that its time is over.
  virtual void expire() = 0;

  Clock::time_point deadline{};
  bool idle = false;     ///< waits for a request
  bool expired = false;  ///< its deadline has passed
};

/// A thread with its connections. All that happens to a connection happens in its loop's thread, so that connections
/// need no locks. Deadlines are looked at a few times a second for all connections together: setting one costs
/// nothing.
class Loop {
 public:
  Loop(const ServeOptions& options, Metrics& metrics);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs in the calling thread until the server stops and every connection is done. What is thrown within, such as
  /// for want of memory, ends the one connection that it hit, with a sentence in the log.
  void run();
  /// From any thread: closes idle connections, lets the others finish until `grace` has passed. Where some are left
  /// then, `give_up` is called, in the loop's thread, and they are cut off.
  void stop(Clock::duration grace, std::function<void()> give_up);

  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  [[nodiscard]] Gather& gather() { return gather_; }
  /// In the loop's own thread.
  std::list<AnyConnection*>::iterator enter(AnyConnection* connection);
  void leave(std::list<AnyConnection*>::iterator place);

 private:
  void sweep();

  const ServeOptions& options_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  boost::asio::steady_timer timer_{io_};
  Clock::duration period_;
  bool stopping_ = false;
  Clock::time_point give_up_ = Clock::time_point::max();
  std::function<void()> on_give_up_;
  std::list<AnyConnection*> connections_;
  Gather gather_;
};

}  // namespace gradus::serve
