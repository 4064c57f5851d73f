#include "data/table_statistics.hpp"

#include <algorithm>
#include <cmath>

#include "data/split_rows.hpp"
#include "data/table_fields.hpp"

namespace gradus {

void NumberStatistics::add(double value) {
  ++count;
  const double step = value - mean;
  mean += step / static_cast<double>(count);
  squares += step * (value - mean);
  least = count == 1 ? value : std::min(least, value);
  greatest = count == 1 ? value : std::max(greatest, value);
  whole = whole && value == std::nearbyint(value);
}

double NumberStatistics::deviation() const {
  return count > 0 ? std::sqrt(std::max(0.0, squares) / static_cast<double>(count)) : 0;
}

namespace {

constexpr std::size_t most_words_counted = 100'000;

class Collector {
 public:
  Collector(const TableSchema& schema, const std::vector<bool>& watch_twice)
      : schema_(schema), watch_twice_(watch_twice), seen_(schema.columns.size()), columns_(schema.columns.size()) {}

  void add(const std::vector<CsvField>& row, std::int64_t number) {
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (schema_.columns[c].is_input()) add_field(c, row[c], number);
    }
  }
  std::vector<ColumnStatistics> take() { return std::move(columns_); }

 private:
  void add_field(std::size_t c, const CsvField& field, std::int64_t row) {
    const ColumnSchema& column = schema_.columns[c];
    ColumnStatistics& statistics = columns_[c];
    ++statistics.rows;
    if (column.role == ColumnRole::words) return add_word(statistics, field, row);
    double value = 0;
    DateTime date;
    const Reading reading = column.role == ColumnRole::number ? read_number(column, field, column.decimal, value)
                                                              : read_date(column, field, date);
    if (reading != Reading::value) {
      ++statistics.missing;
    } else if (column.role == ColumnRole::number) {
      statistics.number.add(value);
      if (watch_twice_[c] && !statistics.twice) statistics.twice = !seen_[c].insert(value).second;
    } else {
      for (const DatePart part : date_parts) statistics.parts[static_cast<std::size_t>(part)].add(date.part(part));
    }
  }
  static void add_word(ColumnStatistics& statistics, const CsvField& field, std::int64_t row) {
    if (is_missing_word(field)) {
      ++statistics.missing;
      return;
    }
    const std::string key(field.text);
    const auto found = statistics.words.find(key);
    if (found != statistics.words.end()) {
      ++found->second.count;
    } else if (statistics.words.size() < most_words_counted) {
      statistics.words.emplace(key, WordStatistics{1, row});
    }
  }

  const TableSchema& schema_;
  const std::vector<bool>& watch_twice_;
  std::vector<std::unordered_set<double>> seen_;
  std::vector<ColumnStatistics> columns_;
};

// The labels of the rows that reading keeps, and which rows these are.
struct KeptRows {
  std::vector<std::int32_t> labels;
  std::vector<bool> kept;
};

KeptRows kept_rows(const TableSchema& schema, const CsvText& text) {
  KeptRows result;
  const std::size_t label = schema.label();
  const ColumnSchema& of_label = schema.columns[label];
  const WordIndex classes(of_label.categories);
  TableRows rows(text);
  std::vector<CsvField> row;
  double number = 0;
  while (rows.next_whole(row)) {
    const bool classified = of_label.role == ColumnRole::classes;
    const std::int32_t place = classified ? classes.find(row[label]) : 0;
    const bool labelled =
        classified ? place >= 0 : field_kind(row[label], number, of_label.decimal) == FieldKind::number;
    bool keep = labelled;
    for (std::size_t c = 0; keep && schema.drop_missing && c < row.size(); ++c) {
      const ColumnSchema& column = schema.columns[c];
      const bool missing = column.role == ColumnRole::weight
                               ? field_kind(row[c], number, column.decimal) == FieldKind::missing
                               : reads_as_missing(column, row[c], column.decimal);
      keep = !missing;
    }
    result.kept.push_back(keep);
    if (keep) result.labels.push_back(place);
  }
  return result;
}

}  // namespace

std::vector<CountedWord> one_spelling_each(std::vector<CountedWord> words) {
  std::vector<std::string> texts;
  for (const auto& [word, statistics] : words) texts.push_back(word);
  if (!have_one_truth_pair(texts)) return words;
  std::vector<CountedWord> merged;
  for (const auto& [word, statistics] : words) {
    const auto truth = boolean_of(word);
    const auto same = std::find_if(merged.begin(), merged.end(),
                                   [&](const CountedWord& each) { return truth && boolean_of(each.first) == truth; });
    if (same == merged.end()) {
      merged.emplace_back(word, statistics);
      continue;
    }
    if (statistics.first < same->second.first) same->first = word, same->second.first = statistics.first;
    same->second.count += statistics.count;
  }
  return merged;
}

std::vector<ColumnStatistics> column_statistics(const TableSchema& schema, const CsvText& text,
                                                const std::vector<bool>& training,
                                                const std::vector<bool>& watch_twice) {
  Collector collector(schema, watch_twice);
  TableRows rows(text);
  std::vector<CsvField> row;
  for (std::int64_t number = 0; rows.next_whole(row); ++number) {
    if (training.empty() || training[static_cast<std::size_t>(number)]) collector.add(row, number);
  }
  return collector.take();
}

std::vector<bool> training_rows(const TableSchema& schema, const CsvText& text, const datasets::CsvOptions& options) {
  if (!(options.test_split > 0)) return {};
  KeptRows rows = kept_rows(schema, text);
  const auto count = static_cast<std::int64_t>(rows.labels.size());
  if (count < options.test_split_from) return {};
  const ColumnSchema& label = schema.columns[schema.label()];
  std::vector<bool> cut;
  if (text.bytes.file() != nullptr) {  // what stays on the disk is cut at its end
    cut.assign(static_cast<std::size_t>(count), false);
    std::fill(cut.end() - split_count(count, options.test_split), cut.end(), true);
  } else if (label.role == ColumnRole::classes) {
    cut = split_rows(rows.labels, static_cast<std::int32_t>(label.categories.size()), options.test_split,
                     options.test_seed);
  } else {
    cut = split_rows(count, options.test_split, options.test_seed);
  }
  std::size_t at = 0;
  std::vector<bool> training(rows.kept.size());
  for (std::size_t r = 0; r < training.size(); ++r) training[r] = rows.kept[r] && !cut[at++];
  return training;
}

}  // namespace gradus
