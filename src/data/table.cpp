#include "data/table.hpp"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <map>
#include <unordered_map>
#include <utility>

#include <gradus/error.hpp>

#include "base/nearest.hpp"
#include "base/text.hpp"

namespace gradus {

std::size_t TableSchema::label() const {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].role == ColumnRole::classes || columns[c].role == ColumnRole::target) return c;
  }
  throw Error(ErrorCode::invalid_argument, "a table's schema must have a label column");
}

std::optional<std::size_t> TableSchema::weight() const {
  for (std::size_t c = 0; c < columns.size(); ++c) {
    if (columns[c].role == ColumnRole::weight) return c;
  }
  return std::nullopt;
}

namespace {

[[noreturn]] void refuse_column(const std::string& sentence) { throw Error(ErrorCode::invalid_argument, sentence); }

auto column_of(TableSchema& schema, const std::string& name) {
  return std::find_if(schema.columns.begin(), schema.columns.end(),
                      [&](const ColumnSchema& each) { return each.name == name; });
}

bool is_input(const ColumnSchema& column) {
  return column.role == ColumnRole::number || column.role == ColumnRole::words;
}

}  // namespace

TableSchema with_weight(TableSchema schema, const std::string& column) {
  for (ColumnSchema& each : schema.columns) {
    if (each.role == ColumnRole::weight) each.role = ColumnRole::ignored;
  }
  const auto named = column_of(schema, column);
  if (named == schema.columns.end()) {
    if (!schema.header) refuse_column("the table that the model learnt from has no column " + column);
    schema.columns.push_back({.name = column, .role = ColumnRole::weight});
  } else if (named->role != ColumnRole::ignored) {
    refuse_column("column " + in_quotes(column) + " cannot hold weights: it is " +
                  (is_input(*named) ? "an input of the model" : "the label"));
  } else {
    named->role = ColumnRole::weight;
  }
  return schema;
}

TableSchema with_label(TableSchema schema, const std::string& column) {
  const std::string before = schema.columns[schema.label()].name;
  if (column == before) return schema;
  const auto named = column_of(schema, column);
  if (named != schema.columns.end() && is_input(*named)) {
    refuse_column("column " + in_quotes(column) + " cannot be the label: it is an input of the model");
  }
  if (!schema.header) {
    refuse_column("column " + in_quotes(column) +
                  " cannot be the label: in the table that the model learnt from it is " + in_quotes(before));
  }
  if (named != schema.columns.end()) schema.columns.erase(named);
  schema.columns[schema.label()].name = column;
  return schema;
}

std::int64_t TableSchema::width() const {
  std::int64_t width = 0;
  for (const ColumnSchema& column : columns) {
    if (column.role == ColumnRole::number) ++width;
    if (column.role == ColumnRole::words) width += static_cast<std::int64_t>(column.categories.size());
  }
  return width;
}

Shape TableSchema::sample_shape() const { return image ? Shape{28, 28, 1} : Shape{width()}; }

std::vector<std::string> TableSchema::feature_names() const {
  std::vector<std::string> names;
  if (image) return names;
  for (const ColumnSchema& column : columns) {
    if (column.role == ColumnRole::number) names.push_back(column.name);
    if (column.role != ColumnRole::words) continue;
    for (const std::string& word : column.categories) names.push_back(column.name + "=" + word);
  }
  return names;
}

std::string class_key(const CsvField& field) {
  double value = 0;
  constexpr double exact = 1e15;  // beyond it doubles skip whole numbers
  if (field_kind(field, value) == FieldKind::number &&
      value == static_cast<double>(static_cast<std::int64_t>(std::clamp(value, -exact, exact)))) {
    return std::to_string(static_cast<std::int64_t>(value));
  }
  return std::string(field.text);
}

namespace {

using Index = std::unordered_map<std::string, std::int32_t>;

// The features of rows, on their way into memory or, a piece at a time, into a file.
template <class T>
class RowStore {
 public:
  RowStore(std::vector<T>& numbers, std::size_t width, TemporaryFile* file)
      : numbers_(numbers),
        width_(width),
        file_(file),
        piece_(std::max<std::size_t>(1, piece_bytes / std::max<std::size_t>(1, width * sizeof(T)))) {}

  // Room for the next row, where `expected` gives how many rows there may be in all.
  template <class F>
  T* next(F&& expected) {
    const std::size_t begin = held_ * width_;
    if (begin + width_ > numbers_.size()) numbers_.resize((file_ != nullptr ? piece_ : expected()) * width_);
    return numbers_.data() + begin;
  }
  // The row is complete, and one of them.
  void keep() {
    ++held_;
    if (file_ != nullptr && held_ == piece_) flush();
  }
  void finish() {
    if (file_ != nullptr) flush();
    numbers_.resize(held_ * width_);
  }

