#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <new>
#include <thread>
#include <utility>

#include <gradus/serve.hpp>

#include "serve/asio.hpp"
#include "serve/batching.hpp"
#include "serve/log.hpp"
#include "serve/metrics.hpp"

namespace gradus::serve {

using Clock = std::chrono::steady_clock;

inline Clock::duration seconds(double count) {
  return std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(count));
}

/// Posts what somebody waits for: it is tried again where there is no memory for a moment.
template <class Function>
void post_surely(boost::asio::io_context& io, const Function& function) noexcept {
  constexpr std::chrono::milliseconds pause{1};
  for (bool posted = false; !posted;) {
    try {
      boost::asio::post(io, function);
      posted = true;
    } catch (const std::bad_alloc&) {
      std::this_thread::sleep_for(pause);
    }
  }
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
  Loop(const ServeOptions& options, std::int64_t handshakes, Metrics& metrics, const Log& log);
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

  const Log& log_;
  boost::asio::io_context io_{1};
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{io_.get_executor()};
  boost::asio::steady_timer timer_{io_};
  Clock::duration period_;
  bool stopping_ = false;
  std::uint64_t number_;
  Clock::time_point give_up_ = Clock::time_point::max();
  std::function<void()> on_give_up_;
  std::list<AnyConnection*> connections_;
  std::list<std::pair<AnyConnection*, Clock::time_point>> handshakes_;  // oldest first
  std::size_t most_handshakes_;
  Gather gather_;
};

}  // namespace gradus::serve
