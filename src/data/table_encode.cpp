// Rows of a table as numbers, by a schema that is known.

#include <algorithm>
#include <limits>
#include <unordered_map>
#include <unordered_set>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"
#include "data/row_store.hpp"
#include "data/table_fields.hpp"
#include "data/table_oddities.hpp"
#include "data/table_survey.hpp"

namespace gradus {

Reading read_number(const ColumnSchema& column, const CsvField& field, char decimal, double& value) {
  const FieldKind kind = field_kind(field, value, decimal);
  if (kind != FieldKind::word) return kind == FieldKind::number ? Reading::value : Reading::missing;
  if (const auto truth = boolean_of(field.text); truth && column.facts.least >= -1 && column.facts.greatest <= 2) {
    value = *truth ? 1 : 0;
    return Reading::value;
  }
  return column.text_is_missing ? Reading::missing : Reading::wrong;
}

Reading read_date(const ColumnSchema& column, const CsvField& field, DateTime& date) {
  const std::string_view text = field.quoted ? trim(field.text) : field.text;
  if (is_missing_spelling(text)) return Reading::missing;
  const auto parsed = DateTime::parse(text, column.date_order);
  if (parsed) date = *parsed;
  return parsed ? Reading::value : column.text_is_missing ? Reading::missing : Reading::wrong;
}

bool is_missing_word(const CsvField& field) {
  return is_missing_spelling(field.quoted ? trim(field.text) : field.text);
}

namespace {

using Index = std::unordered_map<std::string, std::int32_t>;

// Everything about a run over the rows that does not change from row to row.
class Encoder {
 public:
  Encoder(const TableSchema& schema, const CsvText& text, bool labelled, bool further);

  // False when `T` is bytes and a feature is none.
  template <class T>
  bool encode(std::vector<T>& features, EncodedRows& out, TemporaryFile* file) const;
  void report(std::vector<std::string>& remarks) const;

 private:
  static constexpr std::size_t absent = std::numeric_limits<std::size_t>::max();

  void match_by_name();
  void match_by_position();
  void find_decimals();
  // Puts the features of a row at `out`. `misfit` is set for a number that T cannot hold; false: the row is dropped.
  template <class T>
  bool encode_row(const std::vector<CsvField>& row, std::int64_t line, T* out, bool& misfit) const;
  // The same for one column; both put nothing where the value is missing, and say so.
  template <class T>
  bool encode_number(std::size_t column, const CsvField& field, std::int64_t line, T*& out, bool& misfit) const;
  template <class T>
  bool encode_date(std::size_t column, const CsvField& field, std::int64_t line, T*& out, bool& misfit) const;
  template <class T>
  bool encode_word(std::size_t column, const CsvField& field, std::int64_t line, T*& out) const;
  template <class T>
  void put(const NumberFacts& facts, std::size_t column, double value, const CsvField& field, std::int64_t line,
           T*& out, bool& misfit) const;
  bool encode_label(const CsvField& field, std::int64_t line, EncodedRows& out) const;
  bool encode_weight(const CsvField& field, std::int64_t line, EncodedRows& out) const;
  [[nodiscard]] char decimal_of(std::size_t column, const CsvField& field) const;
  [[nodiscard]] std::int32_t word_at(std::size_t column, const CsvField& field) const;
  [[nodiscard]] std::int32_t class_at(const CsvField& field, std::int64_t line) const;
  [[nodiscard]] std::size_t rows_expected(const TableRows& rows, std::int64_t done) const;
  [[noreturn]] void fail(std::int64_t line, std::size_t column, const std::string& sentence) const;
  [[noreturn]] void fail_wrong(std::int64_t line, std::size_t column, std::string_view text,
                               const char* expected) const;
  [[noreturn]] void fail_unknown(std::int64_t line, const std::string& word) const;