 private:
  static constexpr std::size_t piece_bytes = std::size_t{1} << 20;
  void flush() {
    file_->append({reinterpret_cast<const std::uint8_t*>(numbers_.data()), held_ * width_ * sizeof(T)});
    held_ = 0;
  }

  std::vector<T>& numbers_;
  std::size_t width_;
  TemporaryFile* file_;
  std::size_t piece_;     // rows
  std::size_t held_ = 0;  // rows in numbers_
};

// Everything about a run over the rows that does not change from row to row.
class Encoder {
 public:
  Encoder(const TableSchema& schema, const CsvText& text, bool labelled, bool lenient);

  // False when `T` is bytes and a feature is none.
  template <class T>
  bool encode(std::vector<T>& features, EncodedRows& out, TemporaryFile* file) const;
  void report(std::vector<std::string>& remarks) const;

 private:
  struct Unknown {
    std::int64_t count = 0;
    std::string first;
    std::int64_t line = 0;
  };
  static constexpr std::size_t absent = std::numeric_limits<std::size_t>::max();

  void match_by_name();
  void match_by_position();
  // Puts the features of a row at `out`. `misfit` is set for a number that T cannot hold; false: the row is dropped.
  template <class T>
  bool encode_row(const std::vector<CsvField>& row, std::int64_t line, T* out, bool& misfit) const;
  bool encode_label(const CsvField& field, std::int64_t line, EncodedRows& out) const;
  bool encode_weight(const CsvField& field, std::int64_t line, EncodedRows& out) const;
  std::optional<std::int32_t> word_at(std::size_t column, const CsvField& field, std::int64_t line) const;
  [[nodiscard]] std::size_t rows_expected(const CsvScanner& rows, std::int64_t done) const;
  [[noreturn]] void fail(std::int64_t line, std::size_t column, const std::string& sentence) const;
  [[noreturn]] void fail_unknown(std::int64_t line, std::size_t column, const std::string& word) const;

  const TableSchema& schema_;
  const CsvText& text_;
  bool labelled_, lenient_;
  std::size_t width_;
  std::size_t label_;
  std::optional<std::size_t> weight_;               // where the rows have one
  mutable std::map<std::size_t, Unknown> unknown_;  // words by column, of further rows
  std::vector<std::size_t> places_;                 // of the schema's columns in the text's rows
  std::vector<Index> indices_;                      // category -> number, by column
};

Encoder::Encoder(const TableSchema& schema, const CsvText& text, bool labelled, bool lenient)
    : schema_(schema),
      text_(text),
      labelled_(labelled),
      lenient_(lenient),
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
  }
}

