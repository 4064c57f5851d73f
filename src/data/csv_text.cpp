#include "data/csv_text.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/text.hpp"

namespace gradus {
namespace {

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

CsvScanner::CsvScanner(std::string name, std::string_view text, char separator, std::int64_t line,
                       const MappedFile* file)
    : name_(std::move(name)), text_(text), separator_(separator), line_(line), file_(file) {}

void CsvScanner::fail(std::int64_t line, const std::string& sentence) const {
  throw Error(ErrorCode::bad_data, name_ + ":" + std::to_string(line) + ": " + sentence);
}

// Fields up to the end of the row; true when it stops before that at a quote. This loop sees every byte of a table.
bool CsvScanner::plain_fields(std::vector<CsvField>& fields) {
  const char* const end = text_.data() + text_.size();
  const char* at = text_.data() + position_;
  const char separator = separator_;
  for (;;) {
    const char* const begin = at;
    while (at != end && *at != separator && *at != '\n' && *at != '\r') ++at;
    std::string_view field(begin, static_cast<std::size_t>(at - begin));
    if (begin != at && (*begin <= ' ' || *begin == '"' || at[-1] <= ' ')) {
      field = without_blanks(field);
      if (!field.empty() && field.front() == '"') {
        position_ = static_cast<std::size_t>(field.data() - text_.data());
        return true;
      }
    }
    fields.push_back({field, false});
    if (at == end || *at != separator) break;
    ++at;
  }
  position_ = static_cast<std::size_t>(at - text_.data());
  return false;
}

CsvField CsvScanner::quoted_field() {
  const std::int64_t opened = line_;
  const std::size_t begin = ++position_;
  std::string* copy = nullptr;
  std::size_t copied = begin;  // up to here the text is in `copy`
  for (;; ++position_) {
    if (position_ >= text_.size()) fail(opened, "the quote that opens here is never closed");
    const char c = text_[position_];
    if (c == '\n') ++line_;
    if (c != '"') continue;
    const bool doubled = position_ + 1 < text_.size() && text_[position_ + 1] == '"';
    if (!doubled) break;
    if (copy == nullptr) copy = &unescaped_.emplace_back();
    copy->append(text_, copied, position_ + 1 - copied);
    copied = position_ + 2;
    ++position_;
  }
  std::string_view content = text_.substr(begin, position_ - begin);
  if (copy != nullptr) {
    copy->append(text_, copied, position_ - copied);
    content = *copy;
  }
  ++position_;
  while (position_ < text_.size() && text_[position_] == ' ') ++position_;
  if (position_ < text_.size()) {
    const char c = text_[position_];
    if (c != separator_ && c != '\n' && c != '\r') {
      fail(line_, "something follows the closing quote of field " + in_quotes(content) +
                      "; within quotes, a quote is written twice");
    }
  }
  return {content, true};
}

// Behind a field: true when it was the last of its row.
bool CsvScanner::end_of_row() {
  if (position_ >= text_.size()) return true;
  const char c = text_[position_++];
  if (c == separator_) return false;
  if (c == '\r' && position_ < text_.size() && text_[position_] == '\n') ++position_;
  ++line_;
  return true;
}

bool CsvScanner::next(std::vector<CsvField>& fields) {
  constexpr std::size_t held = std::size_t{16} << 20;
  if (file_ != nullptr && position_ - released_ >= held) {
    file_->release();
    released_ = position_;
  }
  fields.clear();
  unescaped_.clear();
  while (position_ < text_.size() && (text_[position_] == '\n' || text_[position_] == '\r')) (void)end_of_row();
  if (position_ >= text_.size()) return false;
  row_line_ = line_;
  do {
    if (plain_fields(fields)) fields.push_back(quoted_field());
  } while (!end_of_row());
  return true;
}

FieldKind field_kind_of_any(const CsvField& field, double& value) {
  const std::string_view text = field.quoted ? without_blanks(field.text) : field.text;
  if (text.empty()) return FieldKind::missing;
  if (const auto number = parse_real(text)) {
    value = *number;
    return FieldKind::number;
  }
  if (text.size() <= 4) {
    const std::string word = lower(text);
    for (const char* missing : {"na", "n/a", "nan", "null", "?"}) {
      if (word == missing) return FieldKind::missing;
    }
  }
  return FieldKind::word;
}

namespace {

void check_is_text(const std::string& name, std::string_view text) {
  const auto fail = [&](const std::string& sentence) { throw Error(ErrorCode::bad_data, name + ": " + sentence); };
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) fail("is UTF-16; tables are read as UTF-8");
  const std::string_view head = text.substr(0, 4096);
  const auto zero = head.find('\0');
  if (zero != std::string_view::npos) fail("is not text: a zero byte at offset " + std::to_string(zero));
  if (trim(head).empty() && trim(text).empty()) fail("is empty");
}

constexpr std::size_t lines_looked_at = 20;

// The candidate that cuts the first lines into equally many fields, the more the better.
char find_separator(const std::string& name, std::string_view text) {
  char best = ',';
  std::size_t best_fields = 1;
  for (const char candidate : {'\t', ';', ','}) {
    CsvScanner scanner(name, text, candidate);
    std::vector<CsvField> row;
    std::size_t fields = 0;
    try {
      for (std::size_t i = 0; i < lines_looked_at && scanner.next(row); ++i) {
        if (i > 0 && row.size() != fields) {
          // A ragged table is an error that the reader reports; as a candidate it counts for half.
          fields = std::max<std::size_t>(1, std::min(fields, row.size()) / 2);
          break;
        }
        fields = row.size();
      }
    } catch (const Error&) {
      continue;  // quotes do not fit with this one
    }
    if (fields > best_fields) {
      best = candidate;
      best_fields = fields;
    }
  }
  return best;
}

// A first line of words only, all different, is a header when numbers stand under one of them, or when none of its
// words comes again in its column.
bool find_header(const std::vector<std::vector<std::string>>& rows) {
  const std::vector<std::string>& first = rows.front();
  std::set<std::string> names;
  double ignored = 0;
  for (std::size_t c = 0; c < first.size(); ++c) {
    const FieldKind kind = field_kind({first[c], false}, ignored);
    const bool index_column = c == 0 && first[c].empty();  // pandas leaves the name of its row numbers empty
    if (kind != FieldKind::word && !index_column) return false;
    if (!names.insert(first[c]).second) return false;
  }
  bool again = false;
  for (std::size_t r = 1; r < rows.size(); ++r) {
    for (std::size_t c = 0; c < std::min(first.size(), rows[r].size()); ++c) {
      if (field_kind({rows[r][c], false}, ignored) == FieldKind::number) return true;
      again = again || rows[r][c] == first[c];
    }
  }
  return !again;
}

void name_columns(CsvText& text, const std::vector<std::string>& first) {
  for (std::size_t c = 0; c < first.size(); ++c) {
    const bool named = text.header && !first[c].empty();
    text.columns.push_back(named ? first[c] : std::to_string(c));
  }
  std::set<std::string> seen;
  for (const std::string& column : text.columns) {
    if (!seen.insert(column).second) {
      throw Error(ErrorCode::bad_data, text.name + ":1: two columns are called " + in_quotes(column));
    }
  }
}

}  // namespace

HeldBytes text_bytes(const std::string& path, bool on_disk) {
  constexpr std::uint64_t most_in_memory = std::uint64_t{8} << 30, piece = std::uint64_t{1} << 20;
  if (!on_disk) return read_file(path, most_in_memory);
  InputFile packed(path);
  if (!packed.compressed()) return std::make_shared<const MappedFile>(path);
  if (packed.at_end()) return std::vector<std::uint8_t>();  // there is no mapping nothing
  TemporaryFile unpacked;
  while (!packed.at_end()) unpacked.append(packed.read_up_to(piece));
  return unpacked.map();
}

std::uint64_t text_size(const std::string& path) {
  const InputFile file(path);
  return file.file_size() * (file.compressed() ? 4 : 1);
}

HeldBytes bytes_of(std::string_view text) { return std::vector<std::uint8_t>(text.begin(), text.end()); }

CsvText csv_text(std::string name, HeldBytes bytes, const datasets::CsvOptions& options) {
  CsvText text{.name = std::move(name), .bytes = std::move(bytes), .columns = {}};
  std::string_view all = text.text();
  constexpr std::string_view byte_order_mark = "\xef\xbb\xbf";
  if (all.starts_with(byte_order_mark)) {
    text.body = byte_order_mark.size();
    all.remove_prefix(text.body);
  }
  check_is_text(text.name, all);
  text.separator = options.separator != 0 ? options.separator : find_separator(text.name, all);
  CsvScanner scanner(text.name, all, text.separator);
  std::vector<std::vector<std::string>> rows;
  std::vector<CsvField> row;
  std::size_t second_row = 0;
  std::int64_t second_line = 1;
  while (rows.size() < lines_looked_at && scanner.next(row)) {
    rows.emplace_back();
    for (const CsvField& field : row) rows.back().emplace_back(field.text);
    if (rows.size() > 1) continue;
    second_row = scanner.position();
    second_line = scanner.next_line();
  }
  text.header = options.header ? *options.header : find_header(rows);
  name_columns(text, rows.front());
  if (text.header) {
    text.body += second_row;
    text.body_line = second_line;
  }
  return text;
}

}  // namespace gradus
