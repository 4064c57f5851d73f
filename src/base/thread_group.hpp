#pragma once

#include <functional>
#include <string>
#include <thread>
#include <vector>

namespace gradus {

/// Threads that are waited for together. Whatever happens between their start and join(), all that were started are
/// waited for before this object is gone. Every thread of the library and the program is made here.
class ThreadGroup {
 public:
  ThreadGroup() = default;
  ~ThreadGroup() { join(); }
  ThreadGroup(const ThreadGroup&) = delete;
  ThreadGroup& operator=(const ThreadGroup&) = delete;

  /// Starts threads that call work(0) ... work(count - 1), which must not throw; returns how many were started, the
  /// first ones. They are fewer than `count` where the system makes no more (its limit on processes, or on memory): the
  /// work is then for those there are, the calling thread among them, and on_missing_threads() says so.
  int start(int count, const std::function<void(int)>& work);
  /// Waits for all of them.
  void join();

 private:
  std::vector<std::thread> threads_;
};

/// Who is told, in a sentence, that the system made fewer threads than were asked for: once, by the first group that
/// misses some after this call. Nobody by default; an empty function is nobody again. From any thread.
void on_missing_threads(std::function<void(const std::string& sentence)> tell);

}  // namespace gradus