void Encoder::match_by_name() {
  for (std::size_t c = 0; c < places_.size(); ++c) {
    const std::string& name = schema_.columns[c].name;
    const auto found = std::find(text_.columns.begin(), text_.columns.end(), name);
    if (found != text_.columns.end()) {
      places_[c] = static_cast<std::size_t>(found - text_.columns.begin());
      continue;
    }
    const ColumnRole role = schema_.columns[c].role;
    const bool needed = c == label_ ? labelled_ : role != ColumnRole::ignored && role != ColumnRole::weight;
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

void Encoder::fail_unknown(std::int64_t line, std::size_t column, const std::string& word) const {
  const ColumnSchema& of = schema_.columns[column];
  const auto known = static_cast<std::int64_t>(of.categories.size());
  if (of.role == ColumnRole::classes && parse_int(word) && known > 0 && of.categories.front() == "0" &&
      of.categories.back() == std::to_string(known - 1)) {
    fail(line, column, "label " + word + " is outside 0 to " + of.categories.back());
  }
  fail(line, column,
       in_quotes(word) + " is none of the " + with_commas(known) +
           (of.role == ColumnRole::classes ? " classes" : " words that are known") + did_you_mean(word, of.categories));
}

std::optional<std::int32_t> Encoder::word_at(std::size_t column, const CsvField& field, std::int64_t line) const {
  const ColumnSchema& of = schema_.columns[column];
  const std::string key = of.role == ColumnRole::classes ? class_key(field) : std::string(field.text);
  if (key.empty()) return std::nullopt;
  const auto found = indices_[column].find(key);
  if (found != indices_[column].end()) return found->second;
  if (!lenient_ || of.role == ColumnRole::classes) fail_unknown(line, column, key);
  Unknown& unknown = unknown_[column];
  if (unknown.count++ == 0) unknown.first = key, unknown.line = line;
  return -1;
}

void Encoder::report(std::vector<std::string>& remarks) const {
  std::string unused;
  for (const std::string& name : text_.columns) {
    const bool known = !schema_.header || !text_.header ||
                       std::any_of(schema_.columns.begin(), schema_.columns.end(),
                                   [&](const ColumnSchema& column) { return column.name == name; });
    if (!known) unused += (unused.empty() ? "" : ", ") + in_quotes(name);
  }
  if (!unused.empty())
    remarks.push_back(text_.name + ": not used, since the model does not know them: columns " + unused);
  if (labelled_ && schema_.weight() && !weight_) {
    remarks.push_back(text_.name + ": there is no column " + in_quotes(schema_.columns[*schema_.weight()].name) +
                      " with weights, so all rows count alike");
  }
  for (const auto& [column, unknown] : unknown_) {
    const ColumnSchema& of = schema_.columns[column];
    remarks.push_back(text_.name + ":" + std::to_string(unknown.line) + ": column " + in_quotes(of.name) + ": " +
                      in_quotes(unknown.first) + " is none of the words that the model knows" +
                      did_you_mean(unknown.first, of.categories) + "; it counts as none of them (" +
                      count_of(unknown.count, "row") + ")");
  }
}

template <class T>
bool Encoder::encode_row(const std::vector<CsvField>& row, std::int64_t line, T* out, bool& misfit) const {
  for (std::size_t c = 0; c < places_.size(); ++c) {
    const ColumnSchema& column = schema_.columns[c];
    if (column.role != ColumnRole::number && column.role != ColumnRole::words) continue;
    const CsvField& field = row[places_[c]];
    bool missing = false;
    double value = 0;  // the number, or the place of the word
    if (column.role == ColumnRole::number) {
      const FieldKind kind = field_kind(field, value);
      if (kind == FieldKind::word) fail(line, c, in_quotes(field.text) + " is not a number");
      missing = kind == FieldKind::missing;
    } else {
      const auto word = word_at(c, field, line);
      missing = !word;
      value = word.value_or(-1);
    }
    if (missing) {
      if (schema_.drop_missing && labelled_) return false;
      if (!column.fill)
        fail(line, c, "the value is missing (missing values can be filled with mean or zero, or their rows dropped)");
      value = *column.fill;
    }
    if (column.role == ColumnRole::words) {
      std::fill_n(out, column.categories.size(), T{0});
      if (value >= 0) out[static_cast<std::size_t>(value)] = T{1};
      out += column.categories.size();
      continue;
    }
    if constexpr (sizeof(T) == 1) {
      const bool fits = value >= 0 && value <= 255 && value == static_cast<int>(value);
      misfit = misfit || !fits;
      value = fits ? value : 0;
    }
    *out++ = static_cast<T>(value);
  }
  return true;
}

bool Encoder::encode_label(const CsvField& field, std::int64_t line, EncodedRows& out) const {
  double value = 0;
  const FieldKind kind = field_kind(field, value);
  const bool target = schema_.columns[label_].role == ColumnRole::target;
  // Where "NA" is a class it is no missing value.
  if (kind == FieldKind::missing && (target || !indices_[label_].contains(std::string(field.text)))) {
    if (!schema_.drop_missing) fail(line, label_, "the label is missing");
    return false;
  }
  if (target) {
    if (kind == FieldKind::word) fail(line, label_, in_quotes(field.text) + " is not a number");
    out.targets.push_back(static_cast<Real>(value));
  } else {
    out.labels.push_back(*word_at(label_, field, line));
  }
  return true;
}

bool Encoder::encode_weight(const CsvField& field, std::int64_t line, EncodedRows& out) const {
  double value = 0;
  const FieldKind kind = field_kind(field, value);
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
std::size_t Encoder::rows_expected(const CsvScanner& rows, std::int64_t done) const {
  const double share = static_cast<double>(rows.position()) / static_cast<double>(text_.text().size());
  const double so_far = static_cast<double>(done);
  return static_cast<std::size_t>(std::min(1.05 * (so_far + 1) / share, 8 * so_far + 64)) + 1;
}

template <class T>
bool Encoder::encode(std::vector<T>& features, EncodedRows& out, TemporaryFile* file) const {
  CsvScanner rows = text_.rows();
  std::vector<CsvField> row;
  RowStore<T> store(features, width_, file);
  out.rows = 0;
  bool misfit = false;
  while (rows.next(row)) {
    if (row.size() != text_.columns.size()) {
      throw Error(ErrorCode::bad_data, text_.name + ":" + std::to_string(rows.line()) + ": " +
                                           count_of(static_cast<std::int64_t>(row.size()), "field") + ", expected " +
                                           std::to_string(text_.columns.size()) + " as in the first line");
    }
    T* const place = store.next([&] { return rows_expected(rows, out.rows); });
    if (!encode_row(row, rows.line(), place, misfit)) continue;
    if (misfit) return false;
    if (weight_ && !encode_weight(row[places_[*weight_]], rows.line(), out)) continue;
    if (labelled_ && !encode_label(row[places_[label_]], rows.line(), out)) {
      if (weight_) out.weights.pop_back();
      continue;
    }
    if (lenient_) out.lines.push_back(rows.line());
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

CsvText text_for(const TableSchema& schema, const std::string& name, const HeldBytes& bytes) {
  datasets::CsvOptions options;
  if (schema.header) {
    options.header = true;
    try {
      CsvText text = csv_text(name, bytes, options);
      std::size_t inputs = 0, named = 0;
      for (const ColumnSchema& column : schema.columns) {
        if (column.role != ColumnRole::number && column.role != ColumnRole::words) continue;
        ++inputs;
        named += std::find(text.columns.begin(), text.columns.end(), column.name) != text.columns.end() ? 1 : 0;
      }
      if (2 * named >= inputs) return text;
    } catch (const Error&) {
      // A first line with a value twice is no header; what else is wrong is found again below.
    }
  }
  options.header = false;
  return csv_text(name, bytes, options);
}

std::string column_called(const TableSchema& schema, const CsvText& text, const std::string& wanted) {
  std::vector<std::string> names;
  if (schema.header && text.header) {
    names = text.columns;
  } else {
    for (const ColumnSchema& column : schema.columns) names.push_back(column.name);
  }
  if (std::find(names.begin(), names.end(), wanted) != names.end()) return wanted;
  const auto count = static_cast<std::int64_t>(names.size());
  if (const auto number = parse_int(wanted); number && *number >= -count && *number < count) {
    return names[static_cast<std::size_t>(*number < 0 ? *number + count : *number)];
  }
  throw Error(ErrorCode::not_found,
              text.name + ": there is no column " + in_quotes(wanted) + did_you_mean(wanted, names));
}

namespace {

TableSchema with_named(TableSchema schema, const CsvText& text, const NamedColumns& named) {
  // Without a header, columns are where they were: none can become another.
  const bool by_name = std::exchange(schema.header, schema.header && text.header);
  if (!named.label.empty()) schema = with_label(schema, column_called(schema, text, named.label));
  if (!named.weight.empty()) schema = with_weight(schema, column_called(schema, text, named.weight));
  schema.header = by_name;
  return schema;
}

}  // namespace

Dataset read_table(const std::string& path, const TableSchema& schema, std::vector<std::string>& remarks,
                   const NamedColumns& named, bool on_disk) {
  const CsvText text = text_for(schema, path, text_bytes(path, on_disk));
  return dataset_from(std::filesystem::path(path).filename().string(), with_named(schema, text, named), text, &remarks,
                      on_disk);
}

namespace {

Dataset with_targets(const std::string& name, const Shape& shape, EncodedRows& rows) {
  if (!rows.file) return Dataset::with_targets(name, shape, std::move(rows.reals), std::move(rows.targets), 1);
  return Dataset::on_disk(name, shape, DType::real, rows.file, 0, std::move(rows.targets), 1);
}

Dataset classified(const std::string& name, const Shape& shape, EncodedRows& rows, std::int32_t classes) {
  if (rows.file) {
    const DType type = rows.is_bytes ? DType::uint8 : DType::real;
    return Dataset::on_disk(name, shape, type, rows.file, 0, std::move(rows.labels), classes);
  }
  if (rows.is_bytes) return Dataset::classified(name, shape, std::move(rows.bytes), std::move(rows.labels), classes);
  return Dataset::classified(name, shape, std::move(rows.reals), std::move(rows.labels), classes);
}

}  // namespace

Dataset dataset_from(const std::string& name, const TableSchema& schema, const CsvText& text,
                     std::vector<std::string>* remarks, bool on_disk) {
  EncodedRows rows = encode_rows(schema, text, true, remarks, on_disk);
  if (rows.rows == 0) throw Error(ErrorCode::bad_data, text.name + ": every row has a missing value and was dropped");
  const ColumnSchema& label = schema.columns[schema.label()];
  const Shape shape = schema.sample_shape();
  Dataset set = label.role == ColumnRole::target
                    ? with_targets(name, shape, rows)
                    : classified(name, shape, rows, static_cast<std::int32_t>(label.categories.size()))
                          .with_class_names(label.categories);
  if (!rows.weights.empty()) set = set.with_sample_weights(std::move(rows.weights));
  return set.with_column_names(schema.feature_names()).with_table(std::make_shared<const TableSchema>(schema));
}

}  // namespace gradus
