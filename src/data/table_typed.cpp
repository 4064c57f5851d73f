// Rows as people type them, with blanks between their values.

#include <algorithm>

#include "base/text.hpp"
#include "data/table_fields.hpp"

namespace gradus {
namespace {

std::vector<std::string> words_of(std::string_view line) {
  std::vector<std::string> words;
  for (std::string& word : split_text(line, ' ')) {
    if (!trim(word).empty()) words.emplace_back(trim(word));
  }
  return words;
}

std::string joined(const std::vector<std::string>& words, std::size_t begin, std::size_t count) {
  std::string text;
  for (std::size_t i = begin; i < begin + count; ++i) text += (i == begin ? "" : " ") + words[i];
  return text;
}

/// Fits the words of a line to columns, one after another.
class Fitting {
 public:
  Fitting(std::vector<const ColumnSchema*> columns, const std::vector<std::string>& words, bool known_words)
      : columns_(std::move(columns)), words_(words), known_words_(known_words) {}

  bool fits() { return fit(0, 0); }
  [[nodiscard]] std::string line() const {
    std::string line;
    for (const std::string& field : fields_) line += (line.empty() ? "\"" : ",\"") + field + "\"";
    return line;
  }

 private:
  bool fit(std::size_t column, std::size_t word) {
    const std::size_t left = words_.size() - word, columns_left = columns_.size() - column;
    if (columns_left == 0) return left == 0;
    if (left < columns_left) return false;
    for (std::size_t count = left - columns_left + 1; count > 0; --count) {
      const std::string field = joined(words_, word, count);
      if (!takes(*columns_[column], field)) continue;
      fields_.push_back(field);
      if (fit(column + 1, word + count)) return true;
      fields_.pop_back();
    }
    return false;
  }
  [[nodiscard]] bool takes(const ColumnSchema& column, const std::string& text) const {
    const CsvField field{text, false};
    double number = 0;
    DateTime date;
    switch (column.role) {
      case ColumnRole::number:
        return read_number(column, field, column.decimal, number) != Reading::wrong;
      case ColumnRole::date:
        return read_date(column, field, date) != Reading::wrong;
      case ColumnRole::words:
      case ColumnRole::classes: {
        const auto& known = column.categories;
        return !known_words_ || is_missing_word(field) || std::find(known.begin(), known.end(), text) != known.end();
      }
      case ColumnRole::target:
      case ColumnRole::weight:
        return field_kind(field, number, column.decimal) != FieldKind::word;
      case ColumnRole::ignored:
        return true;
    }
    return false;
  }

  std::vector<const ColumnSchema*> columns_;
  const std::vector<std::string>& words_;
  bool known_words_;
  std::vector<std::string> fields_;
};

}  // namespace

std::string separated_line(const TableSchema& schema, std::string_view line) {
  constexpr std::size_t most_words = 200;  // a typed line has fewer
  const std::vector<std::string> words = words_of(line);
  if (words.empty() || words.size() > most_words) return std::string(line);
  const auto columns_but = [&](bool label, bool weight) {
    std::vector<const ColumnSchema*> columns;
    for (const ColumnSchema& column : schema.columns) {
      const bool left_out = (label && column.is_label()) || (weight && column.role == ColumnRole::weight);
      if (!left_out) columns.push_back(&column);
    }
    return columns;
  };
  const bool weighted = schema.weight().has_value();
  std::vector<std::vector<const ColumnSchema*>> layouts{columns_but(true, false), columns_but(false, false)};
  if (weighted) layouts.push_back(columns_but(true, true));
  for (const auto& columns : layouts) {  // a header
    const bool named =
        words.size() == columns.size() && std::all_of(columns.begin(), columns.end(), [&](const ColumnSchema* column) {
          return std::find(words.begin(), words.end(), column->name) != words.end();
        });
    if (named) {
      std::string names;
      for (const std::string& word : words) names += (names.empty() ? "" : ",") + word;
      return names;
    }
  }
  for (const bool known : {true, false}) {
    for (const auto& columns : layouts) {
      Fitting fitting(columns, words, known);
      if (fitting.fits()) return fitting.line();
    }
  }
  return joined(words, 0, words.size());
}

}  // namespace gradus
