// What each column of a table is, found out from its rows.

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include <gradus/error.hpp>
#include <gradus/spec.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "data/table_label.hpp"
#include "data/table_statistics.hpp"

namespace gradus {
namespace {

constexpr std::size_t mnist_pixels = 28 * 28;
constexpr double common_gaps = 0.05;  // a larger share of missing values gets an input of its own

using Findings = TableFindings;

std::string column_text(const Findings& table, std::size_t c) { return "column " + in_quotes(table.text.columns[c]); }

[[noreturn]] void refuse(const Findings& table, const std::string& sentence) {
  throw Error(ErrorCode::invalid_argument, table.text.name + ": " + sentence);
}

void check_options(const CsvText& text, const datasets::CsvOptions& options) {
  const std::vector<std::string> policies = {"auto", "mean", "zero", "drop", "error"};
  if (std::find(policies.begin(), policies.end(), options.missing) == policies.end()) {
    throw Error(ErrorCode::invalid_argument, "missing values: " + in_quotes(options.missing) +
                                                 " is none of auto, mean, zero, drop and error" +
                                                 did_you_mean(options.missing, policies));
  }
  const auto refuse_option = [&](const std::string& sentence) {
    throw Error(ErrorCode::invalid_argument, text.name + ": " + sentence);
  };
  if (options.classes < 0) refuse_option("the number of classes is negative");
  if (options.text_as_words < 0) refuse_option("the number of words of a column is negative");
  if (options.decimal != 0 && options.decimal != '.' && options.decimal != ',') {
    refuse_option("the decimal mark must be . or ,");
  }
  if (!(options.test_split >= 0 && options.test_split < 1)) refuse_option("the share to test on must be 0 to below 1");
}

Findings find_out(const CsvText& text, const datasets::CsvOptions& options, std::vector<std::string>* remarks) {
  Findings table{text, options, survey_columns(text), {}, remarks};
  std::vector<std::size_t> guessed;
  table.decimals =
      decimal_marks(text, table.columns, std::vector<char>(text.columns.size(), options.decimal), &guessed);
  if (options.decimal != 0) table.decimals.assign(text.columns.size(), options.decimal), guessed.clear();
  for (const std::size_t c : guessed) {
    const std::string& example = table.columns[c].first_ambiguous;
    // Where commas separate fields, a point is the decimal mark.
    if (text.separator == ',' && example.find(',') == std::string::npos) continue;
    const bool comma = table.decimals[c] == ',';
    double value = 0;
    (void)field_kind({example, false}, value, table.decimals[c]);
    table.remark(column_text(table, c) + ": " + in_quotes(example) + " is read as " + Value(value).to_string() +
                 " (--decimal " + (comma ? "." : ",") + ": the other way)");
  }
  if (remarks != nullptr) remarks->insert(remarks->end(), text.remarks.begin(), text.remarks.end());
  return table;
}

// --- roles, as far as the fields themselves tell ---

[[noreturn]] void fail_not_a_number(const Findings& table, std::size_t c) {
  const ColumnSurvey& column = table.columns[c];
  const std::string name = table.text.columns[c];
  std::string hint = "; " + with_commas(column.numbers()) + " of the column's " + with_commas(column.filled()) +
                     " values are. Correct it, or: --numeric " + name + " counts it as missing, --categorical " + name +
                     " takes all values as words, --ignore " + name + " leaves the column out";
  if (column.words == 1 && column.first_word_line == 1) hint = " (is the first line a header? --header yes)";
  const bool beyond = is_beyond_numbers(column.first_word);
  throw Error(ErrorCode::bad_data, table.text.name + ":" + std::to_string(column.first_word_line) + ": " +
                                       column_text(table, c) + ": " + in_quotes(column.first_word) +
                                       (beyond ? " is not a finite number" : " is not a number") + hint);
}

DateOrder likely_order(const ColumnSurvey& column, bool& unsure) {
  const auto count = [&](DateOrder order) { return column.dates[static_cast<std::size_t>(order)]; };
  const bool day = count(DateOrder::day_first) == column.any_date;
  const bool month = count(DateOrder::month_first) == column.any_date;
  const bool year = count(DateOrder::year_first) == column.any_date;
  unsure = day && month && !year;
  if (year) return DateOrder::year_first;
  // Days and months change places in no date: points stand in dates that begin with the day, slashes in either.
  if (day && month)
    return column.first_word.find('.') != std::string::npos ? DateOrder::day_first : DateOrder::month_first;
  if (day || month) return day ? DateOrder::day_first : DateOrder::month_first;
  return *std::max_element(date_orders.begin(), date_orders.end(),
                           [&](DateOrder a, DateOrder b) { return count(a) < count(b); });
}

void make_date(const Findings& table, std::size_t c, ColumnSchema& column) {
  bool unsure = false;
  column.role = ColumnRole::date;
  column.date_order = likely_order(table.columns[c], unsure);
  if (unsure) {
    const bool day = column.date_order == DateOrder::day_first;
    table.remark(column_text(table, c) + ": in " + in_quotes(table.columns[c].first_word) + " the " +
                 (day ? "day" : "month") + " is taken to come first");
  }
}

// A column that nothing was said about.
void guess_role(const Findings& table, std::size_t c, ColumnSchema& column) {
  constexpr double nearly_all = 0.95;
  constexpr std::int64_t many_words = 20, rows_of_a_word = 3;
  const ColumnSurvey& survey = table.columns[c];
  if (survey.filled() == 0) {
    column.role = ColumnRole::ignored;
    table.remark(column_text(table, c) + " is empty and left out");
    return;
  }
  if (survey.words == 0) return;
  if (static_cast<double>(survey.any_date) >= nearly_all * static_cast<double>(survey.filled())) {
    return make_date(table, c, column);
  }
  const bool many = survey.words >= many_words && 5 * survey.words >= survey.filled();
  if (survey.words > survey.numbers() || many) {
    column.role = ColumnRole::words;
    if (survey.words <= survey.numbers()) {
      table.remark(column_text(table, c) + " holds numbers and words and is taken as words (--numeric " + column.name +
                   ": words are missing numbers)");
    }
    return;
  }
  const auto different = static_cast<std::int64_t>(survey.some_words.size());
  if (different == 0 || different > 3 || survey.words < rows_of_a_word * different) fail_not_a_number(table, c);
  column.text_is_missing = true;
  std::string words;
  for (const std::string& word : survey.some_words) words += (words.empty() ? "" : ", ") + in_quotes(word);
  table.remark(column_text(table, c) + " holds numbers; " + words + " (" + count_of(survey.words, "row") +
               ") counts as missing (--categorical " + column.name + ": all values are words)");
}

// The first of several options that name a column.
void apply_named(const Findings& table, TableSchema& schema, std::size_t label, std::vector<bool>& named) {
  const auto each = [&](const std::vector<std::string>& names, const char* what, auto&& apply) {
    for (const std::string& name : names) {
      const std::size_t c = find_column(table.text, name, what);
      if (named[c]) refuse(table, column_text(table, c) + " is named twice; the second time as " + what);
      named[c] = true;
      apply(c, schema.columns[c]);
    }
  };
  each(table.options.categorical, "categorical", [](std::size_t, ColumnSchema& c) { c.role = ColumnRole::words; });
  each(table.options.numeric, "numeric", [](std::size_t, ColumnSchema& c) { c.text_is_missing = true; });
  each(table.options.date, "date", [&](std::size_t c, ColumnSchema& column) {
    make_date(table, c, column);
    column.text_is_missing = true;
    if (c == label) refuse(table, column_text(table, c) + " is the label, which cannot be a date");
  });
  if (!table.options.weight.empty()) {
    const std::size_t c = find_column(table.text, table.options.weight, "weight");
    if (c == label) refuse(table, column_text(table, c) + " is named as the label and as the weight");
    schema.columns[c].role = ColumnRole::weight;
    named[c] = true;
  }
  for (const std::string& name : table.options.ignore) {
    const std::size_t c = find_column(table.text, name, "ignore");
    if (c == label) refuse(table, column_text(table, c) + " is the label and ignored");
    schema.columns[c].role = ColumnRole::ignored;
    named[c] = true;
  }
}

// Targets are 32-bit floats: those that lie close together and far from 0 would fall together.
void check_precision(const Findings& table, std::size_t label) {
  constexpr double much = 0.01, little = 1e-4;  // of the range
  const ColumnSurvey& survey = table.columns[label];
  const double range = survey.greatest - survey.least;
  const double size = std::max(std::abs(survey.least), std::abs(survey.greatest));
  const double step = std::exp2(std::floor(std::log2(size)) - 23);
  const bool is_exact = survey.whole && step <= 1;
  if (!(range > 0) || is_exact || step <= little * range) return;
  const double round = std::pow(10, std::ceil(std::log10(range)));
  std::array<char, 40> constant{};
  std::snprintf(constant.data(), constant.size(), "%.15g", std::floor(survey.least / round) * round);
  const std::string sentence = column_text(table, label) + ": the values differ by " + Value(range).to_string() +
                               " at most, near " + constant.data() + ", where 32-bit floats are " +
                               Value(step).to_string() + " apart; subtract " + constant.data() +
                               " from them and predict the difference";
  if (step > much * range) throw Error(ErrorCode::bad_data, table.text.name + ": " + sentence);
  table.remark(sentence);
}

// The label's part: a class or an amount.
void settle_label(const Findings& table, TableSchema& schema, std::size_t label, bool image) {
  ColumnSchema& column = schema.columns[label];
  const ColumnSurvey& survey = table.columns[label];
  const ValueCounts& values = count_values(table, label);
  if (values.rows == 0) {
    throw Error(ErrorCode::bad_data,
                table.text.name + ": " + column_text(table, label) + ": the labels are all missing");
  }
  const bool words = column.role == ColumnRole::words || survey.words > survey.numbers();
  if (!words && survey.words > 0) fail_not_a_number(table, label);
  const bool amount = words ? table.options.regression.value_or(false) : label_is_amount(table, label, values);
  if (amount && words) {
    throw Error(ErrorCode::bad_data, table.text.name + ":" + std::to_string(survey.first_word_line) + ": " +
                                         column_text(table, label) + ": " + in_quotes(survey.first_word) +
                                         " is not a number to predict");
  }
  column.role = amount ? ColumnRole::target : ColumnRole::classes;
  if (!amount) column.categories = label_classes(table, label, words, image, values);
  if (amount) check_precision(table, label);
  constexpr std::int64_t least_rows = 20;
  if (values.distinct() == 1 && values.rows > 1) {
    table.remark(column_text(table, label) + ", the one to predict, has one value only, " +
                 in_quotes(values.counts.begin()->first) + " (--target names another)");
  }
  if (!amount && values.rows >= least_rows && 2 * values.distinct() > values.rows) {
    table.remark(column_text(table, label) + " has " + with_commas(values.distinct()) + " different values in " +
                 count_of(values.rows, "row") +
                 ", too few rows for each to learn from; is it the column to predict (--target)?");
  }
  const std::int64_t without = survey.rows - values.rows;
  if (without > 0 && (schema.drop_unlabelled || schema.drop_missing)) {
    table.remark(count_of(without, "row") + " without a value in " + column_text(table, label) +
                 (without == 1 ? " is" : " are") + " left out");
  }
}

TableSchema first_schema(const Findings& table, std::size_t label) {
  TableSchema schema;
  schema.header = table.text.header;
  schema.drop_missing = table.options.missing == "drop";
  schema.drop_unlabelled = table.options.missing == "auto";
  for (std::size_t c = 0; c < table.text.columns.size(); ++c) {
    schema.columns.push_back({.name = table.text.columns[c], .decimal = table.decimals[c]});
  }
  std::vector<bool> named(schema.columns.size());
  apply_named(table, schema, label, named);
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    if (c != label && !named[c]) guess_role(table, c, schema.columns[c]);
  }
  return schema;
}

// --- what is learnt from the training rows ---

bool has_name_of_id(const std::string& column) {
  const std::string name = lower(column);
  for (const char* whole :
       {"id", "index", "idx", "row", "rownum", "row_number", "rowid", "uuid", "guid", "nr", "no", "#"}) {
    if (name == whole) return true;
  }
  return name.ends_with("_id") || name.ends_with(" id") || name.starts_with("unnamed:") ||
         (column.size() > 2 && column.ends_with("Id"));
}

// A number for each row, in its order: the first column without a name, as pandas and R write it.
bool counts_the_rows(const Findings& table, std::size_t c) {
  constexpr std::int64_t least_rows = 10;
  const ColumnSurvey& column = table.columns[c];
  const bool unnamed = table.text.columns[c] == std::to_string(c);
  return c == 0 && unnamed && column.rows >= least_rows && column.missing == 0 && column.counts_up &&
         (column.first == 0 || column.first == 1);
}

class Learner {
 public:
  Learner(const Findings& table, TableSchema& schema)
      : table_(table), schema_(schema), keep_all_(schema.drop_missing) {}

