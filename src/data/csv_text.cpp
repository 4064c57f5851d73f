#include "data/csv_text.hpp"

#include <algorithm>

#include <gradus/error.hpp>

#include "base/gzip.hpp"
#include "base/text.hpp"

namespace gradus {
namespace {

/// What a column takes beside its values: its name, what is known of it, a field of each row at hand.
constexpr std::uint64_t bytes_per_column = 1024;

std::string_view without_blanks(std::string_view text) {
  while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == ' ' || text.back() == '\t')) text.remove_suffix(1);
  return text;
}

}  // namespace

ReadBudget CsvText::budget() const {
  ReadBudget budget = bytes.budget();
  budget.take(columns.size(), bytes_per_column, name);
  return budget;
}

std::size_t CsvText::most_columns() const {
  return static_cast<std::size_t>(std::max<std::uint64_t>(1, bytes.budget().left() / bytes_per_column));
}

CsvScanner::CsvScanner(std::string name, std::string_view text, char separator, std::size_t most_fields,
                       std::int64_t line, const MappedFile* file)
    : name_(std::move(name)), text_(text), separator_(separator), most_fields_(most_fields), line_(line), file_(file) {}

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
    if (fields.size() == most_fields_) too_many_fields();
    fields.push_back({field, false});
    if (at == end || *at != separator) break;
    ++at;
  }
  position_ = static_cast<std::size_t>(at - text_.data());
  return false;
}

void CsvScanner::too_many_fields() const {
  fail(row_line_, "more than " + with_commas(static_cast<std::int64_t>(most_fields_)) +
                      " fields in a row, the most allowed for a file of this size; where you trust it, raise the limit "
                      "(--read-limit, ReadLimits)");
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
  if (position_ >= text_.size()) {
    if (file_ != nullptr) file_->check();
    return false;
  }
  row_line_ = line_;
  do {
    if (!plain_fields(fields)) continue;
    if (fields.size() == most_fields_) too_many_fields();
    fields.push_back(quoted_field());
  } while (!end_of_row());
  return true;
}

std::optional<std::size_t> ColumnFinder::find(std::string_view name) {
  if (next_ < columns_.size() && columns_[next_] == name) return next_++;
  if (places_.empty()) {
    for (std::size_t c = 0; c < columns_.size(); ++c) places_.emplace(columns_[c], c);
  }
  const auto found = places_.find(name);
  if (found == places_.end()) return std::nullopt;
  next_ = found->second + 1;
  return found->second;
}

TableRows::TableRows(const CsvText& text)
    : text_(text),
      scanner_(text.name, text.text().substr(text.body), text.separator, text.most_columns(), text.body_line,
               text.bytes.file().get()) {}

bool TableRows::next(std::vector<CsvField>& fields) {
  const std::size_t width = text_.columns.size();
  if (text_.json) return scanner_.next(fields);
  while (scanner_.next(fields)) {
    while (fields.size() > width && fields.back().text.empty()) fields.pop_back();
    if (width == 1 || !fields.front().text.empty()) return true;
    if (!std::all_of(fields.begin(), fields.end(), [](const CsvField& f) { return f.text.empty(); })) return true;
  }
  return false;
}

bool TableRows::next_whole(std::vector<CsvField>& fields) {
  if (!next(fields)) return false;
  if (fields.size() == text_.columns.size()) return true;
  throw Error(ErrorCode::bad_data, text_.name + ":" + std::to_string(line()) + ": " +
                                       count_of(static_cast<std::int64_t>(fields.size()), "field") + ", expected " +
                                       std::to_string(text_.columns.size()) + " as in the first line");
}

HeldBytes text_bytes(const std::string& path, bool on_disk) {
  constexpr std::uint64_t most_in_memory = std::uint64_t{8} << 30, piece = std::uint64_t{1} << 20;
  InputFile packed(path);
  if (!on_disk) {
    std::vector<std::uint8_t> bytes = packed.read_up_to(most_in_memory);
    if (!packed.at_end()) throw Error(ErrorCode::bad_data, path + ": holds more than 8 GiB, the most that is read");
    return {std::move(bytes), packed.budget()};
  }
  if (!packed.compressed()) return {std::make_shared<const MappedFile>(path), packed.budget()};
  if (packed.at_end()) return std::vector<std::uint8_t>();  // there is no mapping nothing
  TemporaryFile unpacked;
  while (!packed.at_end()) unpacked.append(packed.read_up_to(piece));
  return {unpacked.map(), packed.budget()};
}

std::uint64_t text_size(const std::string& path) {
  const InputFile file(path);
  return file.file_size() * (file.compressed() ? 4 : 1);
}

HeldBytes bytes_of(std::string_view text) { return std::vector<std::uint8_t>(text.begin(), text.end()); }

}  // namespace gradus
