#include "formats/zip.hpp"

#include <zip.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>
#include <system_error>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"

namespace gradus {
namespace {

constexpr std::uint64_t most_members = 10'000;

std::string text_of(zip_error_t& error) {
  std::string text = zip_error_strerror(&error);
  zip_error_fini(&error);
  return text;
}

/// The name stays inside the place where somebody might unpack it.
bool stays_inside(std::string_view name) {
  if (name.empty() || name.front() == '/' || name.find('\0') != std::string_view::npos) return false;
  for (std::size_t begin = 0; begin <= name.size();) {
    const std::size_t end = std::min(name.find_first_of("/\\", begin), name.size());
    if (name.substr(begin, end - begin) == "..") return false;
    begin = end + 1;
  }
  return true;
}

struct CloseFile {
  void operator()(zip_file_t* file) const { zip_fclose(file); }
};

}  // namespace

struct ZipReader::Handle {
  explicit Handle(zip_t* opened) : archive(opened) {}
  ~Handle() { zip_discard(archive); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  zip_t* archive;
};

void ZipReader::fail(const std::string& sentence) const { throw Error(ErrorCode::bad_data, path_ + ": " + sentence); }

ZipReader::ZipReader(const std::string& path) : path_(path) {
  int code = 0;
  zip_t* archive = zip_open(path.c_str(), ZIP_RDONLY, &code);
  if (archive == nullptr) {
    const int system = errno;
    if (code == ZIP_ER_NOENT) throw Error(ErrorCode::not_found, no_such_file(path));
    if (code == ZIP_ER_OPEN || code == ZIP_ER_READ || code == ZIP_ER_SEEK) {
      throw Error(ErrorCode::io, path + ": " + std::generic_category().message(system));
    }
    if (code == ZIP_ER_NOZIP) fail("no readable zip archive: what stands at its end is missing, as when it is cut off");
    zip_error_t error;
    zip_error_init_with_code(&error, code);
    fail("no readable zip archive: " + text_of(error));
  }
  handle_ = std::make_unique<Handle>(archive);
  std::error_code unknown;
  const std::uintmax_t size = std::filesystem::file_size(path, unknown);
  budget_ = ReadBudget(unknown ? 0 : size);
  check_members();
}

ZipReader::~ZipReader() = default;

void ZipReader::check_members() {
  const zip_int64_t count = zip_get_num_entries(handle_->archive, 0);
  if (count < 0 || static_cast<std::uint64_t>(count) > most_members) {
    fail("the archive has " + std::to_string(count) + " members, more than " + std::to_string(most_members));
  }
  std::set<std::string> names;
  for (zip_int64_t i = 0; i < count; ++i) {
    zip_stat_t stat;
    zip_stat_init(&stat);
    constexpr zip_uint64_t needed = ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(handle_->archive, static_cast<zip_uint64_t>(i), 0, &stat) != 0 ||
        (stat.valid & needed) != needed) {
      fail("member " + std::to_string(i) + " of the archive cannot be read");
    }
    const std::string name = stat.name;
    if (!stays_inside(name)) fail("the member " + in_quotes(name) + " leads out of the archive");
    if (!names.insert(name).second) fail("the archive has two members called " + in_quotes(name));
    if ((stat.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && stat.encryption_method != ZIP_EM_NONE) {
      fail("the member " + in_quotes(name) + " is encrypted");
    }
    if (stat.comp_method != ZIP_CM_STORE && stat.comp_method != ZIP_CM_DEFLATE) {
      fail("the member " + in_quotes(name) + " is packed by method " + std::to_string(stat.comp_method) +
           "; stored (0) or deflated (8) can be read");
    }
    members_.push_back({name, stat.size});
  }
}

bool ZipReader::contains(std::string_view name) const {
  return std::any_of(members_.begin(), members_.end(), [&](const Member& member) { return member.name == name; });
}

std::vector<std::uint8_t> ZipReader::read(std::string_view name, std::uint64_t limit) const {
  std::vector<std::uint8_t> bytes;
  read_pieces(name, limit,
              [&](std::span<const std::uint8_t> piece) { bytes.insert(bytes.end(), piece.begin(), piece.end()); });
  return bytes;
}

void ZipReader::read_pieces(std::string_view name, std::uint64_t limit,
                            const std::function<void(std::span<const std::uint8_t>)>& take) const {
  const std::string member(name);
  zip_stat_t stat;
  zip_stat_init(&stat);
  if (zip_stat(handle_->archive, member.c_str(), 0, &stat) != 0) fail("the archive has no member '" + member + "'");
  const std::string place = "the member '" + member + "' ";
  if (stat.size > limit) {
    fail(place + "says it holds " + std::to_string(stat.size) + " bytes, more than the " + std::to_string(limit) +
         " allowed");
  }
  budget_.take(stat.size, path_ + ": " + member);
  const std::unique_ptr<zip_file_t, CloseFile> file(zip_fopen(handle_->archive, member.c_str(), 0));
  if (file == nullptr) fail(place + "cannot be opened: " + zip_strerror(handle_->archive));

  std::vector<std::uint8_t> bytes;
  constexpr std::uint64_t most = std::uint64_t{8} << 20;
  std::uint64_t done = 0;
  // One byte more than promised is asked for: the end is where the checksum is compared.
  while (done <= stat.size) {
    bytes.resize(static_cast<std::size_t>(std::min(most, stat.size - done + 1)));
    const zip_int64_t got = zip_fread(file.get(), bytes.data(), bytes.size());
    if (got < 0) fail(place + "is damaged: " + zip_file_strerror(file.get()));
    if (got == 0) break;
    done += static_cast<std::uint64_t>(got);
    take(std::span(bytes).first(static_cast<std::size_t>(got)));
  }
  if (done != stat.size) {
    fail(place + "holds " + (done > stat.size ? "more than " : std::to_string(done) + " of ") + "the " +
         std::to_string(stat.size) + " bytes that it says");
  }
}

namespace {

/// An archive being written into memory.
class MemoryArchive {
 public:
  MemoryArchive() {
    zip_error_t error;
    zip_error_init(&error);
    source_ = zip_source_buffer_create(nullptr, 0, 0, &error);
    if (source_ == nullptr) fail(text_of(error));
    zip_source_keep(source_);  // the archive takes one reference, the bytes are read through the other
    archive_ = zip_open_from_source(source_, ZIP_TRUNCATE, &error);
    if (archive_ == nullptr) fail(text_of(error));
  }
  ~MemoryArchive() {
    if (archive_ != nullptr) zip_discard(archive_);
    if (source_ != nullptr) zip_source_free(source_);
  }
  MemoryArchive(const MemoryArchive&) = delete;
  MemoryArchive& operator=(const MemoryArchive&) = delete;

