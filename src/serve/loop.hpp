#pragma once

#include <chrono>
#include <cstdint>
#include <list>
#include <utility>

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
  /// `handshakes` of TLS may go on at a time.
  Loop(const ServeOptions& options, std::int64_t handshakes, Metrics& metrics);
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  /// Runs in the calling thread until the server stops and every connection is done.
  void run();
  /// From any thread: closes idle connections, lets the others finish until `grace` has passed.
  void stop(Clock::duration grace);

  [[nodiscard]] boost::asio::io_context& io() { return io_; }
  /// A number that no other request of this process has, most likely.
  [[nodiscard]] std::uint64_t next_number() { return number_++; }
  [[nodiscard]] Gather& gather() { return gather_; }
  /// In the loop's own thread.
  std::list<AnyConnection*>::iterator enter(AnyConnection* connection);
  void leave(std::list<AnyConnection*>::iterator place);
  /// Whether `connection` may begin its handshake now; it then has to call end_handshake(). Where too many go on, the
  /// oldest is ended when it has had its time, so that silent clients keep nobody out for long.
  [[nodiscard]] bool begin_handshake(AnyConnection* connection);
  void end_handshake(const AnyConnection* connection);

 private:
  void sweep();

  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  boost::asio::steady_timer timer_{io_};
  Clock::duration period_;
  bool stopping_ = false;
  std::uint64_t number_;
  Clock::time_point give_up_ = Clock::time_point::max();
  std::list<AnyConnection*> connections_;
  std::list<std::pair<AnyConnection*, Clock::time_point>> handshakes_;  // oldest first
  std::size_t most_handshakes_;
  Gather gather_;
};

}  // namespace gradus::serve
