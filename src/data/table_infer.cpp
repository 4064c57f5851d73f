// What each column of a table is, found out from all of its rows.

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>
#include <set>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "data/table.hpp"

namespace gradus {
namespace {

constexpr std::size_t most_words = 1000;          // in one column; more is a name or a key, nothing to learn from
constexpr std::size_t most_number_classes = 100;  // more distinct numbers are amounts
constexpr std::int64_t pixels = 28 * 28;

struct ColumnFacts {
  std::int64_t numbers = 0;
  std::int64_t missing = 0;
  std::int64_t words = 0;
  std::string first_word;
  std::int64_t first_word_line = 0;
  std::int64_t first_fraction_line = 0;
  double first_fraction = 0;
  bool bytes = true;
  std::array<bool, 256> seen{};  // which bytes there were
  double sum = 0;
  double least = std::numeric_limits<double>::infinity();
  double greatest = -std::numeric_limits<double>::infinity();

  [[nodiscard]] bool whole() const { return first_fraction_line == 0; }
  [[nodiscard]] bool mostly_words() const { return words > numbers; }
};

void note_number(ColumnFacts& facts, double value, std::int64_t line) {
  ++facts.numbers;
  facts.sum += value;
  facts.least = std::min(facts.least, value);
  facts.greatest = std::max(facts.greatest, value);
  if (value >= 0 && value <= 255 && value == static_cast<int>(value)) {
    facts.seen[static_cast<std::size_t>(value)] = true;
    return;
  }
  facts.bytes = false;
  if (facts.whole() && value != std::nearbyint(value)) {
    facts.first_fraction_line = line;
    facts.first_fraction = value;
  }
}

struct Survey {
  std::vector<ColumnFacts> columns;
  std::int64_t rows = 0;
};

Survey survey(const CsvText& text) {
  Survey result{std::vector<ColumnFacts>(text.columns.size()), 0};
  CsvScanner rows = text.rows();
  std::vector<CsvField> row;
  while (rows.next(row)) {
    if (row.size() != text.columns.size()) {
      throw Error(ErrorCode::bad_data, text.name + ":" + std::to_string(rows.line()) + ": " +
                                           count_of(static_cast<std::int64_t>(row.size()), "field") + ", expected " +
                                           std::to_string(text.columns.size()) + " as in the first line");
    }
    ++result.rows;
    for (std::size_t c = 0; c < row.size(); ++c) {
      ColumnFacts& facts = result.columns[c];
      double value = 0;
      switch (field_kind(row[c], value)) {
        case FieldKind::number:
          note_number(facts, value, rows.line());
          break;
        case FieldKind::missing:
          ++facts.missing;
          break;
        case FieldKind::word:
          if (facts.words++ == 0) {
            facts.first_word = row[c].text;
            facts.first_word_line = rows.line();
          }
      }
    }
  }
  if (result.rows == 0) throw Error(ErrorCode::bad_data, text.name + ": has a header, but no rows");
  return result;
}

// A column by its name, or by its number; from the end when that is negative.
std::size_t find_column(const CsvText& text, const std::string& wanted, const char* what) {
  const auto found = std::find(text.columns.begin(), text.columns.end(), wanted);
  if (found != text.columns.end()) return static_cast<std::size_t>(found - text.columns.begin());
  const auto count = static_cast<std::int64_t>(text.columns.size());
  if (const auto index = parse_int(wanted)) {
    if (*index >= -count && *index < count) return static_cast<std::size_t>(*index < 0 ? *index + count : *index);
    throw Error(ErrorCode::not_found, text.name + ": " + what + " " + wanted + ": there are " +
                                          count_of(count, "column") + ", 0 to " + std::to_string(count - 1));
  }
  std::string guess = did_you_mean(wanted, text.columns);
  if (guess.empty() && text.columns.size() <= 20) {
    guess = "; there are ";
    for (const std::string& column : text.columns) guess += (&column == &text.columns.front() ? "" : ", ") + column;
  }
  throw Error(ErrorCode::not_found, text.name + ": " + what + ": there is no column " + in_quotes(wanted) + guess);
}

std::size_t find_label(const CsvText& text, const datasets::CsvOptions& options, const Survey& facts) {
  if (!options.label.empty()) return find_column(text, options.label, "label");
  // Where the weights are named, the label is looked for among the other columns.
  const std::size_t none = text.columns.size();
  const std::size_t weight = options.weight.empty() ? none : find_column(text, options.weight, "weight");
  const std::size_t first = weight == 0 ? 1 : 0, last = weight == none - 1 ? none - 2 : none - 1;
  if (none - (weight == none ? 0 : 1) == 0) {
    throw Error(ErrorCode::bad_data, text.name + ": has no column besides the weights");
  }
  if (!text.header) {
    const bool whole_numbers = std::all_of(facts.columns.begin(), facts.columns.end(),
                                           [](const ColumnFacts& c) { return c.words == 0 && c.whole(); });
    return whole_numbers ? first : last;
  }
  std::vector<std::size_t> telling;
  for (std::size_t c = 0; c < text.columns.size(); ++c) {
    const std::string name = lower(text.columns[c]);
    if (name == "label" || name == "class" || name == "target") telling.push_back(c);
  }
  return telling.size() == 1 ? telling.front() : last;
}

[[noreturn]] void fail_not_a_number(const CsvText& text, const std::string& column, const ColumnFacts& facts) {
  std::string hint;
  std::string with_point = facts.first_word;
  std::replace(with_point.begin(), with_point.end(), ',', '.');
  if (with_point != facts.first_word && parse_real(with_point)) {
    hint = " (numbers have a decimal point, not a comma)";
  } else if (facts.words == 1 && facts.first_word_line == 1) {
    hint = " (is the first line a header?)";
  } else {
    hint = " (" + with_commas(facts.numbers) +
           " of the column's values are; if they are all words, name it as categorical)";
  }
  throw Error(ErrorCode::bad_data, text.name + ":" + std::to_string(facts.first_word_line) + ": column " +
                                       in_quotes(column) + ": " + in_quotes(facts.first_word) + " is not a number" +
                                       hint);
}

// Roles of all columns as far as the survey tells; the label's is settled by settle_label.
void assign_roles(TableSchema& schema, const CsvText& text, const datasets::CsvOptions& options, const Survey& facts,
                  std::size_t label) {
  for (std::size_t c = 0; c < text.columns.size(); ++c) {
    const bool words = facts.columns[c].mostly_words();
    schema.columns.push_back({.name = text.columns[c], .role = words ? ColumnRole::words : ColumnRole::number});
  }
  for (const std::string& name : options.categorical) {
    schema.columns[find_column(text, name, "categorical")].role = ColumnRole::words;
  }
  if (!options.weight.empty()) {
    const std::size_t c = find_column(text, options.weight, "weight");
    if (c == label) {
      throw Error(ErrorCode::invalid_argument,
                  text.name + ": column " + in_quotes(text.columns[c]) + " is named as the label and as the weight");
    }
    schema.columns[c].role = ColumnRole::weight;
  }
  for (const std::string& name : options.ignore) {
    const std::size_t c = find_column(text, name, "ignore");
    if (c == label) {
      throw Error(ErrorCode::invalid_argument, text.name + ": column " + in_quotes(name) + " is the label and ignored");
    }
    schema.columns[c].role = ColumnRole::ignored;
  }
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    const bool number = schema.columns[c].role == ColumnRole::number;
    if (number && facts.columns[c].words > 0) fail_not_a_number(text, schema.columns[c].name, facts.columns[c]);
  }
}

using Counts = std::map<std::string, std::int64_t, std::less<>>;

void count_word(Counts& counts, std::string_view word) {
  const auto found = counts.find(word);
  if (found != counts.end()) {
    ++found->second;
  } else {
    counts.emplace(word, 1);
  }
}

// The words of the columns of words, and the label's values.
std::vector<Counts> count_words(const TableSchema& schema, const CsvText& text, std::size_t label,
                                const ColumnFacts& label_facts) {
  std::vector<Counts> counts(schema.columns.size());
  const bool seen = label_facts.bytes && label_facts.words == 0;  // the survey knows all there is
  std::vector<std::size_t> watched;
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    if (c == label ? !seen : schema.columns[c].role == ColumnRole::words) watched.push_back(c);
  }
  for (std::size_t value = 0; seen && value < label_facts.seen.size(); ++value) {
    if (label_facts.seen[value]) counts[label].emplace(std::to_string(value), 1);
  }
  if (watched.empty()) return counts;
  CsvScanner rows = text.rows();
  std::vector<CsvField> row;
  while (rows.next(row)) {
    for (const std::size_t c : watched) {
      // One more than allowed tells that there are too many.
      if (row[c].text.empty() || counts[c].size() > most_words) continue;
      if (c == label) {
        count_word(counts[c], class_key(row[c]));
      } else {
        count_word(counts[c], row[c].text);
      }
    }
  }
  return counts;
}