  void add(const ZipMember& member) {
    zip_source_t* source = zip_source_buffer(archive_, member.bytes.data(), member.bytes.size(), 0);
    if (source == nullptr) fail(zip_strerror(archive_));
    const zip_int64_t index = zip_file_add(archive_, member.name.c_str(), source, ZIP_FL_ENC_UTF_8);
    if (index < 0) {
      zip_source_free(source);
      fail(zip_strerror(archive_));
    }
    constexpr zip_uint16_t midnight = 0, first_of_1980 = (1 << 5) | 1;
    const auto entry = static_cast<zip_uint64_t>(index);
    if (zip_set_file_compression(archive_, entry, ZIP_CM_STORE, 0) != 0 ||
        zip_file_set_dostime(archive_, entry, midnight, first_of_1980, 0) != 0) {
      fail(zip_strerror(archive_));
    }
  }

  void write_to(AtomicFile& file) {
    if (zip_close(archive_) != 0) fail(zip_strerror(archive_));
    archive_ = nullptr;
    if (zip_source_open(source_) != 0) fail("the archive cannot be read back");
    std::vector<std::uint8_t> piece(std::size_t{1} << 20);
    for (;;) {
      const zip_int64_t got = zip_source_read(source_, piece.data(), piece.size());
      if (got < 0) fail("the archive cannot be read back");
      if (got == 0) break;
      file.write(std::span<const std::uint8_t>(piece.data(), static_cast<std::size_t>(got)));
    }
    zip_source_close(source_);
  }

 private:
  [[noreturn]] static void fail(const std::string& reason) {
    throw Error(ErrorCode::io, "the zip archive cannot be made: " + reason);
  }

  zip_source_t* source_ = nullptr;
  zip_t* archive_ = nullptr;
};

}  // namespace

void write_zip(AtomicFile& file, std::span<const ZipMember> members) {
  MemoryArchive archive;
  for (const ZipMember& member : members) archive.add(member);
  archive.write_to(file);
}

}  // namespace gradus