  const TableSchema& schema_;
  const CsvText& text_;
  bool labelled_, further_;
  std::size_t width_;
  std::size_t label_;
  std::optional<std::size_t> weight_;  // where the rows have one
  mutable OddColumns odd_;             // of further rows
  std::vector<std::size_t> places_;    // of the schema's columns in the text's rows
  std::vector<char> decimals_;         // of the schema's columns in this text
  std::vector<Index> indices_;         // category -> number, by column
};

Encoder::Encoder(const TableSchema& schema, const CsvText& text, bool labelled, bool further)
    : schema_(schema),
      text_(text),
      labelled_(labelled),
      further_(further),
      width_(static_cast<std::size_t>(schema.width())),
      label_(schema.label()),
      weight_(labelled ? schema.weight() : std::nullopt),
      places_(schema.columns.size(), absent),
      indices_(schema.columns.size()) {
  if (schema.header && text.header) {
    match_by_name();
  } else {
    match_by_position();
  }
  if (weight_ && places_[*weight_] == absent) weight_.reset();
  for (std::size_t c = 0; c < schema.columns.size(); ++c) {
    std::int32_t number = 0;
    for (const std::string& category : schema.columns[c].categories) indices_[c].emplace(category, number++);
    decimals_.push_back(schema.columns[c].decimal);
  }
  if (further && !text.json) find_decimals();
}

// Further rows may be written in another way than those that were trained on.
void Encoder::find_decimals() {
  constexpr std::int64_t rows_looked_at = 1000;
  std::vector<char> usual(text_.columns.size(), '.');
  for (std::size_t c = 0; c < places_.size(); ++c) {
    if (places_[c] != absent) usual[places_[c]] = decimals_[c];
  }
  const std::vector<char> marks = decimal_marks(text_, survey_some(text_, rows_looked_at), usual);
  for (std::size_t c = 0; c < places_.size(); ++c) {
    if (places_[c] != absent) decimals_[c] = marks[places_[c]];
  }
}

// JSON's own numbers have a decimal point; its texts are as the table's.
char Encoder::decimal_of(std::size_t column, const CsvField& field) const {
  return text_.json && !field.quoted ? '.' : decimals_[column];
}

void Encoder::match_by_name() {
  ColumnFinder columns(text_.columns);
  for (std::size_t c = 0; c < places_.size(); ++c) {
    const std::string& name = schema_.columns[c].name;
    if (const auto found = columns.find(name)) {
      places_[c] = *found;
      continue;
    }
    const bool needed = c == label_ ? labelled_ : schema_.columns[c].is_input();
    if (needed) {
      throw Error(ErrorCode::bad_data,
                  text_.name + ": there is no column " + in_quotes(name) + did_you_mean(name, text_.columns));
    }
  }
}

void Encoder::match_by_position() {
  const bool all = text_.columns.size() == schema_.columns.size();
  const bool all_but_label = text_.columns.size() + 1 == schema_.columns.size() && !labelled_;
  const std::optional<std::size_t> weight = schema_.weight();
  const bool features_alone = text_.columns.size() + 2 == schema_.columns.size() && !labelled_ && weight;
  if (!all && !all_but_label && !features_alone) {
    throw Error(ErrorCode::bad_data, text_.name +
                                         ":1: " + count_of(static_cast<std::int64_t>(text_.columns.size()), "field") +
                                         ", expected " + std::to_string(schema_.columns.size()) +
                                         (labelled_ ? "" : ", or one fewer without the label"));
  }
  std::size_t place = 0;
  for (std::size_t c = 0; c < places_.size(); ++c) {
    const bool left_out = c == label_ || (features_alone && c == *weight);
    if (all || !left_out) places_[c] = place++;
  }
}

void Encoder::fail(std::int64_t line, std::size_t column, const std::string& sentence) const {
  throw Error(ErrorCode::bad_data, text_.name + ":" + std::to_string(line) + ": column " +
                                       in_quotes(schema_.columns[column].name) + ": " + sentence);
}

void Encoder::fail_wrong(std::int64_t line, std::size_t column, std::string_view text, const char* expected) const {
  if (is_beyond_numbers(text)) fail(line, column, in_quotes(text) + " is not a finite number");
  fail(line, column, in_quotes(text) + " is not " + expected);
}

void Encoder::fail_unknown(std::int64_t line, const std::string& word) const {
  const ColumnSchema& of = schema_.columns[label_];
  const auto known = static_cast<std::int64_t>(of.categories.size());
  if (parse_int(word) && known > 0 && of.categories.front() == "0" &&
      of.categories.back() == std::to_string(known - 1)) {
    fail(line, label_, "label " + word + " is outside 0 to " + of.categories.back());
  }
  fail(line, label_,
       in_quotes(word) + " is none of the " + with_commas(known) + " classes" + did_you_mean(word, of.categories));
}

// The place of a word among the column's; -1 where it is none of them.
std::int32_t Encoder::word_at(std::size_t column, const CsvField& field) const {
  const Index& index = indices_[column];
  const auto exact = index.find(std::string(field.text));
  if (exact != index.end()) return exact->second;
  // Other spellings of true, false and of whole numbers: 007 and 7.0 of 7.
  const auto truth = boolean_of(field.text);
  const auto number = parse_real(field.text);
  if (!truth && !number) return -1;
  for (const auto& [category, place] : index) {
    if (truth ? boolean_of(category) == truth : class_key({category, false}) == class_key(field)) return place;
  }
  return -1;
}

std::int32_t Encoder::class_at(const CsvField& field, std::int64_t line) const {
  const std::string key = class_key(field);
  const auto exact = indices_[label_].find(key);
  if (exact != indices_[label_].end()) return exact->second;
  const std::int32_t other = word_at(label_, field);
  if (other < 0) fail_unknown(line, key);
  return other;
}

void Encoder::report(std::vector<std::string>& remarks) const {
  std::string unused;
  if (schema_.header && text_.header) {
    std::unordered_set<std::string_view> known;
    for (const ColumnSchema& column : schema_.columns) known.insert(column.name);
    for (const std::string& name : text_.columns) {
      if (!known.contains(name)) unused += (unused.empty() ? "" : ", ") + in_quotes(name);
    }
  }
  if (!unused.empty())
    remarks.push_back(text_.name + ": not used, since the model does not know them: columns " + unused);
  if (labelled_ && schema_.weight() && !weight_) {
    remarks.push_back(text_.name + ": there is no column " + in_quotes(schema_.columns[*schema_.weight()].name) +
                      " with weights, so all rows count alike");
  }
  remarks_on(odd_, schema_, text_.name, remarks);
}

// One number, held within what training saw, as an input.
template <class T>
void Encoder::put(const NumberFacts& facts, std::size_t column, double value, const CsvField& field, std::int64_t line,
                  T*& out, bool& misfit) const {
  if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
    fail(line, column, in_quotes(field.text) + " is too large for a 32-bit float");
  }
  const double held = std::clamp(value, facts.least, facts.greatest);
  if (further_ && held != value) odd_[column].outside.note(field.text, line);
  value = facts.input(held);
  if constexpr (sizeof(T) == 1) {
    const bool fits = value >= 0 && value <= 255 && value == static_cast<int>(value);
    misfit = misfit || !fits;
    value = fits ? value : 0;
  }
  *out++ = static_cast<T>(value);
}

template <class T>
bool Encoder::encode_number(std::size_t column, const CsvField& field, std::int64_t line, T*& out, bool& misfit) const {
  double value = 0;
  const ColumnSchema& of = schema_.columns[column];
  const Reading reading = read_number(of, field, decimal_of(column, field), value);
  if (reading == Reading::wrong) fail_wrong(line, column, field.text, "a number");
  if (reading == Reading::missing) return false;
  put(of.facts, column, value, field, line, out, misfit);
  return true;
}

template <class T>
bool Encoder::encode_date(std::size_t column, const CsvField& field, std::int64_t line, T*& out, bool& misfit) const {
  DateTime date;
  const ColumnSchema& of = schema_.columns[column];
  const Reading reading = read_date(of, field, date);
  if (reading == Reading::wrong) fail_wrong(line, column, field.text, "a date");
  if (reading == Reading::missing) return false;
  for (const DateInput& input : of.parts) put(input.facts, column, date.part(input.part), field, line, out, misfit);
  return true;
}

template <class T>
bool Encoder::encode_word(std::size_t column, const CsvField& field, std::int64_t line, T*& out) const {
  const ColumnSchema& of = schema_.columns[column];
  if (is_missing_word(field) && !indices_[column].contains(std::string(field.text))) return false;
  const std::int32_t word = word_at(column, field);
  if (word < 0 && further_) odd_[column].unknown_word.note(field.text, line);
  std::fill_n(out, of.categories.size(), T{0});
  if (word >= 0) out[word] = T{1};
  out += of.categories.size();
  if (of.other_input) *out++ = word < 0 ? T{1} : T{0};
  return true;
}

template <class T>
bool Encoder::encode_row(const std::vector<CsvField>& row, std::int64_t line, T* out, bool& misfit) const {
  for (std::size_t c = 0; c < places_.size(); ++c) {
    const ColumnSchema& column = schema_.columns[c];
    if (!column.is_input()) continue;
    const CsvField& field = row[places_[c]];
    const bool there = column.role == ColumnRole::number ? encode_number(c, field, line, out, misfit)
                       : column.role == ColumnRole::date ? encode_date(c, field, line, out, misfit)
                                                         : encode_word(c, field, line, out);
    if (!there) {
      if (schema_.drop_missing && labelled_) return false;
      if (!column.fill) {
        fail(line, c,
             further_ ? "the value is missing, and the model learnt from a table where none was"
                      : "the value is missing (missing values can be filled with mean or zero, or their rows "
                        "dropped)");
      }
      if (further_) odd_[c].missing.note(field.text, line);
      if (column.role == ColumnRole::words) {
        std::fill_n(out, column.categories.size(), T{0});
        if (*column.fill >= 0) out[static_cast<std::size_t>(*column.fill)] = T{1};
        out += column.categories.size();
        if (column.other_input) *out++ = T{0};
      }
      const auto fill = [&](double value, const NumberFacts& facts) { *out++ = static_cast<T>(facts.input(value)); };
      if (column.role == ColumnRole::number) fill(*column.fill, column.facts);
      for (const DateInput& input : column.parts) fill(input.fill, input.facts);
    }
    if (column.missing_input) *out++ = there ? T{0} : T{1};
  }
  return true;
}

bool Encoder::encode_label(const CsvField& field, std::int64_t line, EncodedRows& out) const {
  double value = 0;
  const FieldKind kind = field_kind(field, value, decimal_of(label_, field));
  const bool target = schema_.columns[label_].role == ColumnRole::target;
  // Where "NA" is a class it is not missing.
  if (kind == FieldKind::missing && (target || !indices_[label_].contains(std::string(field.text)))) {
    if (!schema_.drop_missing && !schema_.drop_unlabelled) fail(line, label_, "the label is missing");
    return false;
  }
  if (target) {
    if (kind == FieldKind::word) fail_wrong(line, label_, field.text, "a number");
    if (std::abs(value) > static_cast<double>(std::numeric_limits<float>::max())) {
      fail(line, label_, in_quotes(field.text) + " is too large for a 32-bit float");
    }
    out.targets.push_back(static_cast<Real>(value));
  } else {
    out.labels.push_back(class_at(field, line));
  }
  return true;
}

bool Encoder::encode_weight(const CsvField& field, std::int64_t line, EncodedRows& out) const {
  double value = 0;
  const FieldKind kind = field_kind(field, value, decimal_of(*weight_, field));
  if (kind == FieldKind::missing) {
    if (!schema_.drop_missing) fail(line, *weight_, "the weight is missing");
    return false;
  }
  if (kind == FieldKind::word || !(value >= 0) || value > static_cast<double>(std::numeric_limits<float>::max())) {
    fail(line, *weight_, in_quotes(field.text) + " is no weight: expected a number of 0 or more");
  }
  out.weights.push_back(static_cast<Real>(value));
  return true;
}

// Judged by how much of the text the rows so far and the one at hand took. Memory follows what was read: at most some
// eight times as many, and more than there are.
std::size_t Encoder::rows_expected(const TableRows& rows, std::int64_t done) const {
  const double share = static_cast<double>(rows.position()) / static_cast<double>(text_.text().size());
  const double so_far = static_cast<double>(done);
  return static_cast<std::size_t>(std::min(1.05 * (so_far + 1) / share, 8 * so_far + 64)) + 1;
}

template <class T>
bool Encoder::encode(std::vector<T>& features, EncodedRows& out, TemporaryFile* file) const {
  TableRows rows(text_);
  std::vector<CsvField> row;
  RowStore<T> store(text_, features, width_, file);
  out.rows = 0;
  bool misfit = false;
  while (rows.next_whole(row)) {
    T* const place = store.next([&] { return rows_expected(rows, out.rows); });
    if (!encode_row(row, rows.line(), place, misfit)) continue;
    if (misfit) return false;
    if (weight_ && !encode_weight(row[places_[*weight_]], rows.line(), out)) continue;
    if (labelled_ && !encode_label(row[places_[label_]], rows.line(), out)) {
      if (weight_) out.weights.pop_back();
      continue;
    }
    if (further_) out.lines.push_back(rows.line());
    ++out.rows;
    store.keep();
  }
  store.finish();
  return true;
}

}  // namespace

EncodedRows encode_rows(const TableSchema& schema, const CsvText& text, bool labelled,
                        std::vector<std::string>* remarks, bool on_disk) {
  const Encoder encoder(schema, text, labelled, remarks != nullptr);
  EncodedRows out;
  const auto encode = [&](auto& features) {
    std::optional<TemporaryFile> file;
    if (on_disk) file.emplace();
    if (!encoder.encode(features, out, file ? &*file : nullptr)) return false;
    if (file && out.rows > 0) out.file = file->map();
    return true;
  };
  out.is_bytes = schema.bytes && schema.columns[schema.label()].role == ColumnRole::classes;
  if (out.is_bytes && !encode(out.bytes)) out = {};
  if (!out.is_bytes) encode(out.reals);
  if (remarks != nullptr) encoder.report(*remarks);
  return out;
}

}  // namespace gradus