void settle_words(TableSchema& schema, const CsvText& text, const std::vector<Counts>& counts, std::size_t label) {
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    ColumnSchema& column = schema.columns[c];
    if (c == label || column.role != ColumnRole::words) continue;
    if (counts[c].size() > most_words) {
      throw Error(ErrorCode::bad_data, text.name + ": column " + in_quotes(column.name) + " holds more than " +
                                           with_commas(most_words) +
                                           " different words, too many to learn from; ignore it");
    }
    for (const auto& [word, count] : counts[c]) column.categories.push_back(word);
  }
}

// What stands for missing values, by `options.missing`.
void settle_fills(TableSchema& schema, const datasets::CsvOptions& options, const Survey& facts,
                  const std::vector<Counts>& counts) {
  const bool mean = options.missing == "mean", zero = options.missing == "zero";
  schema.drop_missing = options.missing == "drop";
  if (!mean && !zero) return;
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    ColumnSchema& column = schema.columns[c];
    if (column.role == ColumnRole::number) {
      const ColumnFacts& f = facts.columns[c];
      column.fill = mean && f.numbers > 0 ? f.sum / static_cast<double>(f.numbers) : 0.0;
    } else if (column.role == ColumnRole::words) {
      const auto most = std::max_element(counts[c].begin(), counts[c].end(),
                                         [](const auto& a, const auto& b) { return a.second < b.second; });
      column.fill =
          mean && most != counts[c].end() ? static_cast<double>(std::distance(counts[c].begin(), most)) : -1.0;
    }
  }
}