  void learn() {
    std::vector<bool> watch(schema_.columns.size());
    for (std::size_t c = 0; c < watch.size(); ++c) {
      const ColumnSurvey& survey = table_.columns[c];
      watch[c] = schema_.columns[c].role == ColumnRole::number && survey.whole && survey.missing == 0 &&
                 (has_name_of_id(schema_.columns[c].name) || counts_the_rows(table_, c));
    }
    const std::vector<bool> training = training_rows(schema_, table_.text, table_.options);
    statistics_ = column_statistics(schema_, table_.text, training, watch);
    for (std::size_t c = 0; c < schema_.columns.size(); ++c) {
      ColumnSchema& column = schema_.columns[c];
      if (column.role == ColumnRole::number) learn_number(c, column, watch[c]);
      if (column.role == ColumnRole::words) learn_words(c, column);
      if (column.role == ColumnRole::date) learn_date(c, column);
    }
  }

 private:
  [[nodiscard]] bool is_auto() const { return table_.options.missing == "auto"; }
  [[nodiscard]] bool fills() const { return table_.options.missing != "drop" && table_.options.missing != "error"; }
  // Few rows say nothing of what varies.
  [[nodiscard]] bool is_enough(const ColumnStatistics& statistics) const {
    constexpr std::int64_t least_rows = 10;
    return statistics.rows >= least_rows && !keep_all_;
  }
  [[nodiscard]] bool zero() const { return table_.options.missing == "zero"; }
  [[nodiscard]] bool is_common(const ColumnStatistics& statistics) const {
    return is_auto() && static_cast<double>(statistics.missing) > common_gaps * static_cast<double>(statistics.rows);
  }
  void leave_out(std::size_t c, const std::string& why) {
    schema_.columns[c] = {.name = schema_.columns[c].name, .role = ColumnRole::ignored};
    table_.remark(column_text(table_, c) + " is left out: " + why);
  }
  void tell_missing(std::size_t c, const ColumnStatistics& statistics, const std::string& instead) {
    if (statistics.missing == 0 || !is_auto()) return;
    const ColumnSurvey& survey = table_.columns[c];
    const std::string where =
        survey.first_missing_line > 0 ? ", first in line " + std::to_string(survey.first_missing_line) : "";
    table_.remark(column_text(table_, c) + ": " + count_of(statistics.missing, "value") + " of " +
                  with_commas(statistics.rows) + (statistics.missing == 1 ? " is" : " are") + " missing" + where +
                  "; " + instead);
  }

