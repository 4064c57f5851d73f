// Which column a table is to predict, and whether as classes or as amounts.

#include "data/table_label.hpp"

#include <algorithm>
#include <set>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "data/table_fields.hpp"

namespace gradus {
namespace {

constexpr std::int64_t most_classes = 1000;    // of words; more is a name
constexpr std::int64_t most_values = 100'000;  // that are counted
constexpr std::int64_t few_classes = 10, rows_each = 5;
constexpr std::size_t least_pixels = 64, mnist_pixels = 28 * 28;

[[noreturn]] void fail(const TableFindings& table, std::size_t column, const std::string& sentence,
                       std::int64_t line = 0) {
  throw Error(ErrorCode::bad_data, table.text.name + (line > 0 ? ":" + std::to_string(line) : "") + ": column " +
                                       in_quotes(table.text.columns[column]) + ": " + sentence);
}

// Few different values with several rows each.
bool looks_like_classes(const ValueCounts& values) {
  const std::int64_t distinct = values.distinct();
  if (values.too_many || distinct < 2 || distinct > few_classes) return false;
  return values.rows >= distinct * (values.rows < 50 ? 2 : rows_each);
}

// 0, 1, 2 or 1, 2, 3: numbers that stand for classes.
bool are_codes(const ColumnSurvey& column, std::int64_t distinct) {
  return distinct <= few_classes && (column.least == 0 || column.least == 1) &&
         column.greatest - column.least + 1 == static_cast<double>(distinct);
}

std::size_t find_without_header(const TableFindings& table, std::size_t first, std::size_t last) {
  const bool whole = std::all_of(table.columns.begin(), table.columns.end(),
                                 [](const ColumnSurvey& c) { return c.words == 0 && c.whole; });
  if (!whole || first == last) return last;
  if (table.columns.size() == mnist_pixels + 1) return first;
  const bool of_first = looks_like_classes(count_values(table, first));
  const bool of_last = looks_like_classes(count_values(table, last));
  if (of_first && of_last) return table.columns.size() > least_pixels ? first : last;
  return of_first ? first : last;
}

std::size_t likely_label(const TableFindings& table) {
  const CsvText& text = table.text;
  std::vector<bool> out(text.columns.size(), false);
  for (const std::string& name : table.options.ignore) out[find_column(text, name, "ignore")] = true;
  if (!table.options.weight.empty()) out[find_column(text, table.options.weight, "weight")] = true;
  std::vector<std::size_t> candidates, telling;
  std::size_t last = 0;
  for (std::size_t c = 0; c < text.columns.size(); ++c) {
    if (out[c]) continue;
    last = c;
    const std::string name = lower(text.columns[c]);
    if (name == "label" || name == "class" || name == "target") telling.push_back(c);
    if (table.columns[c].filled() > 0) candidates.push_back(c);
  }
  if (candidates.empty()) throw Error(ErrorCode::bad_data, text.name + ": has no column to predict");
  if (text.header && telling.size() == 1) return telling.front();
  if (text.header) {
    if (candidates.size() == 1 && last != candidates.front()) return last;  // which is refused, since it is empty
    if (last != candidates.back()) {
      table.remark("column " + in_quotes(text.columns[last]) + " is empty, so column " +
                   in_quotes(text.columns[candidates.back()]) +
                   " is taken as the one to predict (--target names another)");
    }
    return candidates.back();
  }
  return find_without_header(table, candidates.front(), candidates.back());
}

}  // namespace

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

const ValueCounts& count_values(const TableFindings& table, std::size_t column) {
  const auto [known, fresh] = table.counted.try_emplace(column);
  ValueCounts& values = known->second;
  if (!fresh) return values;
  TableRows rows(table.text);
  std::vector<CsvField> row;
  double number = 0;
  const bool numbers = table.columns[column].words == 0;
  while (rows.next_whole(row)) {
    const CsvField& field = row[column];
    const FieldKind kind = field_kind(field, number, table.decimals[column]);
    if (field.text.empty() || (numbers && kind == FieldKind::missing)) continue;
    ++values.rows;
    const std::string key = class_key(field);
    const auto found = values.counts.find(key);
    if (found != values.counts.end()) {
      ++found->second;
    } else if (values.distinct() < most_values) {
      values.counts.emplace(key, 1);
    } else {
      values.too_many = true;
    }
  }
  return values;
}

std::size_t find_label(const TableFindings& table) {
  if (!table.options.label.empty()) return find_column(table.text, table.options.label, "label");
  return likely_label(table);
}

namespace {

std::string named_counts(const std::vector<std::pair<std::string, std::int64_t>>& words) {
  std::string list;
  for (const auto& [word, count] : words) {
    list += (list.empty() ? "" : ", ") + in_quotes(word) + " (" + count_of(count, "row") + ")";
  }
  return list;
}

void leave_out_missing(const TableFindings& table, std::size_t label, ValueCounts& values) {
  std::vector<std::pair<std::string, std::int64_t>> missing, kept;
  std::int64_t others = 0, different = 0;
  for (const auto& [word, count] : values.counts) {
    if (is_missing_spelling(word)) continue;
    others += count;
    ++different;
  }
  for (const auto& [word, count] : values.counts) {
    if (!is_missing_spelling(word)) continue;
    const bool sign = (word == "-" || word == "\xe2\x80\x93") && values.counts.contains("+");
    const bool as_frequent = lower(word) == "na" && different > 0 && 2 * count * different >= others;
    if (as_frequent) kept.emplace_back(word, count);
    if (!sign && !as_frequent) missing.emplace_back(word, count);
  }
  const std::string column = "column " + in_quotes(table.text.columns[label]);
  if (!kept.empty())
    table.remark(column + ": " + named_counts(kept) + " is taken for a class, not for a missing value");
  if (missing.empty()) return;
  table.remark(column + ": " + named_counts(missing) + (missing.size() == 1 ? " counts" : " count") +
               " as missing (--categorical " + option_value(table.text.columns[label]) + ": a class)");
  for (const auto& [word, count] : missing) values.counts.erase(word), values.rows -= count;
}

void merge_truths(const TableFindings& table, std::size_t label, ValueCounts& values) {
  std::vector<std::string> words;
  for (const auto& [word, count] : values.counts) words.push_back(word);
  const bool all =
      std::all_of(words.begin(), words.end(), [](const std::string& w) { return truth_of(w).has_value(); });
  if (!all || !have_one_truth_pair(words)) return;
  for (const bool truth : {true, false}) {
    std::pair<std::string, std::int64_t> most;
    std::int64_t sum = 0;
    std::string merged;
    for (const std::string& word : words) {
      if (boolean_of(word) != truth) continue;
      const auto found = values.counts.find(word);
      if (found->second > most.second) most = *found;
      sum += found->second;
      merged += (merged.empty() ? "" : ", ") + in_quotes(word);
      values.counts.erase(found);
    }
    if (sum == 0) continue;
    values.counts.emplace(most.first, sum);
    if (sum == most.second) continue;
    table.remark("column " + in_quotes(table.text.columns[label]) + ": " + merged + " are one class, " +
                 in_quotes(most.first) + " (--categorical " + option_value(table.text.columns[label]) +
                 ": each is one)");
  }
}

}  // namespace

ValueCounts label_values(const TableFindings& table, std::size_t label) {
  ValueCounts values = count_values(table, label);
  const auto& categorical = table.options.categorical;
  const bool asked = std::any_of(categorical.begin(), categorical.end(), [&](const std::string& name) {
    return find_column(table.text, name, "categorical") == label;
  });
  if (table.columns[label].words == 0 || asked) return values;
  leave_out_missing(table, label, values);
  merge_truths(table, label, values);
  return values;
}

bool is_pixel_table(const TableFindings& table, std::size_t label) {
  if (table.columns.size() <= least_pixels) return false;
  for (std::size_t c = 0; c < table.columns.size(); ++c) {
    const ColumnSurvey& column = table.columns[c];
    if (c != label && (!column.bytes || column.words > 0 || column.missing > 0)) return false;
  }
  return true;
}

bool label_is_amount(const TableFindings& table, std::size_t label, const ValueCounts& values) {
  const ColumnSurvey& column = table.columns[label];
  if (table.options.regression) return *table.options.regression;
  if (table.options.classes > 0) return false;
  const std::int64_t distinct = values.distinct();
  const bool whole = std::all_of(values.counts.begin(), values.counts.end(),
                                 [](const auto& each) { return parse_int(each.first).has_value(); });
  if (!whole || values.too_many) return true;
  if (distinct <= 2 || looks_like_classes(values)) return false;
  if (is_pixel_table(table, label)) return distinct > most_classes;
  return !(are_codes(column, distinct) && (distinct <= 3 || values.rows >= 2 * distinct));
}

std::vector<std::string> label_classes(const TableFindings& table, std::size_t label, bool words, bool image,
                                       const ValueCounts& values) {
  const ColumnSurvey& column = table.columns[label];
  const std::int32_t wanted = table.options.classes;
  std::vector<std::string> names;
  if (values.too_many || values.distinct() > most_classes) {
    fail(table, label, "more than " + with_commas(most_classes) + " different classes");
  }
  if (words) {
    for (const auto& [word, count] : values.counts) names.push_back(word);
    if (wanted != 0 && wanted != static_cast<std::int32_t>(names.size())) {
      fail(table, label, std::to_string(names.size()) + " different classes, not " + std::to_string(wanted));
    }
    return names;
  }
  std::set<std::int64_t> numbers;
  for (const auto& [key, count] : values.counts) {
    const auto value = parse_int(key);
    if (!value) fail(table, label, in_quotes(key) + " is a number with a fraction, not a class");
    numbers.insert(*value);
  }
  // Whole numbers are classes as they stand when they fill 0 ... greatest well enough; else they are numbered in order.
  std::int64_t classes = wanted;
  const double gaps_allowed = image ? most_classes : 2.0 * static_cast<double>(numbers.size()) + 10;
  const bool starts = image ? column.least >= 0 : column.least == 0;
  if (classes == 0 && starts && column.greatest < gaps_allowed) {
    classes = static_cast<std::int64_t>(column.greatest) + 1;
    if (image) classes = std::max<std::int64_t>(classes, 10);
  }
  for (std::int64_t k = 0; k < classes; ++k) names.push_back(std::to_string(k));
  if (classes == 0) {
    for (const std::int64_t value : numbers) names.push_back(std::to_string(value));
  }
  return names;
}

}  // namespace gradus
