#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include <gradus/dataset.hpp>
#include <gradus/tensor.hpp>

#include "data/csv_text.hpp"
#include "data/dates.hpp"

namespace gradus {

/// What becomes of a column of a table.
enum class ColumnRole : std::uint8_t {
  number,   ///< one number a row
  words,    ///< one number for each known word: 1 for the row's, 0 for the others
  classes,  ///< the label: a class
  target,   ///< the label: a number to predict
  ignored,
  weight,  ///< how much the row counts in training and evaluation
  date,    ///< a number for each part of a date that varies: year, month, ...
};

/// What training has seen of one number, an input of its own.
struct NumberFacts {
  /// Taken off in double, before rounding to Real: times in seconds since 1970 would lose their last digits otherwise.
  double offset = 0;
  /// What is left is divided by this, a power of two, in double: amounts as small as 1e-12 have squares that floats do
  /// not hold.
  double unit = 1;
  /// Numbers outside are taken for the nearest within. As wide as training saw, and a tenth more on either side.
  double least = -std::numeric_limits<double>::infinity();
  double greatest = std::numeric_limits<double>::infinity();

  /// The input that a value becomes.
  [[nodiscard]] double input(double value) const { return (value - offset) / unit; }

  friend bool operator==(const NumberFacts&, const NumberFacts&) = default;
};

/// A part of a date that varied in training.
struct DateInput {
  DatePart part = DatePart::elapsed;
  NumberFacts facts{};
  double fill = 0;  ///< where the date is missing

  friend bool operator==(const DateInput&, const DateInput&) = default;
};

struct ColumnSchema {
  std::string name;
  ColumnRole role = ColumnRole::number;
  /// The words of a column of words in the order of their numbers, the most frequent first; the class names in the
  /// order of the labels.
  std::vector<std::string> categories{};
  /// What stands for a missing number; for a missing word its place in `categories`, -1 for none. Of a date any number
  /// says that it may be missing. Empty: an error.
  std::optional<double> fill{};
  /// One more input: 1 where the value is missing.
  bool missing_input = false;
  /// Of words: one more input, 1 for a word that is rare in training or was never seen there.
  bool other_input = false;
  /// Of numbers and dates: a text that is neither counts as missing, not as an error.
  bool text_is_missing = false;
  char decimal = '.';                            ///< how numbers are written
  DateOrder date_order = DateOrder::year_first;  ///< how dates are written
  NumberFacts facts{};                           ///< of a number
  std::vector<DateInput> parts{};                ///< of a date

  /// How many numbers a row gives here.
  [[nodiscard]] std::int64_t width() const;
  [[nodiscard]] bool is_input() const {
    return role == ColumnRole::number || role == ColumnRole::words || role == ColumnRole::date;
  }
  [[nodiscard]] bool is_label() const { return role == ColumnRole::classes || role == ColumnRole::target; }

  friend bool operator==(const ColumnSchema&, const ColumnSchema&) = default;
};

/// How rows of a table become numbers: found out once from the training rows, then applied to any. All of it is data,
/// so that a model file can hold it.
struct TableSchema {
  std::vector<ColumnSchema> columns;  ///< all columns of the file in their order, the label among them
  bool header = false;                ///< the names are the file's own: columns are then found by name
  bool drop_missing = false;          ///< rows with a missing value are left out of training
  bool drop_unlabelled = false;       ///< rows without a label are left out of training and evaluation
  bool bytes = false;                 ///< all features were whole numbers from 0 to 255
  bool image = false;                 ///< 784 of them: (28, 28, 1)

  /// Index into `columns`, which has exactly one label.
  [[nodiscard]] std::size_t label() const;
  /// Index of the column of weights; nothing when all rows count alike.
  [[nodiscard]] std::optional<std::size_t> weight() const;
  /// How many numbers a row gives.
  [[nodiscard]] std::int64_t width() const;
  [[nodiscard]] Shape sample_shape() const;
  /// A name for each of these numbers: "age", "age=missing", "colour=red", "colour=other", "born.year"; empty for
  /// images.
  [[nodiscard]] std::vector<std::string> feature_names() const;
  /// Which of these numbers are amounts, to be brought to mean 0 and variance 1; the others are 0 or 1.
  [[nodiscard]] std::vector<bool> amounts() const;