  static NumberFacts facts_of(const NumberStatistics& numbers) {
    constexpr double far = 1000;    // so many deviations from 0, half of a float's digits are lost
    constexpr double margin = 0.1;  // of the range, on either side
    NumberFacts facts;
    const double room = margin * (numbers.greatest - numbers.least);
    facts.least = numbers.least - room, facts.greatest = numbers.greatest + room;
    constexpr double exact = 1 << 24;  // a float holds all whole numbers up to here
    const bool is_exact = numbers.whole && std::max(std::abs(facts.least), std::abs(facts.greatest)) < exact;
    if (!is_exact && std::abs(numbers.mean) > far * numbers.deviation()) facts.offset = numbers.mean;
    constexpr double small = 0x1p-16,
                     large = 0x1p40;  // in between the squares are far from the ends of a float's range
    const double deviation = numbers.deviation();
    if (deviation > 0 && (deviation < small || deviation > large))
      facts.unit = std::exp2(std::round(std::log2(deviation)));
    return facts;
  }

  void learn_number(std::size_t c, ColumnSchema& column, bool watched) {
    const ColumnStatistics& statistics = statistics_[c];
    const NumberStatistics& numbers = statistics.number;
    if (watched && !statistics.twice && is_enough(statistics)) {
      return leave_out(c, "it numbers the rows (--numeric " + column.name + ": an input)");
    }
    const bool is_common_gap = is_common(statistics);
    if (!numbers.varies() && is_enough(statistics) && !(is_common_gap && numbers.count > 0)) {
      return leave_out(c, numbers.count == 0
                              ? std::string("it has no value in the rows that are trained on")
                              : "it is " + Value(numbers.least).to_string() + " in every row that is trained on");
    }
    if (fills()) column.fill = zero() ? 0.0 : numbers.mean;
    column.missing_input = is_common_gap;
    tell_missing(c, statistics,
                 is_common_gap ? "the mean takes their place, and one more input says so"
                               : std::string("the mean takes their place"));
    if (numbers.varies()) column.facts = facts_of(numbers);
    if (zero() && column.facts.offset == 0) {
      column.facts.least = std::min(column.facts.least, 0.0),
      column.facts.greatest = std::max(column.facts.greatest, 0.0);
    }
  }