// Whole numbers are classes as they stand when they fill 0 ... greatest well enough; else they are numbered in order.
std::vector<std::string> number_classes(const TableSchema& schema, const ColumnFacts& facts, const Counts& counts,
                                        std::int32_t wanted) {
  constexpr double most_pixels_classes = 1000;
  std::int64_t classes = wanted;
  const double gaps_allowed = schema.image ? most_pixels_classes : 2.0 * static_cast<double>(counts.size()) + 10;
  const bool starts = schema.image ? facts.least >= 0 : facts.least == 0;
  if (classes == 0 && starts && facts.greatest < gaps_allowed) {
    classes = static_cast<std::int64_t>(facts.greatest) + 1;
    if (schema.image) classes = std::max<std::int64_t>(classes, 10);
  }
  std::vector<std::string> names;
  if (classes > 0) {
    for (std::int64_t k = 0; k < classes; ++k) names.push_back(std::to_string(k));
    return names;
  }
  std::set<std::int64_t> values;
  for (const auto& [key, count] : counts) {
    if (const auto value = parse_int(key)) values.insert(*value);
  }
  for (const std::int64_t value : values) names.push_back(std::to_string(value));
  return names;
}

void settle_label(TableSchema& schema, const CsvText& text, const datasets::CsvOptions& options, const Survey& survey,
                  const Counts& counts, std::size_t label) {
  ColumnSchema& column = schema.columns[label];
  const ColumnFacts& facts = survey.columns[label];
  const auto fail = [&](std::int64_t line, const std::string& sentence, ErrorCode code = ErrorCode::bad_data) {
    throw Error(code, text.name + (line > 0 ? ":" + std::to_string(line) : "") + ": column " + in_quotes(column.name) +
                          ": " + sentence);
  };
  if (facts.numbers + facts.words == 0) fail(0, "the labels are all missing");
  const bool words = column.role == ColumnRole::words;
  const bool amounts = !words && (!facts.whole() || counts.size() > most_number_classes) && options.classes == 0;
  if (options.regression.value_or(amounts)) {
    if (words) fail(facts.first_word_line, in_quotes(facts.first_word) + " is not a number to predict");
    column.role = ColumnRole::target;
    return;
  }
  column.role = ColumnRole::classes;
  if (!words && !facts.whole()) {
    fail(facts.first_fraction_line, std::to_string(facts.first_fraction) + " is a number with a fraction, not a class");
  }
  if (counts.size() > most_words) fail(0, "more than " + with_commas(most_words) + " different classes");
  if (words) {
    for (const auto& [word, count] : counts) column.categories.push_back(word);
    const auto found = static_cast<std::int32_t>(column.categories.size());
    if (options.classes != 0 && options.classes != found) {
      fail(0, std::to_string(found) + " different classes, not " + std::to_string(options.classes));
    }
  } else {
    column.categories = number_classes(schema, facts, counts, options.classes);
  }
}

}  // namespace

TableSchema infer_schema(const CsvText& text, const datasets::CsvOptions& options) {
  const std::vector<std::string> policies = {"error", "mean", "zero", "drop"};
  if (std::find(policies.begin(), policies.end(), options.missing) == policies.end()) {
    throw Error(ErrorCode::invalid_argument, "missing values: " + in_quotes(options.missing) +
                                                 " is none of error, mean, zero and drop" +
                                                 did_you_mean(options.missing, policies));
  }
  if (options.classes < 0) throw Error(ErrorCode::invalid_argument, text.name + ": the number of classes is negative");
  const Survey facts = survey(text);
  const std::size_t label = find_label(text, options, facts);
  TableSchema schema;
  schema.header = text.header;
  assign_roles(schema, text, options, facts, label);
  const std::vector<Counts> counts = count_words(schema, text, label, facts.columns[label]);
  settle_words(schema, text, counts, label);
  settle_fills(schema, options, facts, counts);
  schema.bytes = true;
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    const ColumnRole role = schema.columns[c].role;
    if (c == label || role == ColumnRole::ignored || role == ColumnRole::weight) continue;
    const bool filled = facts.columns[c].missing > 0 && schema.columns[c].fill.value_or(0) != 0;
    schema.bytes = schema.bytes && role == ColumnRole::number && facts.columns[c].bytes && !filled;
  }
  schema.columns[label].fill.reset();
  const bool label_counted = schema.columns[label].role == ColumnRole::number;
  schema.image = schema.bytes && schema.width() - (label_counted ? 1 : 0) == pixels;
  settle_label(schema, text, options, facts, counts[label], label);
  if (schema.width() == 0) throw Error(ErrorCode::bad_data, text.name + ": has no column besides the label");
  return schema;
}

}  // namespace gradus