  friend bool operator==(const TableSchema&, const TableSchema&) = default;
};

/// Finds out what each column is: its kind from all rows, what is learnt from it (words, means, ranges) from those that
/// `options.test_split` does not keep to test on. `remarks`, where given, gets a sentence for each guess and each
/// column that is left out. Throws as `datasets::csv` says.
TableSchema infer_schema(const CsvText& text, const datasets::CsvOptions& options,
                         std::vector<std::string>* remarks = nullptr);

/// The same schema with the weights in the column of this name: for rows that are weighted in another way than those
/// that were trained on. Throws `invalid_argument` when the column is the label or an input, or when the schema goes by
/// places and has no such column.
TableSchema with_weight(TableSchema schema, const std::string& column);
/// The same schema with the label in the column of this name, likewise.
TableSchema with_label(TableSchema schema, const std::string& column);

/// Rows as numbers.
struct EncodedRows {
  std::int64_t rows = 0;
  bool is_bytes = false;  ///< the features are in `bytes`, else in `reals`
  std::vector<std::uint8_t> bytes;
  std::vector<Real> reals;
  std::shared_ptr<const MappedFile> file;  ///< when set, they lie here instead
  std::vector<std::int32_t> labels;        ///< of a schema with classes
  std::vector<Real> targets;               ///< of a schema with a target
  std::vector<Real> weights;               ///< of a schema with weights, when the text has them
  std::vector<std::int64_t> lines;         ///< where each row stood
};

/// Applies a schema. With `labelled` false the columns of the label and of the weights may be absent and are not looked
/// at, no row is dropped, and `labels`, `targets` and `weights` stay empty. A text with a header is matched by the
/// columns' names, in any order; one without by position. A word that the schema does not know counts as "other" where
/// there is such an input, else as none of the known ones. Throws `bad_data`, naming line and column, for a class that
/// the schema does not know, for what is not a number in a column of numbers, and for a number that 32 bits cannot
/// hold.
///
/// With `remarks` the rows are further ones, for a model that is there already: columns that it does not know are left
/// out, weights may be absent, and `remarks` gets a sentence for each column with unknown words, numbers outside what
/// training saw, or missing values.
///
/// With `on_disk` the features go into a temporary file, and memory holds a mebibyte of them.
EncodedRows encode_rows(const TableSchema& schema, const CsvText& text, bool labelled,
                        std::vector<std::string>* remarks = nullptr, bool on_disk = false);

/// The rows of `text` as a set called `name`.
Dataset dataset_from(const std::string& name, const TableSchema& schema, const CsvText& text,
                     std::vector<std::string>* remarks = nullptr, bool on_disk = false);

/// Further rows of a table whose schema is known: the first line is a header when the schema has one and the line names
/// at least half of its inputs, or looks like one.
CsvText text_for(const TableSchema& schema, const std::string& name, const HeldBytes& bytes);
/// The schema's name for the column that `wanted` names in `text`, or counts there from 0, or from the end below 0: by
/// the header where both have one, else by place. Throws `not_found`.
std::string column_called(const TableSchema& schema, const CsvText& text, const std::string& wanted);

/// What further rows say of themselves: columns by name or by their number in the file, from 0. Empty: as in the
/// schema.
struct NamedColumns {
  std::string label{}, weight{};
};
/// Further labelled rows from a file, as `encode_rows` with remarks. Throws `not_found` for a named column that the
/// file does not have, and as with_weight and with_label do.
Dataset read_table(const std::string& path, const TableSchema& schema, std::vector<std::string>& remarks,
                   const NamedColumns& named = {}, bool on_disk = false);

/// A line without separators, as typed on standard input, cut at its blanks so that the fields fit the schema: words
/// may have blanks in them ("New York 3"). With separators of `text`'s kind put in; the line as it is where no cut
/// fits.
std::string separated_line(const TableSchema& schema, std::string_view line);

}  // namespace gradus
