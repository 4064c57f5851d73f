#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <gradus/dataset.hpp>

#include "base/mapped_file.hpp"

namespace gradus {

/// One field of a row, without its quotes and, unless it had some, without blanks at its ends.
struct CsvField {
  std::string_view text;
  bool quoted = false;
};

/// Cuts CSV text (RFC 4180, and what is usual beyond it) into rows: quoted fields with "" for a quote, separators and
/// line ends within quotes, LF, CRLF or CR at the end of lines. Blank lines are passed over.
class CsvScanner {
 public:
  /// `name` is the file's, for messages; `text` must outlive the scanner and starts at line `line`. `file`, where the
  /// text lies in one that is mapped, gives back now and then the memory of what was read; it may be null.
  CsvScanner(std::string name, std::string_view text, char separator, std::int64_t line = 1,
             const MappedFile* file = nullptr);

  /// The next row, or false at the end. What `fields` shows lives until the next call. Throws `bad_data` for a quote
  /// that is not closed, or closed before the end of its field.
  bool next(std::vector<CsvField>& fields);
  /// The number of the line on which the last row began; the first is 1.
  [[nodiscard]] std::int64_t line() const noexcept { return row_line_; }
  /// Where the next row begins, in bytes.
  [[nodiscard]] std::size_t position() const noexcept { return position_; }
  [[nodiscard]] std::int64_t next_line() const noexcept { return line_; }

 private:
  bool plain_fields(std::vector<CsvField>& fields);
  CsvField quoted_field();
  bool end_of_row();
  [[noreturn]] void fail(std::int64_t line, const std::string& sentence) const;

  std::string name_;
  std::string_view text_;
  char separator_;
  std::size_t position_ = 0;
  std::int64_t line_;
  std::int64_t row_line_ = 0;
  const MappedFile* file_;
  std::size_t released_ = 0;           // up to here the file's memory was given back
  std::deque<std::string> unescaped_;  // fields that had "" in them; a deque keeps them where they are
};

/// A file of text, unpacked: read, at most 8 GiB, or left `on_disk` and mapped, where a packed one goes into a
/// temporary file first.
HeldBytes text_bytes(const std::string& path, bool on_disk);
/// How many bytes that will be; of a packed file a guess, four times as many as it has.
std::uint64_t text_size(const std::string& path);

/// A table as text, and what its first lines tell.
struct CsvText {
  std::string name;            ///< for messages: the path, or "standard input"
  HeldBytes bytes;             ///< UTF-8
  std::size_t body = 0;        ///< where the first row of data begins
  std::int64_t body_line = 1;  ///< and on which line
  char separator = ',';
  bool header = false;
  std::vector<std::string> columns;  ///< from the header; else "0", "1", ...

  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.all().data()), bytes.all().size()};
  }
  [[nodiscard]] CsvScanner rows() const {
    return {name, text().substr(body), separator, body_line, bytes.file().get()};
  }
};

/// Finds out separator, header and columns, where `options` do not give them. Throws `bad_data` for what is empty or
/// no text, or a header that names two columns alike.
CsvText csv_text(std::string name, HeldBytes bytes, const datasets::CsvOptions& options);
/// Of text that is in memory already, which is copied.
HeldBytes bytes_of(std::string_view text);

/// How a field reads among numbers.
enum class FieldKind { number, missing, word };
FieldKind field_kind_of_any(const CsvField& field, double& value);
/// Puts a number into `value`. Empty, NA, N/A, NaN, null and ? are missing.
inline FieldKind field_kind(const CsvField& field, double& value) {
  // Nearly all fields of tables of pixels have one to three digits.
  const std::size_t size = field.text.size();
  if (size == 0 || size > 3) return field_kind_of_any(field, value);
  unsigned number = 0;
  for (std::size_t i = 0; i < size; ++i) {
    const auto digit = static_cast<unsigned>(static_cast<unsigned char>(field.text[i])) - '0';
    if (digit > 9) return field_kind_of_any(field, value);
    number = number * 10 + digit;
  }
  value = static_cast<int>(number);
  return FieldKind::number;
}

}  // namespace gradus
