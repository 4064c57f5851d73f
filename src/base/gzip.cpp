#include "base/gzip.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"

namespace gradus {

struct InputFile::Inflater {
  z_stream stream{};
  bool in_member = true;
  bool finished = false;

  Inflater() {
    constexpr int gzip_only = 15 + 16;
    if (inflateInit2(&stream, gzip_only) != Z_OK) throw Error(ErrorCode::io, "zlib does not start: out of memory");
  }
  ~Inflater() { inflateEnd(&stream); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;
};

InputFile::InputFile(const std::string& path) : path_(path) {
  descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (descriptor_ < 0) {
    if (errno == ENOENT || errno == ENOTDIR) throw Error(ErrorCode::not_found, no_such_file(path));
    throw Error(ErrorCode::io, path + ": cannot open: " + std::strerror(errno));
  }
  try {
    struct stat status {};
    if (::fstat(descriptor_, &status) != 0) throw Error(ErrorCode::io, path + ": " + std::strerror(errno));
    if (S_ISDIR(status.st_mode)) throw Error(ErrorCode::bad_data, path + ": is a directory, where a file is expected");
    if (!S_ISREG(status.st_mode)) throw Error(ErrorCode::bad_data, path + ": is not a regular file");
    file_size_ = static_cast<std::uint64_t>(status.st_size);
    budget_ = ReadBudget(file_size_);
    changed_ = status.st_mtim;
    buffer_.resize(std::clamp<std::uint64_t>(file_size_, 16, 256 * 1024));
    refill();
    look_for_gzip();
  } catch (...) {
    ::close(descriptor_);
    throw;
  }
}

InputFile::InputFile(std::string name, std::span<const std::uint8_t> bytes)
    : path_(std::move(name)),
      file_size_(bytes.size()),
      budget_(bytes.size()),
      pending_(bytes),
      file_offset_(bytes.size()) {
  look_for_gzip();
}

InputFile::~InputFile() {
  if (descriptor_ >= 0) ::close(descriptor_);
}

void InputFile::look_for_gzip() {
  if (pending_.size() < 2 || pending_[0] != 0x1f || pending_[1] != 0x8b) return;
  compressed_ = true;
  inflater_ = std::make_unique<Inflater>();
}

void InputFile::fail(const std::string& sentence) const { throw Error(ErrorCode::bad_data, path_ + ": " + sentence); }

std::uint64_t InputFile::most_bytes() const noexcept { return compressed_ ? file_size_ * 1032 : file_size_; }

void InputFile::check_unchanged() const {
  struct stat now {};
  if (::fstat(descriptor_, &now) != 0) throw Error(ErrorCode::io, path_ + ": " + std::strerror(errno));
  const bool same = static_cast<std::uint64_t>(now.st_size) == file_size_ && now.st_mtim.tv_sec == changed_.tv_sec &&
                    now.st_mtim.tv_nsec == changed_.tv_nsec;
  if (!same) fail("was changed while it was read; try again when nothing writes to it");
}

bool InputFile::refill() {
  if (descriptor_ < 0) return false;
  for (;;) {
    const ssize_t count = ::read(descriptor_, buffer_.data(), buffer_.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      throw Error(ErrorCode::io, path_ + ": cannot read: " + std::strerror(errno));
    }
    pending_ = std::span(buffer_).first(static_cast<std::size_t>(count));
    file_offset_ += pending_.size();
    if (count == 0) check_unchanged();
    return count > 0;
  }
}

std::size_t InputFile::read_raw(std::span<std::uint8_t> out) {
  std::size_t filled = 0;
  while (filled < out.size() && (!pending_.empty() || refill())) {
    const std::size_t count = std::min(pending_.size(), out.size() - filled);
    std::memcpy(out.data() + filled, pending_.data(), count);
    pending_ = pending_.subspan(count);
    filled += count;
  }
  return filled;
}

// Behind a member comes another one, the end, or zeros that tapes and some tools pad with.
void InputFile::start_member() {
  while (!pending_.empty() || refill()) {
    if (pending_[0] == 0) {
      pending_ = pending_.subspan(1);
      continue;
    }
    if (pending_[0] != 0x1f) {
      fail("at offset " + std::to_string(file_offset_ - pending_.size()) + ": something else follows the gzip data");
    }
    inflateReset(&inflater_->stream);
    inflater_->in_member = true;
    return;
  }
  inflater_->finished = true;
}

std::size_t InputFile::read_inflated(std::span<std::uint8_t> out) {
  z_stream& stream = inflater_->stream;
  std::size_t filled = 0;
  while (filled < out.size()) {
    if (!inflater_->in_member && !inflater_->finished) start_member();
    if (inflater_->finished) break;
    if (pending_.empty() && !refill()) {
      fail("the gzip data are cut off at offset " + std::to_string(file_offset_) + ", after " +
           count_of(static_cast<std::int64_t>(offset_ + filled), "unpacked byte"));
    }
    // A byte more than is allowed tells a file that goes beyond it from one that ends there.
    const std::size_t room =
        static_cast<std::size_t>(std::min<std::uint64_t>({out.size() - filled, 1U << 30, budget_.left() + 1}));
    stream.next_in = const_cast<Bytef*>(pending_.data());
    stream.avail_in = static_cast<uInt>(pending_.size());
    stream.next_out = out.data() + filled;
    stream.avail_out = static_cast<uInt>(room);
    const int status = inflate(&stream, Z_NO_FLUSH);
    pending_ = pending_.last(stream.avail_in);
    filled += room - stream.avail_out;
    budget_.take(room - stream.avail_out, path_);
    if (status == Z_STREAM_END) {
      inflater_->in_member = false;
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      fail("the gzip data are broken at offset " + std::to_string(file_offset_ - pending_.size()) + ": " +
           (stream.msg != nullptr ? stream.msg : "not gzip"));
    }
  }
  return filled;
}

std::size_t InputFile::read(std::span<std::uint8_t> out) {
  std::size_t filled = 0;
  if (peeked_ >= 0 && !out.empty()) {
    out[0] = static_cast<std::uint8_t>(peeked_);
    peeked_ = -1;
    filled = 1;
  }
  const auto rest = out.subspan(filled);
  const std::size_t count = inflater_ ? read_inflated(rest) : read_raw(rest);
  offset_ += filled + count;
  return filled + count;
}

std::vector<std::uint8_t> InputFile::read_up_to(std::uint64_t count) {
  // A size that a header claims is taken on trust up to a modest multiple of what lies on the disk.
  const std::uint64_t trusted = compressed_ ? (std::uint64_t{16} << 20) + 8 * file_size_ : file_size_;
  std::vector<std::uint8_t> bytes;
  std::uint64_t want = std::min(count, std::max<std::uint64_t>(trusted, 1));
  while (bytes.size() < count) {
    const std::size_t before = bytes.size();
    bytes.resize(static_cast<std::size_t>(want));
    const std::size_t got = read(std::span(bytes).subspan(before));
    bytes.resize(before + got);
    if (before + got < want || at_end()) break;
    want = std::min({count, want * 2, compressed_ ? bytes.size() + budget_.left() + 1 : count});
  }
  return bytes;
}

bool InputFile::at_end() {
  if (peeked_ >= 0) return false;
  std::uint8_t byte = 0;
  const std::size_t got = inflater_ ? read_inflated(std::span(&byte, 1)) : read_raw(std::span(&byte, 1));
  if (got == 0) return true;
  peeked_ = byte;
  return false;
}

std::vector<std::uint8_t> read_file(const std::string& path, std::uint64_t limit) {
  InputFile file(path);
  std::vector<std::uint8_t> bytes = file.read_up_to(limit);
  if (!file.at_end()) {
    throw Error(ErrorCode::bad_data, path + ": holds more than " + count_of(static_cast<std::int64_t>(limit), "byte") +
                                         ", the most that is read");
  }
  return bytes;
}

}  // namespace gradus
