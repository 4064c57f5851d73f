#include "support/subprocess.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <stdexcept>
#include <utility>

namespace gradus::test {

namespace {

struct Pipe {
  int read = -1, write = -1;
  Pipe() {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error(std::string("pipe: ") + std::strerror(errno));
    read = ends[0];
    write = ends[1];
  }
};

void close_and_forget(int& descriptor) {
  if (descriptor >= 0) close(descriptor);
  descriptor = -1;
}

/// Reads what is there; false at the end of the stream. A terminal whose other side has closed says EIO.
bool read_into(std::string& text, int descriptor) {
  char buffer[65536];
  const ssize_t count = read(descriptor, buffer, sizeof buffer);
  if (count > 0) text.append(buffer, static_cast<std::size_t>(count));
  return count > 0 || (count < 0 && (errno == EINTR || errno == EAGAIN));
}

}  // namespace

Process::Process(const std::vector<std::string>& command, const RunOptions& options)
    : input_(options.input), begin_(std::chrono::steady_clock::now()), seconds_limit_(options.seconds_limit) {
  static const bool pipes_do_not_kill = [] { return std::signal(SIGPIPE, SIG_IGN) != SIG_ERR; }();
  (void)pipes_do_not_kill;
  Pipe in, out;
  int error_read = -1, error_write = -1;
  if (options.terminal) {
    winsize size{};
    size.ws_row = 24;
    size.ws_col = 80;
    if (openpty(&error_read, &error_write, nullptr, nullptr, &size) != 0) throw std::runtime_error("openpty failed");
    fcntl(error_read, F_SETFD, FD_CLOEXEC);
    fcntl(error_write, F_SETFD, FD_CLOEXEC);
  } else {
    const Pipe error;
    error_read = error.read;
    error_write = error.write;
  }
  child_ = fork();
  if (child_ < 0) throw std::runtime_error(std::string("fork: ") + std::strerror(errno));
  if (child_ == 0) start_child(command, options, in.read, out.write, error_write);
  close(in.read);
  close(out.write);
  close(error_write);
  in_ = in.write;
  out_ = out.read;
  err_ = error_read;
  fcntl(in_, F_SETFL, O_NONBLOCK);
  if (input_.empty()) close_and_forget(in_);
}

void Process::start_child(const std::vector<std::string>& command, const RunOptions& options, int in, int out,
                          int err) {
  dup2(in, STDIN_FILENO);
  dup2(out, STDOUT_FILENO);
  dup2(err, STDERR_FILENO);
  std::signal(SIGPIPE, SIG_DFL);
  for (const std::string& name : options.without) unsetenv(name.c_str());
  for (const auto& [name, value] : options.variables) setenv(name.c_str(), value.c_str(), 1);
  if (!options.directory.empty() && chdir(options.directory.c_str()) != 0) _exit(126);
  std::vector<char*> arguments;
  arguments.reserve(command.size() + 1);
  for (const std::string& argument : command) arguments.push_back(const_cast<char*>(argument.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  _exit(127);
}

Process::~Process() {
  if (child_ > 0) {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  close_and_forget(in_);
  close_and_forget(out_);
  close_and_forget(err_);
}

void Process::send(int signal) const {
  if (child_ > 0) kill(child_, signal);
}

bool Process::read_some(double seconds) {
  pollfd watched[3];
  nfds_t count = 0;
  for (const int descriptor : {out_, err_}) {
    if (descriptor >= 0) watched[count++] = {descriptor, POLLIN, 0};
  }
  if (count == 0) return false;
  if (in_ >= 0) watched[count++] = {in_, POLLOUT, 0};
  if (poll(watched, count, static_cast<int>(seconds * 1000)) <= 0) return true;
  for (nfds_t i = 0; i < count; ++i) {
    if (watched[i].revents == 0) continue;
    if (watched[i].fd == out_ && !read_into(result_.out, out_)) close_and_forget(out_);
    if (watched[i].fd == err_ && !read_into(result_.err, err_)) close_and_forget(err_);
    if (watched[i].fd == in_) {
      const ssize_t written = write(in_, input_.data(), input_.size());
      if (written > 0) input_.erase(0, static_cast<std::size_t>(written));
      if (input_.empty() || (written < 0 && errno != EAGAIN && errno != EINTR)) close_and_forget(in_);
    }
  }
  return true;
}

bool Process::wait_for(const std::string& text, double seconds) {
  const auto until = std::chrono::steady_clock::now() + std::chrono::duration<double>(seconds);
  const auto seen = [&] {
    return result_.out.find(text) != std::string::npos || result_.err.find(text) != std::string::npos;
  };
  while (!seen()) {
    if (std::chrono::steady_clock::now() > until || !read_some(0.05)) return seen();
  }
  return true;
}

Finished Process::finish() {
  while (read_some(0.05)) {
    if (std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count() > seconds_limit_) {
      send(SIGKILL);
      break;
    }
  }
  int status = 0;
  waitpid(child_, &status, 0);
  child_ = -1;
  result_.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin_).count();
  if (WIFEXITED(status)) result_.status = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) result_.signal = WTERMSIG(status);
  return std::move(result_);
}

Finished run(const std::vector<std::string>& command, const RunOptions& options) {
  Process process(command, options);
  return process.finish();
}

}  // namespace gradus::test
