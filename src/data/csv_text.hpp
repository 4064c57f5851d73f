#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <gradus/dataset.hpp>

#include "base/mapped_file.hpp"
#include "data/field.hpp"

namespace gradus {

/// Cuts CSV text (RFC 4180, and what is usual beyond it) into rows: quoted fields with "" for a quote, separators and
/// line ends within quotes, LF, CRLF or CR at the end of lines. Blank lines are passed over.
class CsvScanner {
 public:
  /// `name` is the file's, for messages; `text` must outlive the scanner and starts at line `line`. `file`, where the
  /// text lies in one that is mapped, gives back now and then the memory of what was read; it may be null.
  /// A row of more than `most_fields` is refused.
  CsvScanner(std::string name, std::string_view text, char separator, std::size_t most_fields, std::int64_t line = 1,
             const MappedFile* file = nullptr);

  /// The next row, or false at the end. What `fields` shows lives until the next call. Throws `bad_data` for a quote
  /// that is not closed, or closed before the end of its field, and for a row of too many fields.
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
  [[noreturn]] void too_many_fields() const;
  [[noreturn]] void fail(std::int64_t line, const std::string& sentence) const;

  std::string name_;
  std::string_view text_;
  char separator_;
  std::size_t most_fields_;
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
  bool header_sure = true;           ///< false where only words that do not come again say that there is a header
  bool json = false;                 ///< fields without quotes are JSON's: numbers have a decimal point
  std::vector<std::string> columns;  ///< from the header; else "0", "1", ...; without those that are empty at the end
  std::vector<std::string> remarks;  ///< what was guessed, a sentence each

  /// What may be built from the bytes, beside its columns.
  [[nodiscard]] ReadBudget budget() const;
  /// The most columns that the file may have.
  [[nodiscard]] std::size_t most_columns() const;
  [[nodiscard]] std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.all().data()), bytes.all().size()};
  }
};

/// Finds columns by name: at once where they are asked for in their order, else through an index.
class ColumnFinder {
 public:
  /// `columns` must outlive the finder.
  explicit ColumnFinder(const std::vector<std::string>& columns) : columns_(columns) {}
  /// The place of the column, nothing where there is none.
  [[nodiscard]] std::optional<std::size_t> find(std::string_view name);

 private:
  const std::vector<std::string>& columns_;
  std::size_t next_ = 0;
  std::unordered_map<std::string_view, std::size_t> places_;  // empty until it is needed
};

/// The rows of a table: those of the scanner, without lines that hold separators alone and without empty fields beyond
/// the last column, as spreadsheets write them.
class TableRows {
 public:
  explicit TableRows(const CsvText& text);

  /// The next row, as CsvScanner::next.
  bool next(std::vector<CsvField>& fields);
  /// The same, of a row that has a field for each column. Throws `bad_data` for one that has not.
  bool next_whole(std::vector<CsvField>& fields);
  [[nodiscard]] std::int64_t line() const noexcept { return scanner_.line(); }
  [[nodiscard]] std::size_t position() const noexcept { return scanner_.position(); }

 private:
  const CsvText& text_;
  CsvScanner scanner_;
};

/// Brings the text to UTF-8 (it may be UTF-16 with its mark, or Windows-1252) and finds out separator, header and
/// columns, where `options` do not give them. A name that stands twice in a header gets a number, as pandas gives it:
/// "first", "first.1". Throws `bad_data` for what is empty or not text.
CsvText csv_text(std::string name, HeldBytes bytes, const datasets::CsvOptions& options);
/// Of text that is in memory already, which is copied.
HeldBytes bytes_of(std::string_view text);

}  // namespace gradus