  void learn_words(std::size_t c, ColumnSchema& column) {
    const ColumnStatistics& statistics = statistics_[c];
    std::vector<std::pair<std::string, WordStatistics>> words(statistics.words.begin(), statistics.words.end());
    std::sort(words.begin(), words.end(), [](const auto& a, const auto& b) {
      return a.second.count != b.second.count ? a.second.count > b.second.count : a.second.first < b.second.first;
    });
    const auto& named = table_.options.categorical;
    const bool asked = std::find(named.begin(), named.end(), column.name) != named.end();
    constexpr std::int64_t least_rows = 20;
    const auto different = static_cast<std::int64_t>(words.size());
    const bool gaps = is_auto() && statistics.missing > 0;
    if (different <= 1 && !gaps && is_enough(statistics)) {
      return leave_out(c, different == 0 ? std::string("it has no value in the rows that are trained on")
                                         : "it is " + in_quotes(words[0].first) + " in every row that is trained on");
    }
    const std::int64_t least = asked ? 1 : std::clamp<std::int64_t>(statistics.rows / 100, 1, 5);
    const auto kept = std::min<std::int64_t>(
        std::count_if(words.begin(), words.end(), [&](const auto& w) { return w.second.count >= least; }),
        table_.options.text_as_words);
    const bool names = !asked && statistics.rows >= least_rows && different == statistics.rows - statistics.missing;
    if (kept == 0 || (names && !keep_all_)) {
      return leave_out(c, table_.options.text_as_words == 0
                              ? std::string("it is text")
                              : "nearly every row has a text of its own (--categorical " + column.name + ": words)");
    }
    for (std::int64_t w = 0; w < kept; ++w) column.categories.push_back(words[static_cast<std::size_t>(w)].first);
    column.other_input = kept < different;
    if (column.other_input && different > table_.options.text_as_words) {
      table_.remark(column_text(table_, c) + " has " + with_commas(different) + " different texts; the " +
                    with_commas(kept) + " most frequent are inputs of their own, the others share one");
    }
    column.missing_input = gaps && statistics.missing >= least;
    if (fills()) column.fill = is_auto() || zero() ? -1.0 : 0.0;
    tell_missing(c, statistics, column.missing_input ? std::string("one more input says so") : "they count as no word");
  }

  void learn_date(std::size_t c, ColumnSchema& column) {
    const ColumnStatistics& statistics = statistics_[c];
    for (const DatePart part : date_parts) {
      const NumberStatistics& numbers = statistics.parts[static_cast<std::size_t>(part)];
      if (!numbers.varies()) continue;
      NumberFacts facts = facts_of(numbers);
      column.parts.push_back({part, facts, zero() ? facts.offset : numbers.mean});
    }
    if (column.parts.empty()) return leave_out(c, "it is the same date in every row that is trained on");
    if (fills()) column.fill = 0;
    column.missing_input = is_common(statistics);
    tell_missing(c, statistics,
                 column.missing_input ? "the mean takes their place, and one more input says so"
                                      : std::string("the mean takes their place"));
  }

  const Findings& table_;
  TableSchema& schema_;
  bool keep_all_;  // rows that are dropped for a missing value must be the same before and after
  std::vector<ColumnStatistics> statistics_;
};

}  // namespace

TableSchema infer_schema(const CsvText& text, const datasets::CsvOptions& options, std::vector<std::string>* remarks) {
  check_options(text, options);
  const Findings table = find_out(text, options, remarks);
  const std::size_t label = find_label(table);
  TableSchema schema = first_schema(table, label);
  const bool pixels = is_pixel_table(table, label);
  const auto inputs = [&] {
    return static_cast<std::size_t>(std::count_if(schema.columns.begin(), schema.columns.end(),
                                                  [](const ColumnSchema& c) { return c.is_input(); }));
  };
  const std::size_t label_counted = schema.columns[label].is_input() ? 1 : 0;
  const bool image = pixels && inputs() - label_counted == mnist_pixels;
  settle_label(table, schema, label, image);
  if (inputs() == 0) throw Error(ErrorCode::bad_data, text.name + ": has no column besides the label");
  if (!pixels) Learner(table, schema).learn();
  schema.bytes = inputs() > 0;
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    const ColumnSchema& column = schema.columns[c];
    if (!column.is_input()) continue;
    const bool whole = column.role == ColumnRole::number && table.columns[c].bytes && table.columns[c].words == 0;
    schema.bytes = schema.bytes && whole && column.facts.offset == 0 && !column.missing_input &&
                   (table.columns[c].missing == 0 || column.fill.value_or(0) == 0);
  }
  schema.image = image && schema.bytes;
  if (schema.width() == 0) {
    throw Error(ErrorCode::bad_data,
                text.name + ": no column besides the label varies, so there is nothing to learn from");
  }
  return schema;
}

}  // namespace gradus
